#!/usr/bin/env python3
"""taskd as process 1, in pid and mount namespaces of its own: what a container asks of it. Needs a machine that gives namespaces,
to root or to a user; skips loudly without."""
import os, shlex, signal, sys, unittest

from container import READ_ONLY, SPACE, WRITABLE, Container, main, sanitized
from harness import WORKER, Terminal, until

NO_PROC = "mount -t tmpfs -o ro none /proc"

# Forks so many that it leaves at once; they end one after the other. Then waits until nobody is in /proc but process 1 and itself: a
# zombie would be.
ORPHANS = """
import os, sys, time
for i in range(1000):
    if os.fork() == 0:
        if os.fork() == 0:
            if i % 2:
                os.setsid()
            time.sleep(i % 100 / 100)
            os._exit(i % 256)
        os._exit(0)
    os.wait()
end = time.monotonic() + 50
while [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]:
    if time.monotonic() > end:
        sys.exit(99)
    time.sleep(0.01)
sys.exit(7)
"""


class Reaping(Container):
    def test_a_thousand_orphans(self):
        self.assertEqual(self.run_one("run", "--", sys.executable, "-c", ORPHANS), 7, self.box.err())

    def test_whoever_taskd_does_not_know_holds_nothing_up(self):
        # The first has no handle in its environment, so that it is nobody's; the other two were there before taskd.
        leave = "(env -i setsid sleep 4242 &); until [ \"$(cat /proc/[0-9]*/comm | grep -c sleep)\" -ge 2 ]; do :; done; exit 5"
        status = self.run_one("run", "--", "sh", "-c", leave, setup=f"{WRITABLE}; sleep 4242 & true & :")
        self.assertEqual(status, 5, self.box.err())

    def test_what_a_life_leaves_ends_with_it(self):
        p = self.start_one("run", "-c", self.box.config({"a": {"command": [WORKER, "daemon", "child", "exit:3"], "restart": "no"},
                                                         "b": {"command": [WORKER, "idle"]}}))
        self.ready(p)
        self.box.until_task("failed", "a@1", lambda t: t["state"] == "failed")
        inside = f"/proc/{self.one(p)}/task/{self.one(p)}/children"

        def only_b():
            with open(inside) as f:
                return len(f.read().split()) == 1
        until("nobody is left but b", only_b)
        self.assertEqual(self.box.err().count("left process"), 1, self.box.err())


class Unprivileged(Container):
    # What root of a container has not, and what else would allow it to look into others.
    DROP = "setpriv --inh-caps=-sys_ptrace --bounding-set=-sys_ptrace,-sys_admin,-perfmon"

    @unittest.skipUnless(os.geteuid() == 0, "needs root: a worker of another user")
    def test_what_another_user_leaves_is_found(self):
        script = "(setsid sleep 4242 &); until [ \"$(cat /proc/[0-9]*/comm | grep -c sleep)\" -ge 1 ]; do :; done; exit 3"
        config = self.box.config({"a": {"command": ["sh", "-c", script], "cwd": "/", "user": "65534", "restart": "no"},
                                  "b": {"command": [WORKER, "idle"]}})
        p = self.start_words([*SPACE, "sh", "-c", f'{WRITABLE}; cd /; exec {self.DROP} "$@"', "sh", *self.box.argv("run", "-c", config)])
        self.ready(p)
        until("is killed", lambda: "left process" in self.box.err())
        self.assertEqual(self.box.records()[0]["exit"]["code"], 3)
        self.signal(p, signal.SIGTERM)
        self.assertEqual(p.wait(30), 0, self.box.err())


