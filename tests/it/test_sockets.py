#!/usr/bin/env python3
"""Sockets that taskd opens once and hands to every life: nobody is refused while workers come and go."""
import collections, concurrent.futures, json, os, signal, socket, stat, sys, threading, time

from harness import WORKER, main, until
from serving import Sockets, ask, connect, has_ipv6, loopback, refuses


class Restarts(Sockets):
    RATE, RESTARTS = 200, 20

    def steady(self, address, stop):
        """Requests at a steady rate, however long the answers take. Returns how often what came of them."""
        def one():
            try:
                self.answers[ask(address)["pid"]] += 1
                return "answered"
            except OSError as e:
                return type(e).__name__
        with concurrent.futures.ThreadPoolExecutor(128) as pool:
            start, futures = time.monotonic(), []
            while not stop.is_set():
                futures.append(pool.submit(one))
                time.sleep(max(0, start + len(futures) / self.RATE - time.monotonic()))
            return collections.Counter(f.result() for f in futures), len(futures) / (time.monotonic() - start)

    def served(self):
        pid = self.box.task("web@1")["pid"]
        until("this life has served many", lambda: self.answers[pid] >= 50)

    def test_nobody_is_refused_while_the_worker_is_replaced(self):
        for kind, address in ("TCP", loopback()), ("UNIX", self.box.path("web.sock")):
            with self.subTest(kind):
                self.start({"web": self.server("web")}, {"web": address})
                stop, told, self.answers = threading.Event(), [], collections.Counter()
                client = threading.Thread(target=lambda: told.append(self.steady(address, stop)))
                client.start()
                try:
                    for _ in range(self.RESTARTS):
                        self.served()
                        done = self.box.cli("restart", "web")
                        self.assertEqual(done.returncode, 0, done.stderr)
                    self.served()
                finally:
                    stop.set()
                    client.join()
                (counts, rate), = told
                print(f"{kind}: {dict(counts)} at {rate:.0f} a second through {self.RESTARTS} restarts")
                self.assertEqual(set(counts), {"answered"})
                self.assertEqual(len(self.answers), self.RESTARTS + 1)
                self.assertEqual([r["lost"] for r in self.box.records()], [[]] * len(self.box.records()))
                self.stop()

    def test_a_connection_waits_for_a_worker_that_has_crashed(self):
        address = loopback()
        self.start({"web": self.server("web", backoff={"initial": "1s", "jitter": 0})}, {"web": address})
        pid = self.box.task("web@1")["pid"]
        inode = os.stat(f"/proc/{pid}/fd/3").st_ino
        os.kill(pid, signal.SIGKILL)
        self.box.until_task("is down", "web@1", lambda t: t["state"] == "backoff")
        self.assertEqual(ask(address)["inodes"], [inode])


