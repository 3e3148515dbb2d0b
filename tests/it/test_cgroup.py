#!/usr/bin/env python3
"""Control groups: what a task forks cannot leave its group. Runs in pid, mount and cgroup namespaces of its own, below a group
that is made for it, so that nothing of the machine is moved or killed. Needs root; skips loudly without."""
import os, signal, subprocess, sys, tempfile, time, unittest

from harness import TASKD, WORKER, Case, main, until

HERE = os.path.abspath(__file__)
BOMB = """
import os, sys, time
print("up", flush=True)
for i in range(200):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", "4242"], {})
        os._exit(0)
    os.wait()
print("armed", flush=True)
LAST
"""


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


def outside():
    """In a mount namespace: makes the group, and runs the inside in it."""
    top, inner = tempfile.mkdtemp(prefix="taskd-cgroup."), tempfile.mkdtemp(prefix="taskd-cgroup.")
    if subprocess.run(["mount", "-t", "cgroup2", "cgroup2", top], stderr=subprocess.DEVNULL).returncode:
        os.rmdir(top)
        os.rmdir(inner)
        skip("no cgroup2 hierarchy can be mounted here")
    with open("/proc/self/cgroup") as f:
        own = next(line.split("::", 1)[1].strip() for line in f if line.startswith("0::"))
    try:
        box = tempfile.mkdtemp(prefix="taskd-test.", dir=top + own)
    except OSError as e:
        skip(f"no control group can be made here: {e}")

    def enter():
        with open(os.path.join(box, "cgroup.procs"), "w") as f:
            f.write("0")
    status = subprocess.run(["unshare", "--fork", "--kill-child", "--pid", "--mount", "--cgroup", "--propagation", "private",
                             sys.executable, HERE, "inside", inner], preexec_fn=enter).returncode
    for _ in range(500):
        for d, _, _ in os.walk(box, topdown=False):
            try:
                os.rmdir(d)
            except OSError:
                pass
        if not os.path.exists(box):
            break
        time.sleep(0.01)
    subprocess.run(["umount", top])
    os.rmdir(top)
    os.rmdir(inner)
    sys.exit(status)


def sleepers():
    n = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                n += f.read().split("\0")[:2] == ["sleep", "4242"]
        except OSError:
            pass
    return n


class Base(Case):
    delegate = True

    def setUp(self):
        super().setUp()
        self.group = os.path.join(ROOT, "svc")
        os.mkdir(self.group)
        if self.delegate:
            os.setxattr(self.group, "user.delegate", b"1")
        self.addCleanup(self.remove_group)

    def remove_group(self):
        self.box.close()
        def gone():
            for d, _, _ in os.walk(self.group, topdown=False):
                try:
                    os.rmdir(d)
                except OSError:
                    pass
            return not os.path.exists(self.group)
        until("the group is gone", gone)

    def enter(self):
        with open(os.path.join(self.group, "cgroup.procs"), "w") as f:
            f.write("0")

    def start(self, workers, **kw):
        return self.box.start("-c", self.box.config(workers, daemon=kw), preexec_fn=self.enter)

    def bomb(self, last="time.sleep(1000)", **keys):
        return {"command": [sys.executable, "-c", BOMB.replace("LAST", last)], "stop_timeout": "1s", "restart": "no", **keys}


