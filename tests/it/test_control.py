"""The control socket and the commands on top of it."""
import http.client, json, os, signal, socket, stat, subprocess, threading
from harness import Case, PATIENCE, TASKD, UnixHTTP, WORKER, main, until


class Control(Case):
    def start(self, **workers):
        workers = workers or {"w": {"command": [WORKER, "ready", "loop:200"], "replicas": 2}}
        return self.box.start("-c", self.box.config(workers))

    def test_status_has_the_agreed_shape(self):
        p = self.start()
        self.box.in_unit("w@1")
        s = self.box.status()
        self.assertEqual(s["v"], 1)
        self.assertEqual(set(s["daemon"]), {"pid", "version", "state", "uptime_ms", "socket"})
        self.assertEqual((s["daemon"]["pid"], s["daemon"]["state"], s["daemon"]["socket"]), (p.pid, "running", self.box.sock))
        t = s["tasks"][0]
        self.assertLessEqual({"id", "worker", "state", "pid", "ready", "unit", "units", "restarts", "stop", "text", "last"}, set(t))
        self.assertEqual((t["id"], t["worker"], t["ready"], t["stop"], t["last"]), ("w@1", "w", True, None, None))
        self.assertLessEqual({"id", "age_ms", "done", "total", "msg"}, set(self.box.in_unit("w@1")["unit"]))

    def test_the_routes(self):
        self.start()
        for path, status in [("/v1/status", 200), ("/v1/version", 200), ("/healthz", 200), ("/readyz", 200), ("/v1/results", 200), ("/v1/tasks/w@1", 200),
                             ("/v1/tasks/w%401", 200), ("/v1/tasks/nobody", 404), ("/v1/nothing", 404)]:
            with self.subTest(path=path):
                self.assertEqual(self.box.request("GET", path)[0], status)
        self.assertEqual(self.box.request("DELETE", "/v1/status")[0], 405)
        status, body = self.box.request("GET", "/v1/tasks/wx")
        self.assertEqual(status, 404)
        self.assertIn("code", body["error"])
        self.assertIn("message", body["error"])

    def test_wait_during_and_after_a_life(self):
        flag = self.box.path("go")
        self.start(w={"command": ["sh", "-c", f"while ! test -e {flag}; do sleep 0.02; done; exit 5"], "restart": "no"}, k={"command": ["sleep", "1000"]})
        got = []
        waiters = [threading.Thread(target=lambda: got.append(self.box.get("/v1/tasks/w@1/wait"))) for _ in range(5)]
        for w in waiters:
            w.start()
        handle = self.box.task("w@1")["handle"]
        open(flag, "w").close()
        for w in waiters:
            w.join(PATIENCE)
        self.assertEqual([g["results"][0]["exit"]["code"] for g in got], [5] * 5)
        for name in ("w", "w@1", handle):
            r = self.box.cli("wait", name)
            self.assertEqual(r.returncode, 5, r.stderr)
            self.assertEqual(json.loads(r.stdout)["handle"], handle)

    def test_wait_times_out_and_stops_nothing(self):
        self.start(w={"command": ["sleep", "1000"]})
        r = self.box.cli("wait", "--timeout", "50ms", "w")
        self.assertEqual(r.returncode, 124, r.stderr)
        self.assertEqual(self.box.task("w@1")["state"], "running")

    def test_a_handle_of_the_past_is_found_in_the_journal(self):
        self.box.cli("run", "--name", "past", "--", "sh", "-c", "exit 9")
        self.start(w={"command": ["sleep", "1000"]})
        r = self.box.cli("wait", "past@1#1")
        self.assertEqual(r.returncode, 9, r.stderr)

    def test_stop_one_worker_leaves_the_others(self):
        self.start(a={"command": [WORKER, "ready", "loop:100"], "replicas": 2}, b={"command": [WORKER, "ready", "loop:100"]})
        self.box.in_unit("a@2")
        r = self.box.cli("stop", "a@1")
        self.assertEqual(r.returncode, 0, r.stderr)
        states = {id: t["state"] for id, t in self.box.tasks().items()}
        self.assertEqual(states, {"a@1": "stopped", "a@2": "running", "b@1": "running"})
        r = self.box.cli("stop", "a", "b")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual({t["state"] for t in self.box.tasks().values()}, {"stopped"})

    def test_stop_everything(self):
        p = self.start()
        self.box.in_unit("w@1")
        r = self.box.cli("stop")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("nothing lost", r.stdout + r.stderr)
        self.assertEqual(p.wait(30), 0)

    def test_stop_that_had_to_kill_is_not_0_and_names_the_unit(self):
        p = self.start(w={"command": [WORKER, "ready", "begin:poor.jpg", "work:600000"]})
        self.box.in_unit("w@1")
        r = self.box.cli("stop", "--timeout", "100ms")
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("poor.jpg", r.stdout + r.stderr)
        p.wait(30)

    def test_abort_states_what_happened(self):
        self.start(w={"command": [WORKER, "ready", "begin:u", "work:600000"]}, k={"command": ["sleep", "1000"]})
        handle = self.box.in_unit("w@1")["handle"]
        self.assertEqual(self.box.cli("abort", handle).returncode, 0)
        r = self.box.cli("wait", handle)
        self.assertEqual(r.returncode, 137, r.stderr)
        self.check_record(json.loads(r.stdout), "cancelled", "aborted")
        self.assertEqual(self.box.task("w@1")["state"], "stopped")

    def test_abort_of_a_finished_life_changes_nothing(self):
        self.start(w={"command": ["true"]}, k={"command": ["sleep", "1000"]})
        self.box.until_task("done", "w@1", lambda t: t["state"] == "done")
        self.box.cli("abort", "w@1")
        self.assertEqual(self.box.cli("wait", "w@1").returncode, 0)

    def test_status_of_the_cli(self):
        self.start()
        self.box.in_unit("w@1")
        r = self.box.cli("status")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("w@1", r.stdout)
        self.assertIn("running", r.stdout)
        self.assertEqual(json.loads(self.box.cli("status", "--json").stdout)["v"], 1)
        self.assertEqual([t["id"] for t in json.loads(self.box.cli("status", "--json", "w@2").stdout)["tasks"]], ["w@2"])
        self.assertEqual(self.box.cli("status", "nobody").returncode, 1)

    def test_results_of_the_cli(self):
        self.box.cli("run", "--name", "a", "--", "true")
        self.box.cli("run", "--name", "b", "--", "false")
        r = self.box.cli("results", "--json")
        self.assertEqual([json.loads(x)["handle"] for x in r.stdout.splitlines()], ["a@1#1", "b@1#2"])
        self.assertIn("failed", self.box.cli("results").stdout)

    def test_nobody_is_listening(self):
        for command in (["status"], ["stop"], ["wait", "x"], ["abort", "x"]):
            with self.subTest(command=command):
                r = self.box.cli(*command)
                self.assertEqual(r.returncode, 125, r.stderr)
                self.assertIn("taskd run", r.stderr)

    def test_a_client_that_vanishes_while_it_waits_costs_nothing(self):
        p = self.start(w={"command": ["sleep", "1000"]})
        fds = lambda: len(os.listdir(f"/proc/{p.pid}/fd"))
        before = fds()
        clients = []
        for _ in range(20):
            c = UnixHTTP(self.box.sock)
            c.request("GET", "/v1/tasks/w@1/wait")
            clients.append(c)
        until("most are connected", lambda: fds() >= before + 15)
        for c in clients:
            c.close()
        until("they are forgotten", lambda: fds() <= before)
        self.assertEqual(self.box.request("GET", "/healthz")[0], 200)

    def test_bounds_on_what_a_client_sends(self):
        self.start()
        raw = lambda data: self.exchange(data)
        self.assertIn(b" 431 ", raw(b"GET / HTTP/1.1\r\nX: " + b"a" * 100000 + b"\r\n\r\n")[:40])
        self.assertIn(b" 413 ", raw(b"POST /v1/shutdown HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n")[:40])
        self.assertIn(b" 400 ", raw(b"POST /v1/shutdown HTTP/1.1\r\nContent-Length: 3\r\n\r\n{]}")[:40])
        self.assertIn(b" 400 ", raw(b"nonsense\r\n\r\n")[:40])
        self.assertEqual(self.box.status()["daemon"]["state"], "running")

    def exchange(self, data):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.box.sock)
        try:
            s.sendall(data)
        except BrokenPipeError:
            pass
        try:
            return s.recv(4096)
        except ConnectionResetError:
            return b""
        finally:
            s.close()

    def test_a_thousand_clients_leave_room_for_one_more(self):
        self.start()
        idle = []
        for _ in range(400):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            try:
                s.connect(self.box.sock)
            except BlockingIOError:
                pass
            idle.append(s)
        until("somebody else is served", lambda: self.box.get("/healthz", quiet=True))
        for s in idle:
            s.close()

    def test_a_timeout_beyond_all_time_is_none(self):
        self.start()
        self.box.in_unit("w@1")
        status, _ = self.box.post("/v1/workers/w@1/stop", {"timeout_ms": 2**63 - 2})
        self.assertEqual(status, 202)
        self.box.until_task("stopped", "w@1", lambda t: t["state"] == "stopped")

    def test_the_socket_is_the_owners_alone(self):
        config = self.box.config({"w": {"command": ["sleep", "1000"]}})
        self.addCleanup(os.umask, os.umask(0))
        self.box.start("-c", config)
        self.assertEqual(stat.S_IMODE(os.stat(self.box.sock).st_mode), 0o600)

    def test_a_stranger_is_refused_on_every_route(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: asks as somebody else, while the owner is not root")
        os.chmod(self.box.dir, 0o777)
        as_user = lambda uid: ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
        err = open(self.box.path("err"), "ab")
        self.box.files.append(err)
        p = subprocess.Popen([*as_user(65534), *self.box.argv("run", "--", "sleep", "1000")], stderr=err, env=self.box.env())
        self.box.procs.append(p)
        until("it listens", lambda: self.box.get("/healthz", quiet=True))
        os.chmod(self.box.sock, 0o666)   # as if somebody had opened it
        for command in (["status"], ["stop"], ["abort", "sleep"], ["wait", "sleep"]):
            r = subprocess.run([*as_user(1234), *self.box.argv(*command)], capture_output=True, text=True, env=self.box.env(), timeout=60)
            self.assertEqual(r.returncode, 125, r.stdout + r.stderr)
        self.assertIsNone(p.poll())
        r = subprocess.run([*as_user(65534), *self.box.argv("stop")], capture_output=True, text=True, env=self.box.env(), timeout=60)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_kill_9_leaves_a_socket_that_the_next_one_takes(self):
        p = self.start(w={"command": ["sleep", "1000"]})
        pid = self.box.task("w@1")["pid"]
        p.kill()
        p.wait()
        self.assertTrue(os.path.exists(self.box.sock))
        os.kill(pid, signal.SIGKILL)
        q = self.start(w={"command": ["sleep", "1000"]})
        self.assertEqual(self.box.status()["daemon"]["pid"], q.pid)
        q.send_signal(signal.SIGTERM)
        q.wait(30)
        self.assertFalse(os.path.exists(self.box.sock))


if __name__ == "__main__":
    main()