class Protocol(Sockets):
    def test_what_a_worker_finds(self):
        web, path = [loopback(), loopback()], self.box.path("admin.sock")
        b = {"command": [WORKER, "ready", "loop:50"], "sockets": ["web"], "env": {"LISTEN_FDNAMES": "x", "LISTEN_PID": "7"}}
        self.start({"a": self.server("admin", "web"), "b": b}, {"web": web, "admin": path},
                   env={"LISTEN_FDS": "7", "LISTEN_PID": "1", "LISTEN_FDNAMES": "not:for:taskd"})
        a = ask(path)
        env = a["env"]
        self.assertEqual((env["LISTEN_FDS"], env["LISTEN_FDNAMES"], env["LISTEN_PID"], env["TASKD_FD"]), ("3", "admin:web:web", str(a["pid"]), "6"))
        self.assertEqual(a["pid"], self.box.task("a@1")["pid"])
        self.assertEqual((a["index"], a["fds"], a["blocking"]), (0, [0, 1, 2, 3, 4, 5, 6], [True] * 3))
        with open(f"/proc/{self.box.task('b@1')['pid']}/environ") as f:
            env = dict(x.split("=", 1) for x in f.read().split("\0") if x)
        self.assertEqual((env["LISTEN_FDS"], env["LISTEN_FDNAMES"], env["LISTEN_PID"]), ("2", "web:web", str(self.box.task("b@1")["pid"])))

    def test_a_worker_without_sockets_has_none(self):
        self.start({"a": self.server("web"), "b": {"command": [WORKER, "ready", "loop:50"]}}, {"web": loopback()})
        pid = self.box.task("b@1")["pid"]
        with open(f"/proc/{pid}/environ") as f:
            self.assertNotIn("LISTEN_", f.read())
        self.assertEqual(sorted(os.listdir(f"/proc/{pid}/fd")), ["0", "1", "2", "3"])

    def test_the_library_finds_its_channel_behind_them(self):
        self.start({"c": {"command": [WORKER, "ready", "loop:10"], "sockets": ["web"], "start_timeout": "60s"}}, {"web": [loopback(), loopback()]})
        self.box.until_task("does units", "c@1", lambda t: t["units"]["done"] > 3)
        self.stop()
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_worker_without_a_channel(self):
        address, out = loopback(), self.box.path("said")
        self.start({"sh": {"command": ["sh", "-c", f"echo $LISTEN_FDS ${{TASKD_FD:-none}} $((LISTEN_PID - $$)) >{out}.new; mv {out}.new {out}; exec sleep 1000"], "channel": "none", "sockets": ["web"]}},
                   {"web": address})
        until("it has written", lambda: os.path.exists(out))
        with open(out) as f:
            self.assertEqual(f.read(), "1 none 0\n")
        self.assertEqual(sorted(os.listdir(f"/proc/{self.box.task('sh@1')['pid']}/fd")), ["0", "1", "2", "3"])

    def test_replicas_share_one_socket(self):
        address = loopback()
        self.start({"web": self.server("web", replicas=3)}, {"web": address})
        pids, inodes = set(), set()
        def all_three():
            answer = ask(address)
            pids.add(answer["pid"])
            inodes.add(tuple(answer["inodes"]))
            return len(pids) == 3
        until("each has answered", all_three)
        self.assertEqual(len(inodes), 1)
        self.box.post("/v1/workers/web/scale", {"replicas": 1, "wait": True})
        until("the others are gone", lambda: len(self.box.tasks()) == 1)
        self.assertEqual(tuple(ask(address)["inodes"]), inodes.pop())

    def test_datagrams(self):
        address, path = loopback(), self.box.path("log.sock")
        self.start({"log": self.server("udp", "log")}, {"udp": {"listen": address, "type": "dgram"}, "log": {"listen": path, "type": "dgram"}})
        host, _, port = address.rpartition(":")
        for family, here, there, index in (socket.AF_INET, ("", 0), (host, int(port)), 0), (socket.AF_UNIX, self.box.path("me"), path, 1):
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.settimeout(60)
                s.bind(here)
                s.sendto(b"hello", there)
                self.assertEqual(json.loads(s.recv(65536))["index"], index)

    def test_families(self):
        if not has_ipv6():
            self.skipTest("no IPv6")
        for listen, answers, does_not in (":%d", ["127.0.0.1:%d", "[::1]:%d"], []), ("[::1]:%d", ["[::1]:%d"], ["127.0.0.1:%d"]), \
                (["[::]:%d", "0.0.0.0:%d"], ["[::1]:%d", "127.0.0.1:%d"], []), ("[::]:%d", ["[::1]:%d"], ["127.0.0.1:%d"]):
            with self.subTest(listen):
                with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as s:
                    port = s.getsockname()[1]
                self.start({"web": self.server("web")}, {"web": json.loads(json.dumps(listen).replace("%d", str(port)))})
                for a in answers:
                    self.assertEqual(ask(a % port)["pid"], self.box.task("web@1")["pid"])
                for a in does_not:
                    self.assertTrue(refuses(a % port), a)
                self.stop()

    def test_its_port_is_free_for_the_next_taskd(self):
        address = loopback()
        for _ in range(2):
            self.start({"web": self.server("web")}, {"web": address})
            ask(address)    # the side that closes first keeps the port for a minute
            self.stop()

    def test_one_command(self):
        address, path = loopback(), self.box.path("admin.sock")
        p = self.box.start("--listen", "web=" + address, "--listen", "admin=" + path, "--start-timeout", "60s", "--", sys.executable, self.box.path("server.py"))
        answer = until("it answers", lambda: os.path.exists(path) and ask(address))
        self.assertEqual(answer["env"]["LISTEN_FDNAMES"], "web:admin")
        self.assertEqual(ask(path)["index"], 1)
        p.send_signal(signal.SIGTERM)
        p.wait(60)
        self.assertFalse(os.path.exists(path))

    def test_one_command_with_an_address_that_is_none(self):
        for args, why in (["--listen", "web", "--", "true"], "NAME=ADDRESS"), (["--listen", "web=80", "--", "true"], 'write ":80"'), \
                (["--listen", "web=:80", "-c", "x.json"], "--listen is for `run -- CMD`"):
            done = self.box.cli("run", *args)
            self.assertEqual((done.returncode, done.stdout), (125, ""), done.stderr)
            self.assertIn(why, done.stderr)


