"""Numbers: every outcome a thousand times, five hundred tasks, an idle taskd that does nothing, and a stop against every moment."""
import collections, json, os, random, re, signal, time
from harness import Case, WORKER, main, until

# A leak check at the end of each of a thousand workers would be all that is tested; taskd's own stays on.
QUIET = {"log": {"to": "null"}, "env": {"ASAN_OPTIONS": "detect_leaks=0"}}
LIVES = int(os.environ.get("TASKD_TEST_LIVES", "1000"))
TASKS = int(os.environ.get("TASKD_TEST_TASKS", "500"))


def schedstat(pid):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0])


def switches(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M).group(1))


class Outcomes(Case):
    def expect(self, outcome, how=None, count=LIVES):
        records = self.box.records()
        got = collections.Counter((r["outcome"], (r["stop"] or {}).get("how")) for r in records)
        self.assertEqual(got, {(outcome, how): count})
        handles = [r["handle"] for r in records]
        self.assertEqual(len(set(handles)), count, "a life was recorded twice")
        self.assertEqual(sorted(int(h.split("#")[1]) for h in handles), list(range(1, count + 1)), "a life is missing")

    def again_and_again(self, *command, policy="always"):
        """One task that lives LIVES times."""
        c = self.box.config({"w": {"command": list(command), "restart": policy, **QUIET, "backoff": {"initial": "0s", "max": "0s"},
                                   "restart_limit": {"count": LIVES - 1, "interval": "infinity"}}})
        return self.box.cli("run", "-c", c, timeout=300)

    def all_at_once(self, *command, **settings):
        """LIVES tasks that live once, all of them up."""
        c = self.box.config({"w": {"command": list(command), "replicas": LIVES, "restart": "no", **QUIET, **settings}})
        p = self.box.start("-c", c)
        return p

    def all_in_unit(self):
        until("all are in their unit", lambda: all(t["unit"] for t in self.box.status()["tasks"]))

    def test_ok(self):
        self.again_and_again("true")
        self.expect("ok")

    def test_failed(self):
        self.again_and_again("false")
        self.expect("failed")

    def test_panicked(self):
        self.again_and_again("sh", "-c", "kill -KILL $$")
        self.expect("panicked")

    def test_unstarted(self):
        self.again_and_again("/nonexistent/program")
        self.expect("unstarted")

    def test_cancelled_cooperative(self):
        p = self.all_at_once(WORKER, "ready", "begin:u", "idle", "end:u", stop_timeout="5min")
        self.all_in_unit()
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(300), 0)
        self.expect("cancelled", "cooperative")
        self.assertEqual({(r["units"]["done"], r["units"]["lost"]) for r in self.box.records()}, {(1, 0)})

    def test_cancelled_killed(self):
        p = self.all_at_once(WORKER, "ready", "ignore", "begin:u", "work:3600000", stop_timeout="1s")
        self.all_in_unit()
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(300), 1)
        self.expect("cancelled", "killed")

    def test_cancelled_aborted(self):
        p = self.all_at_once(WORKER, "ready", "begin:u", "work:3600000", stop_timeout="5min")
        self.all_in_unit()
        p.send_signal(signal.SIGQUIT)
        self.assertEqual(p.wait(300), 1)
        self.expect("cancelled", "aborted")

    def test_stop_against_a_natural_end(self):
        """Whatever wins, there is one record of each life, and an end that was ok is never called a panic."""
        rng = random.Random(4)
        for _ in range(40):
            c = self.box.config({"w": {"command": [WORKER, "ready", "unit:u:1", "result:1"], "replicas": 25, "restart": "no", **QUIET}})
            p = self.box.start("-c", c, ready=False)
            time.sleep(rng.random() * 0.15)   # not to wait for something: to hit another moment each time
            p.send_signal(signal.SIGTERM)
            p.wait(60)
        records = self.box.records()
        self.assertEqual(len({r["handle"] for r in records}), len(records))
        self.assertLessEqual({(r["outcome"], r["cause"]) for r in records}, {("ok", None), ("cancelled", None)})
        self.assertEqual({r["units"]["lost"] for r in records}, {0})


class Many(Case):
    def test_five_hundred_tasks(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "begin:u", "idle", "end:u"], "replicas": TASKS, **QUIET}})
        p = self.box.start("-c", c)
        until("all are in their unit", lambda: sum(bool(t["unit"]) for t in self.box.status()["tasks"]) == TASKS)
        shown = self.box.cli("status").stdout
        self.assertEqual(sum(line.startswith("w@") for line in shown.splitlines()), TASKS)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(120), 0)
        self.assertEqual({(r["outcome"], r["stop"]["how"], r["units"]["done"]) for r in self.box.records()}, {("cancelled", "cooperative", 1)})
        self.assertEqual(len(self.box.records()), TASKS)

    def test_idle_means_idle(self):
        """No timer fires without a cause: no CPU time and no wake-up in two seconds."""
        c = self.box.config({"w": {"command": [WORKER, "ready", "idle"], "replicas": 50}, "n": {"command": ["sleep", "1000"], "channel": "none", "replicas": 50}})
        p = self.box.start("-c", c)
        until("all are up", lambda: all(t["state"] == "running" for t in self.box.status()["tasks"]))

        def quiet():
            before = schedstat(p.pid), switches(p.pid)
            time.sleep(2)
            return (schedstat(p.pid), switches(p.pid)) == before
        until("two seconds without a wake-up", quiet)


if __name__ == "__main__":
    main()
