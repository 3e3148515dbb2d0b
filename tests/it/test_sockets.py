#!/usr/bin/env python3
"""Sockets that taskd opens once and hands to every life: nobody is refused while workers come and go."""
import collections, concurrent.futures, contextlib, fcntl, json, os, random, shutil, signal, socket, stat, subprocess, sys, threading, time

from harness import WORKER, Case, main, until

# Each request is a unit: a line in, a line of JSON out. What it has not accepted when it is asked to stop stays in the queue.
SERVER = r"""
import json, os, select, signal, socket, sys

signal.signal(signal.SIGTERM, lambda *_: None)
channel = socket.socket(fileno=int(os.environ["TASKD_FD"]))
count = int(os.environ["LISTEN_FDS"]) if os.environ.get("LISTEN_PID") == str(os.getpid()) else 0
blocking = [os.get_blocking(3 + i) for i in range(count)]
sockets = [socket.socket(fileno=3 + i) for i in range(count)]
for s in sockets:
    s.setblocking(False)
me = {"pid": os.getpid(), "env": {k: v for k, v in os.environ.items() if k.startswith(("LISTEN", "TASKD"))}, "blocking": blocking,
      "inodes": [os.fstat(s.fileno()).st_ino for s in sockets], "fds": sorted(map(int, os.listdir("/proc/self/fd")))[:-1]}

def say(type, **fields):
    channel.sendall(json.dumps({"type": type, **fields}).encode() + b"\n")

def serve(number, s):
    if s.type == socket.SOCK_DGRAM:
        data, peer = s.recvfrom(1000)
        s.sendto(json.dumps({**me, "index": number}).encode(), peer)
        return
    try:
        connection, _ = s.accept()
    except BlockingIOError:
        return
    say("begin", unit="request")
    connection.setblocking(True)
    connection.makefile("rb").readline()
    connection.sendall(json.dumps({**me, "index": number}).encode())
    connection.close()
    say("end", unit="request", ok=True)

say("hello", v=1)
say("ready")
while True:
    ready = select.select([channel, *sockets], [], [])[0]
    if channel in ready:
        line = channel.recv(65536)
        if not line or b'"stop"' in line:
            say("stopping")
            break
    for number, s in enumerate(sockets):
        if s in ready:
            serve(number, s)
"""


def loopback():
    """An address that nobody else has: hundreds of thousands of them are this machine's own."""
    return "127.%d.%d.%d:%d" % (random.randint(1, 254), random.randint(0, 254), random.randint(1, 254), random.randint(20000, 30000))


def connect(address, timeout=60):
    if address.startswith("/"):
        with contextlib.ExitStack() as stack:
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(timeout)
            s.connect(address)
            stack.pop_all()
            return s
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


def ask(address):
    with connect(address) as s:
        s.sendall(b"hello\n")
        return json.loads(s.makefile("rb").read())


def refuses(address):
    try:
        with connect(address):
            return False
    except (ConnectionRefusedError, FileNotFoundError):
        return True


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        return True
    return False


class Sockets(Case):
    def setUp(self):
        super().setUp()
        with open(self.box.path("server.py"), "w") as f:
            f.write(SERVER)

    def server(self, *sockets, **keys):
        return {"command": [sys.executable, self.box.path("server.py")], "sockets": list(sockets), "start_timeout": "60s", **keys}

    def write(self, workers, **sockets):
        self.box.config(workers, "new.json", sockets={k: v if isinstance(v, dict) else {"listen": v} for k, v in sockets.items()})
        os.replace(self.box.path("new.json"), self.box.path("taskd.json"))

    def start(self, workers, sockets, **how):
        self.write(workers, **sockets)
        self.p = self.box.start("-c", self.box.path("taskd.json"), **how)
        self.assertIsNone(self.p.poll(), self.box.err())
        self.all_run()

    def all_run(self):
        until("all run", lambda: all(t["state"] == "running" and not t["due"] for t in self.box.tasks().values()))

    def reload(self, workers, **sockets):
        self.write(workers, **sockets)
        done = self.box.cli("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.all_run()

    def refused_reload(self, workers, **sockets):
        self.write(workers, **sockets)
        done = self.box.cli("reload")
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.p.wait(60), 0)


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
        self.start({"a": self.server("admin", "web"), "b": self.server("web", env={"LISTEN_FDNAMES": "x", "LISTEN_PID": "7"})}, {"web": web, "admin": path},
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
        old, path = loopback(), self.box.path("new.sock")
        self.start({"web": self.server("web")}, {"web": old})
        self.write({"web": self.server("web")}, web=[old, path])
        done = self.box.cli("reload", "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sockets", done.stdout)
        self.assertFalse(os.path.exists(path))

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
        queue = []
        self.addCleanup(lambda: [s.close() for s in queue])
        def fill():
            with contextlib.suppress(BlockingIOError):
                while len(queue) < 100:
                    queue.append(socket.socket(socket.AF_UNIX))
                    queue[-1].setblocking(False)
                    queue[-1].connect(path)
            return len(queue) - 1
        few = fill()
        self.reload(worker, web={"listen": path, "backlog": 20, "mode": "0606"})
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o606)
        self.assertEqual(fill(), few + 1 + 15)
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