class ExitStatus(Container):
    def test_is_the_commands_own(self):
        rows = [("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)]
        for script, status in rows:
            with self.subTest(script=script):
                self.assertEqual(self.run_one("run", "--", "sh", "-c", script), status)
        self.assertEqual(self.run_one("run", "--", "/nonexistent"), 127)
        self.assertEqual(self.run_one("run", "--", "/etc/passwd"), 126)

    def test_of_a_configuration(self):
        for code, status in [(0, 0), (7, 1)]:
            with self.subTest(code=code):
                config = self.box.config({"a": {"command": [WORKER, f"exit:{code}"], "restart": "no"}})
                self.assertEqual(self.run_one("run", "-c", config), status)


class Signals(Container):
    def test_each_that_means_stop_lets_the_unit_end(self):
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPWR):
            with self.subTest(signal=signo):
                p = self.start_one("run", "--name", "w", "--", WORKER, "ready", "loop:50")
                self.ready(p)
                self.box.in_unit("w@1")
                self.signal(p, signo)
                self.assertEqual(p.wait(30), 128 + signo, self.box.err())
                self.check_record(self.box.records()[-1], "cancelled", "cooperative")
                self.assertEqual(self.box.records()[-1]["lost"], [])
                self.assertEqual(self.box.records()[-1]["stop"]["signal"], signo)

    def test_quit_aborts(self):
        p = self.start_one("run", "--name", "w", "--", WORKER, "ready", "begin:u", "idle")
        self.ready(p)
        self.box.in_unit("w@1")
        self.signal(p, signal.SIGQUIT)
        self.assertEqual(p.wait(30), 137)
        self.assertEqual(self.one_record()["lost"], ["u"])

    def test_others_do_nothing_and_reach_nobody(self):
        heard = self.box.path("heard")
        script = f"trap 'echo heard >>{heard}' USR1 USR2 ALRM WINCH; trap 'exit 0' TERM; touch {heard}; while :; do sleep 0.05; done"
        p = self.start_one("run", "--name", "w", "--", "sh", "-c", script)
        until("the worker is up", lambda: os.path.exists(heard))
        for signo in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH, signal.SIGRTMIN):
            self.signal(p, signo)
        self.ready(p)
        self.assertEqual(self.box.task("w@1")["state"], "running")
        self.signal(p, signal.SIGTERM)
        self.assertEqual(p.wait(30), 143, self.box.err())
        with open(heard) as f:
            self.assertEqual(f.read(), "")
        self.assertEqual(len(self.box.records()), 1)

    def test_hup_reads_a_configuration_again(self):
        p = self.start_one("run", "-c", self.box.config({"a": {"command": [WORKER, "idle"]}}))
        self.ready(p)
        self.box.config({"a": {"command": [WORKER, "idle"]}, "b": {"command": [WORKER, "idle"]}})
        self.signal(p, signal.SIGHUP)
        until("b is there", lambda: "b@1" in self.box.tasks())
        self.signal(p, signal.SIGTERM)
        self.assertEqual(p.wait(30), 0, self.box.err())

    def test_a_stop_that_comes_before_the_loop_is_not_lost(self):
        fifo = self.box.path("fifo.json")
        os.mkfifo(fifo)
        p = self.start_one("run", "-c", fifo)
        with open(fifo, "w") as f:   # returns when taskd has opened it
            self.signal(p, signal.SIGTERM)
            f.write('{"workers": {"a": {"command": ["sleep", "4242"]}}}')
        self.assertEqual(p.wait(30), 0, self.box.err())

    def test_interrupt_key_at_a_containers_terminal(self):
        t = Terminal(self.words("run", "--name", "w", "--", WORKER, "ready", "loop:50"), self.box.env())
        until("taskd answers", lambda: t.read() and self.box.get("/v1/version", quiet=True))
        self.box.in_unit("w@1")
        t.type("\x03")
        self.assertEqual(t.wait(), 130, t.text)
        self.check_record(self.one_record(), "cancelled", "cooperative")
        self.assertIn("nothing lost", t.text)

    def test_a_second_int_aborts(self):
        p = self.start_one("run", "--name", "w", "--", WORKER, "ready", "begin:u", "ignore", "work:60000")
        self.ready(p)
        self.box.in_unit("w@1")
        self.signal(p, signal.SIGINT)
        self.box.until_task("is asked", "w@1", lambda t: t["state"] == "stopping")
        self.signal(p, signal.SIGINT)
        self.assertEqual(p.wait(30), 137)


