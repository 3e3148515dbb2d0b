#!/usr/bin/env python3
"""Sockets that are files, and those that taskd was handed itself: what is taken, and what is left alone."""
import fcntl, os, shutil, signal, socket, stat, subprocess, sys

from harness import WORKER, main, until
from serving import Sockets, ask, loopback, refuses


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

    def test_a_port_for_datagrams_is_not_shared(self):
        address = loopback()
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address.split(":")[0], int(address.split(":")[1])))
            self.refused(address, "somebody else listens there", type="dgram")

    def test_two_do_not_tidy_up_at_the_same_time(self):
        lock = os.open(self.box.dir, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.write({"w": {"command": ["true"], "sockets": ["a"]}}, a=self.box.path("a.sock"))
        done = self.box.cli("run", "-c", self.box.path("taskd.json"))
        os.close(lock)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("somebody else is opening a socket in this directory", done.stderr)

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

    def test_its_queue_and_its_file_are_those_of_its_owner(self):
        s, path = self.listener(socket.AF_UNIX)
        os.chmod(path, 0o640)
        worker = {"w": {"command": [WORKER, "ready", "loop:50"], "sockets": ["web"]}}
        self.activate(self.config(worker, web=path), [(s, "web")])
        self.reload(worker, web={"listen": path, "backlog": 70, "mode": "0606"})
        self.assertEqual(self.fill(path), 51)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)

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