class Files(Sockets):
    def test_the_mode_does_not_depend_on_the_umask(self):
        path, open_to_all = self.box.path("a.sock"), self.box.path("b.sock")
        self.start({"web": self.server("a", "b")}, {"a": path, "b": {"listen": open_to_all, "mode": "666"}}, umask=0o077)
        self.assertEqual([stat.S_IMODE(os.stat(p).st_mode) for p in (path, open_to_all)], [0o660, 0o666])
        self.stop()
        self.assertFalse(os.path.exists(path) or os.path.exists(open_to_all))

    def test_the_owner(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        path = self.box.path("a.sock")
        self.start({"web": self.server("a")}, {"a": {"listen": path, "user": "1", "group": "2"}})
        self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (1, 2))
        self.p.kill()
        self.p.wait()
        until("its worker has left", lambda: refuses(path))
        self.start({"web": self.server("a")}, {"a": {"listen": path, "user": "1"}})
        self.reload({"web": self.server("a")}, a={"listen": path, "group": "3"})
        self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (1, 3))
        self.assertEqual(ask(path)["index"], 0)

    def test_what_a_dead_one_has_left_is_replaced(self):
        path = self.box.path("a.sock")
        self.start({"web": self.server("a")}, {"a": path})
        self.p.kill()
        self.p.wait()
        until("its worker has left", lambda: refuses(path))
        self.assertTrue(os.path.exists(path))
        self.start({"web": self.server("a")}, {"a": path})
        self.assertEqual(ask(path)["pid"], self.box.task("web@1")["pid"])

    def refused(self, path, why, **keys):
        marker = self.box.path("started")
        self.write({"w": {"command": ["touch", marker], "sockets": ["first", "a"]}}, first=self.box.path("first.sock"), a={"listen": path, **keys})
        done = self.box.cli("run", "-c", self.box.path("taskd.json"))
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(f"socket a: cannot listen at {path}: {why}", done.stderr)
        self.assertFalse(os.path.exists(marker) or os.path.exists(self.box.path("first.sock")))

    def test_what_is_somebody_elses_stays(self):
        path = self.box.path("a.sock")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen(0)
            for _ in range(3):      # the last one finds a full queue: that is somebody as well
                self.refused(path, "somebody else listens there")
            self.refused(path, "somebody else listens there", type="dgram")
        os.unlink(path)
        with open(path, "w") as f:
            f.write("precious")
        self.refused(path, "there is a file, and it is no socket of ours")
        with open(path) as f:
            self.assertEqual(f.read(), "precious")
        os.unlink(path)
        os.symlink(self.box.path("elsewhere"), path)
        self.refused(path, "there is a file")
        self.assertTrue(os.path.islink(path))

    def test_an_abandoned_socket_of_a_stranger_stays(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        path = self.box.path("a.sock")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        os.chown(path, 1, 1)
        self.refused(path, "there is a file, and it is no socket of ours")
        self.assertTrue(os.path.exists(path))

    def test_a_directory_that_is_missing(self):
        self.refused(self.box.path("no", "a.sock"), "No such file or directory")

    def test_another_file_in_its_place_stays(self):
        path = self.box.path("a.sock")
        self.start({"web": self.server("a")}, {"a": path})
        os.unlink(path)
        with open(path, "w") as f:
            f.write("new")
        self.stop()
        self.assertTrue(os.path.exists(path))

    def test_an_address_in_use(self):
        address = loopback()
        with socket.create_server((address.split(":")[0], int(address.split(":")[1]))):
            self.refused(address, "somebody else listens there")

    def test_an_address_of_another_machine(self):
        self.refused("192.0.2.1:8080", "this machine has no such address")


class Activation(Sockets):
    def listener(self, family=socket.AF_INET):
        s = socket.socket(family)
        self.addCleanup(s.close)
        s.bind((loopback().split(":")[0], 0) if family == socket.AF_INET else self.box.path("handed.sock"))
        s.listen(50)
        name = s.getsockname()
        return s, name if isinstance(name, str) else "%s:%d" % name

    def activate(self, args, handed, pid="$$", **env):
        """taskd with these descriptors from 3 on; a shell sets LISTEN_PID, since only then it is the process that will be taskd."""
        # Above the targets, so that no redirection overwrites one that is still needed.
        high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 50) for s, _ in handed]
        names = ":".join(name for _, name in handed)
        err = open(self.box.path("err"), "ab")
        self.box.files.append(err)
        moves = " ".join(f"{3 + i}<&{fd} {fd}<&-" for i, fd in enumerate(high))
        script = f'export LISTEN_PID={pid} LISTEN_FDS={len(handed)} LISTEN_FDNAMES={names}; exec "$@" {moves}'
        self.p = subprocess.Popen(["bash", "-c", script, "bash", *self.box.argv("run", *args)], stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                  pass_fds=high, env=self.box.env(**env))
        self.box.procs.append(self.p)
        for fd in high:
            os.close(fd)
        until("taskd answers", lambda: self.p.poll() is not None or self.box.get("/v1/version", quiet=True))
        self.assertIsNone(self.p.poll(), self.box.err())
        self.all_run()

    def config(self, workers, **sockets):
        self.write(workers, **sockets)
        return ["-c", self.box.path("taskd.json")]

    @staticmethod
    def inode(s):
        return os.fstat(s.fileno()).st_ino

    def test_by_address_and_by_name(self):
        (a, at_a), (b, at_b), (c, at_c) = self.listener(), self.listener(), self.listener(socket.AF_UNIX)
        own = loopback()
        self.activate(self.config({"web": self.server("first", "second", "third")}, first=[own, at_c], second=at_b, third=loopback()),
                      [(a, "third"), (b, "x.socket"), (c, "")])
        answer = ask(own)
        self.assertEqual(answer["inodes"][1:], [self.inode(s) for s in (c, b, a)])
        self.assertEqual(answer["env"]["LISTEN_FDNAMES"], "first:first:second:third")
        self.assertEqual([ask(x)["index"] for x in (at_c, at_b, at_a)], [1, 2, 3])
        self.assertNotIn("no socket of the configuration", self.box.err())
        self.stop()
        self.assertTrue(os.path.exists(at_c), "it is not taskd's to remove")

    def test_several_under_one_name(self):
        (a, at_a), (b, at_b) = self.listener(), self.listener()
        self.activate(self.config({"web": self.server("web")}, web=loopback()), [(a, "web"), (b, "web")])
        self.assertEqual(ask(at_b)["inodes"], [self.inode(a), self.inode(b)])

    def test_what_does_not_match_is_told_and_taken_by_a_reload(self):
        (a, at_a), (b, at_b) = self.listener(), self.listener()
        self.activate(self.config({"web": self.server("web")}, web=at_a), [(a, "web"), (b, "other\x1b")])
        self.assertIn('descriptor 4, which taskd was handed as "other\\x1B", is no socket of the configuration', self.box.err())
        self.assertNotIn("descriptor 3", self.box.err())
        a.close(), b.close()
        self.reload({"web": self.server("web", "late")}, web=at_a, late=at_b)
        self.assertEqual(ask(at_b)["index"], 1)
        inodes = ask(at_b)["inodes"]
        self.reload({"web": self.server("late")}, late=at_b)
        self.reload({"web": self.server("web", "late")}, web=at_a, late=at_b)
        self.assertEqual(ask(at_a)["inodes"], inodes)

    def test_datagrams_are_no_stream(self):
        s = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        own = loopback()
        self.activate(self.config({"web": self.server("web")}, web=own), [(s, "web")])
        self.assertEqual(ask(own)["env"]["LISTEN_FDS"], "1")
        self.assertIn('handed as "web", is no socket', self.box.err())

    def test_one_command_gets_all_of_them(self):
        (a, at_a), (b, at_b) = self.listener(), self.listener()
        own = loopback()
        self.activate(["--listen", "own=" + own, "--start-timeout", "60s", "--", sys.executable, self.box.path("server.py")], [(a, "web"), (b, "")])
        answer = ask(at_b)
        self.assertEqual(answer["env"]["LISTEN_FDNAMES"], "own:web:unknown")
        self.assertEqual(answer["inodes"][1:], [self.inode(a), self.inode(b)])
        self.assertEqual(answer["env"]["LISTEN_PID"], str(answer["pid"]))

    def test_what_is_meant_for_another_process_is_left_alone(self):
        a, at_a = self.listener()
        own = loopback()
        self.activate(self.config({"web": self.server("web")}, web=own), [(a, "web")], pid="1")
        self.assertNotIn(self.inode(a), ask(own)["inodes"])

    def test_nonsense(self):
        for fds, why in ("x", "do not say"), ("-1", "do not say"), ("100000", "do not say"), ("1", "do not say"):
            with open(self.box.path("err"), "w") as err:
                done = subprocess.run(["sh", "-c", f'export LISTEN_PID=$$ LISTEN_FDS={fds}; exec "$@" 3<&-', "sh", *self.box.argv("run", "--", "true")],
                                      stderr=err, env=self.box.env(), stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 125, (fds, self.box.err()))
            self.assertIn(why, self.box.err())

    def test_systemd_socket_activate(self):
        tool = shutil.which("systemd-socket-activate")
        if not tool:
            self.skipTest("no systemd-socket-activate")
        address = loopback()
        err = open(self.box.path("err"), "ab")
        self.box.files.append(err)
        p = subprocess.Popen([tool, "-l", address, "--fdname=web", "-E", "HOME", "-E", "PATH", *self.box.argv("run", *self.config({"web": self.server("web")}, web=address))],
                             stdin=subprocess.DEVNULL, stderr=err, env=self.box.env())
        self.box.procs.append(p)
        until("it listens", lambda: "Listening on" in self.box.err())
        answer = ask(address)   # the connection that has started taskd
        self.assertEqual((answer["env"]["LISTEN_FDS"], answer["env"]["LISTEN_FDNAMES"]), ("1", "web"))
        self.assertEqual(ask(address)["inodes"], answer["inodes"])


if __name__ == "__main__":
    main()