class NothingToWriteTo(Container):
    def test_a_command_runs_all_the_same_with_one_warning(self):
        status = self.run_one("run", "--", "sh", "-c", "echo done; exit 4", setup=READ_ONLY, own=False, env={"PATH": os.environ["PATH"]})
        self.assertEqual((status, self.box.out()), (4, "done\n"), self.box.err())
        warnings = self.box.err().splitlines()
        self.assertEqual(len(warnings), 2, warnings)
        self.assertRegex(warnings[0], r"without a control socket \(/run/taskd/taskd.sock: .*\) and without records \(/var/lib/taskd: ")
        self.assertIn("exit status 4", warnings[1])

    def test_it_stops_in_order(self):
        up = self.box.path("up")
        worker = shlex.join([WORKER, "ready", f"touch:{up}", "loop:20", 'partial:"done"'])
        # The box must stay writable for the worker to say that it is up.
        keep = f"mount --bind {shlex.quote(self.box.dir)} {shlex.quote(self.box.dir)}; {READ_ONLY}"
        p = self.start_one("run", "--result", "-", "--", "sh", "-c", f"exec {worker}", setup=keep, own=False)
        until("the worker is up", lambda: os.path.exists(up))
        self.signal(p, signal.SIGTERM)
        self.assertEqual(p.wait(30), 143, self.box.err())
        self.assertIn('"value":"done"', self.box.out())

    def test_what_was_asked_for_is_an_error(self):
        rows = [(["--socket", "/run/s"], {}, "--socket"), (["--state-dir", "/run/d"], {}, "--state-dir"),
                ([], {"TASKD_SOCKET": "/run/s"}, "--socket"), ([], {"TASKD_STATE_DIR": "/run/d"}, "--state-dir")]
        for options, env, word in rows:
            with self.subTest(options=options, env=env):
                self.assertEqual(self.run_one("run", *options, "--", "true", setup=READ_ONLY, own=False, env=self.box.env(**env)), 125)
                self.assertRegex(self.box.err(), f"Read-only file system: give another.* {word}\n")
                os.truncate(self.box.path("err"), 0)

    def test_a_configuration_says_all_that_it_needs(self):
        config = self.box.config({"a": {"command": ["true"]}})
        self.assertEqual(self.run_one("run", "-c", config, setup=READ_ONLY, own=False), 125)
        for word in ("cannot listen at /run/taskd/taskd.sock", "--socket", "state directory /var/lib/taskd", "--state-dir"):
            self.assertIn(word, self.box.err())

    def test_an_error_leaves_no_socket_behind(self):
        config = self.box.config({"a": {"command": ["true"]}})
        with open(self.box.state, "w"):
            pass
        self.assertEqual(self.run_one("run", "-c", config), 125)
        self.assertEqual([x for x in os.listdir(self.box.dir) if x.startswith("t.sock")], [])


class Proc(Container):
    def test_without_it_runs_and_says_what_is_missed_once(self):
        config = self.box.config({"a": {"command": [WORKER, "child", "idle"], "max_rss": "1G", "replicas": 2}})
        p = self.start_one("run", "-c", config, setup=f"{WRITABLE}; {NO_PROC}")
        self.ready(p)
        self.box.until_task("runs", "a@2", lambda t: t["state"] == "running")
        self.assertEqual(self.box.cli("abort", "a@1").returncode, 0)
        self.box.until_task("follows", "a@1", lambda t: t["state"] in ("stopped", "running"))
        self.signal(p, signal.SIGTERM)
        p.wait(30)
        self.assertEqual(self.box.err().count("/proc is not mounted"), 1, self.box.err())

    def test_another_namespaces_is_not_believed(self):
        # Out there, process 2 is unshare, and 3, its child, is taskd. In here 2 and 3 are the workers: a look into that /proc would
        # say that the one belongs to the other.
        config = self.box.config({"a": {"command": [WORKER, "idle"], "restart": "no"}, "b": {"command": [WORKER, "idle"], "restart": "no"}})
        nested = 'unshare --pid --fork "$@"; exit $?'
        p = self.start_one("run", "-c", config, setup=nested)
        self.ready(p)
        pids = {t: self.box.until_task("runs", t, lambda t: t["state"] == "running")["pid"] for t in ("a@1", "b@1")}
        self.assertEqual(pids, {"a@1": 2, "b@1": 3})
        self.box.cli("abort", "a@1")
        self.assertEqual(self.box.cli("stop").returncode, 0)
        p.wait(30)
        self.assertEqual([(r["id"], r["outcome"], r["stop"]["how"]) for r in self.box.records()],
                         [("a@1", "cancelled", "aborted"), ("b@1", "cancelled", "cooperative")])
        self.assertEqual(self.box.err().count("/proc belongs to another pid namespace"), 1, self.box.err())


if sanitized():
    del Proc.test_without_it_runs_and_says_what_is_missed_once

if __name__ == "__main__":
    main()