class Cgroup(Base):
    def test_each_task_has_a_group_and_taskd_a_leaf(self):
        p = self.start({"w": {"command": [WORKER, "ready", "idle"], "replicas": 2}})
        self.box.until_task("runs", "w@2", lambda t: t["state"] == "running")
        for group, pid in (("taskd", p.pid), ("w@1", self.box.task("w@1")["pid"]), ("w@2", self.box.task("w@2")["pid"])):
            with open(os.path.join(self.group, group, "cgroup.procs")) as f:
                self.assertEqual(f.read().split(), [str(pid)])
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        self.assertEqual([d for d in os.listdir(self.group) if "@" in d], [])

    def test_abort_leaves_nothing_of_two_hundred(self):
        self.start({"w": self.bomb(), "keep": {"command": [WORKER, "idle"]}})
        until("all are there", lambda: sleepers() == 200)
        began = time.monotonic()
        self.assertEqual(self.box.cli("abort", "w").returncode, 0)
        until("nothing is left", lambda: sleepers() == 0)
        took = time.monotonic() - began
        r = self.one_record()
        self.check_record(r, "cancelled", "aborted")
        self.assertGreaterEqual(r["tree_killed"], 200)
        print(f"\nabort of a process and 200 strays in sessions of their own: none left after {took * 1000:.0f} ms", flush=True)

    def test_abort_in_the_middle_of_the_forking(self):
        self.start({"w": self.bomb("""
while True:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", "4242"], {})
        os._exit(0)
    os.wait()"""), "keep": {"command": [WORKER, "idle"]}})
        until("many are there", lambda: sleepers() > 100)
        self.assertEqual(self.box.cli("abort", "w").returncode, 0)
        until("nothing is left", lambda: sleepers() == 0)

    def test_a_natural_end_leaves_nothing(self):
        self.start({"w": self.bomb("sys.exit(0)"), "keep": {"command": [WORKER, "idle"]}})
        self.check_record(until("a record", self.box.records)[0], "ok")
        until("nothing is left", lambda: sleepers() == 0)

    def test_the_group_serves_many_lives(self):
        self.start({"w": {"command": [WORKER, "ready", "unit:u:1", "exit:1"], "restart_limit": {"count": 1000000, "interval": "0s"}}})
        until("twenty lives", lambda: len(self.box.records()) >= 20)
        self.assertEqual({r["outcome"] for r in self.box.records()}, {"failed"})

    def test_what_a_killed_taskd_left_behind_is_cleared(self):
        workers = {"w": {"command": ["sleep", "4242"], "replicas": 3}}
        p = self.start(workers)
        until("they run", lambda: sleepers() == 3)
        p.kill()
        p.wait()
        self.assertEqual(sleepers(), 3)     # they know nothing of taskd
        self.start({"keep": {"command": [WORKER, "idle"]}})
        until("they are gone", lambda: sleepers() == 0)
        self.assertEqual(sorted(d for d in os.listdir(self.group) if os.path.isdir(os.path.join(self.group, d))), ["keep@1", "taskd"])

    def test_limits_that_cannot_be_had_are_told_once(self):
        self.start({"w": {"command": [WORKER, "idle"], "pids_max": 50, "memory_max": "64M", "cpu_weight": 10}})
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        with open(os.path.join(self.group, "cgroup.controllers")) as f:
            has = f.read().split()
        missing = [key for key, c in (("memory_max", "memory"), ("pids_max", "pids"), ("cpu_weight", "cpu")) if c not in has]
        if missing:
            self.assertIn(f"could not be set in its control group: {' '.join(missing)}", self.box.err())
        for c, name, want in (("memory", "memory.max", str(64 << 20)), ("pids", "pids.max", "50"), ("cpu", "cpu.weight", "10")):
            if c in has:
                with open(os.path.join(self.group, "w@1", name)) as f:
                    self.assertEqual(f.read().strip(), want)
        print(f"\ncontrollers here: {has or 'none'}", flush=True)

    def test_off(self):
        self.start({"w": {"command": [WORKER, "idle"]}}, cgroup="off")
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        self.assertFalse(os.path.exists(os.path.join(self.group, "w@1")))


class NotDelegated(Base):
    delegate = False

    def test_auto_stays_away_without_a_word(self):
        self.start({"w": {"command": [WORKER, "idle"]}})
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        self.assertEqual([d for d in os.listdir(self.group) if os.path.isdir(os.path.join(self.group, d))], [])
        self.assertNotIn("group", self.box.err())

    def test_on_takes_it(self):
        self.start({"w": {"command": [WORKER, "idle"]}}, cgroup="on")
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        self.assertTrue(os.path.exists(os.path.join(self.group, "w@1")))


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
        ROOT = sys.argv[2]
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", ROOT], check=True)
        with open("/proc/self/cgroup") as f:
            if "0::/\n" not in f.readlines():
                sys.exit("this is no cgroup namespace: refusing")
        del sys.argv[1:]
        main()
    elif sys.argv[1:] == ["outside"]:
        outside()
    elif os.geteuid() != 0:
        skip("needs root")
    elif subprocess.run(["unshare", "--mount", "--pid", "--fork", "--cgroup", "--kill-child", "true"], stderr=subprocess.DEVNULL).returncode:
        skip("this machine allows no new namespaces")
    else:
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, HERE, "outside"])