class Reload(Sockets):
    def test_the_same_socket_stays(self):
        address = loopback()
        self.start({"web": self.server("web")}, {"web": address})
        before = ask(address)
        self.reload({"web": self.server("web")}, web=address)
        self.assertEqual(ask(address), before)
        self.reload({"web": self.server("web", env={"X": "1"})}, web=[address])
        after = ask(address)
        self.assertNotEqual(after["pid"], before["pid"])
        self.assertEqual(after["inodes"], before["inodes"])

    def test_another_address_under_the_same_name(self):
        old, new, other = loopback(), loopback(), loopback()
        workers = {"web": self.server("web"), "other": self.server("other")}
        self.start(workers, {"web": old, "other": other})
        before, untouched = ask(old), ask(other)
        self.reload(workers, web=new, other=other)
        self.assertIn('0 workers added, 0 removed, 1 changed, 1 unchanged', self.box.err())
        self.assertNotEqual(ask(new)["pid"], before["pid"])
        self.assertEqual(ask(other), untouched)
        until("the old one is closed", lambda: refuses(old))

    def test_the_worker_is_replaced_after_its_unit(self):
        old, new = loopback(), loopback()
        self.start({"web": self.server("web")}, {"web": old})
        pid = self.box.task("web@1")["pid"]
        with connect(old) as slow:
            self.box.in_unit("web@1", "request")
            self.write({"web": self.server("web")}, web=[old, new])
            self.assertEqual(self.box.cli("reload").returncode, 0)
            self.box.until_task("is asked to stop", "web@1", lambda t: t["stop"])
            with connect(new) as early:
                slow.sendall(b"hello\n")
                self.assertEqual(json.loads(slow.makefile("rb").read())["pid"], pid)
                early.sendall(b"hello\n")
                after = json.loads(early.makefile("rb").read())
        self.assertNotEqual(after["pid"], pid)
        self.assertEqual((after["index"], after["env"]["LISTEN_FDS"]), (1, "2"))

    def test_another_name_for_the_same_address(self):
        address = loopback()
        self.start({"web": self.server("web")}, {"web": address})
        before = ask(address)
        self.reload({"web": self.server("front")}, front=address)
        after = ask(address)
        self.assertEqual((after["inodes"], after["env"]["LISTEN_FDNAMES"]), (before["inodes"], "front"))
        self.assertNotEqual(after["pid"], before["pid"])

    def test_one_that_cannot_be_opened_changes_nothing(self):
        old, new, path = loopback(), loopback(), self.box.path("new.sock")
        self.start({"web": self.server("web")}, {"web": old})
        before = ask(old)
        with socket.create_server((new.split(":")[0], int(new.split(":")[1]))):
            told = self.refused_reload({"web": self.server("web", "file", "taken", env={"X": "1"})}, web=old, file=path, taken=new)
        self.assertIn(f"socket taken: cannot listen at {new}: somebody else listens there", told)
        self.assertIn("nothing has been changed", self.box.err())
        self.assertEqual(ask(old), before)
        self.assertFalse(os.path.exists(path))
        self.reload({"web": self.server("web", "file", "taken")}, web=old, file=path, taken=new)
        self.assertEqual(ask(new)["inodes"][0], before["inodes"][0])

    def test_a_dry_run_opens_nothing(self):
        old, taken = loopback(), loopback()
        self.start({"web": self.server("web")}, {"web": old})
        self.write({"web": self.server("web")}, web=[old, taken])
        with socket.create_server((taken.split(":")[0], int(taken.split(":")[1]))):
            done = self.box.cli("reload", "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"~ *web.*sockets")
        self.assertEqual(ask(old)["env"]["LISTEN_FDS"], "1")

    def test_one_that_is_gone(self):
        address, path = loopback(), self.box.path("admin.sock")
        self.start({"web": self.server("web", "admin")}, {"web": address, "admin": path})
        inodes = ask(address)["inodes"]
        self.reload({"web": self.server("web")}, web=address)
        self.assertEqual(ask(address)["inodes"], inodes[:1])
        until("the file is gone", lambda: not os.path.exists(path))

    def test_one_that_comes_back_before_its_last_life_has_left(self):
        address, path = loopback(), self.box.path("admin.sock")
        self.start({"web": self.server("web", "admin")}, {"web": address, "admin": path})
        inodes = ask(address)["inodes"]
        with connect(address) as slow:
            self.box.in_unit("web@1", "request")
            for names in ["web"], ["web", "admin"]:
                self.write({"web": self.server(*names)}, **{n: {"web": address, "admin": path}[n] for n in names})
                done = self.box.cli("reload")
                self.assertEqual(done.returncode, 0, done.stderr)
            slow.sendall(b"hello\n")
            slow.makefile("rb").read()
        self.all_run()
        self.assertEqual(ask(path)["inodes"], inodes)

    def test_mode_and_backlog_change_at_once(self):
        path = self.box.path("web.sock")
        worker = {"w": {"command": [WORKER, "ready", "loop:50"], "sockets": ["web"]}}
        self.start(worker, {"web": {"listen": path, "backlog": 5}})
        pid = self.box.task("w@1")["pid"]
        few = self.fill(path)
        self.reload(worker, web={"listen": path, "backlog": 20, "mode": "0606"})
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o606)
        self.assertEqual(self.fill(path), 15)
        self.assertGreater(few, 0)
        self.assertEqual(self.box.task("w@1")["pid"], pid)

    def test_a_hundred_reloads_leave_nothing_behind(self):
        address, paths = loopback(), [self.box.path(f"{i}.sock") for i in range(2)]
        workers = {"w": {"command": [WORKER, "ready", "loop:10"], "sockets": ["web", "file"], "start_timeout": "60s"}}
        self.start(workers, {"web": address, "file": paths[0]})
        fds = lambda: len(os.listdir(f"/proc/{self.p.pid}/fd"))
        before = fds()
        for i in range(1, 101):
            self.reload(workers, web=address, file=paths[i % 2])
        until("descriptors are back", lambda: fds() <= before)
        until("one file is left", lambda: [p for p in paths if os.path.exists(p)] == paths[:1])


if __name__ == "__main__":
    main()
