#!/usr/bin/env python3
"""Why a life is followed by another, or not: the main rows of the restart rules, the limits of a life, and what is handed
from one life to the next, on the real binary. (The rules themselves, with a clock of their own: tests/unit/test_restart.c.)"""
import os, signal, time

from harness import WORKER, Case, alive, main, process_state, until

FAST = {"initial": "1ms", "max": "5ms"}
ENDLESS = {"count": 1000000, "interval": "0s"}


class Box(Case):
    def run_worker(self, *steps, **keys):
        daemon = keys.pop("daemon", {})
        c = self.box.config({"w": {"command": [WORKER, *steps], **keys}}, daemon=daemon)
        return self.box.start("-c", c)

    def lives(self, n):
        return until(f"{n} lives", lambda: (lambda r: r if len(r) >= n else None)(self.box.records()))


class Policy(Box):
    def test_the_limit_leaves_it_failed_and_says_so(self):
        c = self.box.config({"w": {"command": ["false"], "backoff": FAST, "restart_limit": {"count": 3, "interval": "1h"}},
                             "other": {"command": [WORKER, "ready", "idle"]}})
        p = self.box.start("-c", c)
        t = self.box.until_task("failed", "w@1", lambda t: t["state"] == "failed")
        self.assertTrue(t["restart_limited"])
        self.assertEqual(len(self.box.records()), 4)
        self.assertIn("restart_limit", self.box.err())
        self.assertIn("restart_limit", self.box.cli("status").stdout)
        p.send_signal(signal.SIGTERM)
        p.wait(30)

    def test_a_life_that_ended_a_unit_is_followed_at_once(self):
        """With a back-off of ten minutes only those that got somewhere come back."""
        self.run_worker("ready", "unit:u:1", "exit:3", backoff={"initial": "10min", "max": "10min"}, restart_limit=ENDLESS)
        self.lives(5)

    def test_a_life_that_died_before_its_first_unit_backs_off(self):
        self.run_worker("ready", "begin:u", "exit:3", backoff={"initial": "10min", "max": "10min", "jitter": 0})
        t = self.box.until_task("backoff", "w@1", lambda t: t["state"] == "backoff")
        self.assertEqual(t["backoff_ms"], 600000)
        self.assertEqual(len(self.box.records()), 1)

    def test_codes_that_count_as_success(self):
        p = self.run_worker("exit:143", restart="on-failure", success_exit=[75, 143])
        self.assertEqual(p.wait(30), 0)
        r = self.one_record()
        self.check_record(r, "ok")
        self.assertEqual(r["exit"]["code"], 143)

    def test_other_codes_do_not(self):
        p = self.run_worker("exit:142", restart="no", success_exit=[75, 143])
        self.assertEqual(p.wait(30), 1)
        self.check_record(self.one_record(), "failed")

    def on_failed(self, what):
        c = self.box.config({"bad": {"command": ["false"], "restart": "no"},
                             "good": {"command": [WORKER, "ready", "loop:100"]}}, daemon={"on_failed": what})
        return self.box.start("-c", c, ready=False)

    def test_on_failed_ignore(self):
        p = self.on_failed("ignore")
        until("bad has failed", lambda: self.box.status(quiet=True) and self.box.task("bad@1")["state"] == "failed")
        self.box.in_unit("good@1", "2")
        self.assertIsNone(p.poll())

    def test_on_failed_stop_leaves_taskd_up(self):
        p = self.on_failed("stop")
        until("good is stopped", lambda: self.box.status(quiet=True) and self.box.task("good@1")["state"] == "stopped")
        self.assertIsNone(p.poll())
        self.assertEqual(self.box.task("good@1")["last"]["stop"]["reason"], "deps")

    def test_on_failed_exit(self):
        p = self.on_failed("exit")
        self.assertEqual(p.wait(30), 1)
        good = [r for r in self.box.records() if r["worker"] == "good"]
        self.check_record(good[0], "cancelled", "cooperative")


class Limits(Box):
    def test_a_silent_worker_leaves_a_core_and_is_restarted(self):
        self.run_worker("ready", "heartbeats:20:3", "work:600000", watchdog_timeout="300ms", backoff=FAST, restart_limit=ENDLESS)
        for r in self.lives(2)[:2]:
            self.check_record(r, "panicked", None, "watchdog")
            self.assertEqual(r["exit"]["signal"], signal.SIGABRT)

    def test_heartbeats_keep_it_alive(self):
        p = self.run_worker("ready", "heartbeats:100:15", "result:1", watchdog_timeout="900ms", restart="no")
        self.assertEqual(p.wait(60), 0)
        self.check_record(self.one_record(), "ok")

    def test_one_that_ignores_the_abort_is_killed(self):
        script = "import signal, time; signal.signal(signal.SIGABRT, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
        c = self.box.config({"w": {"command": ["python3", "-c", script], "watchdog_timeout": "2s", "restart": "no"}})
        p = self.box.start("-c", c)
        t = self.box.until_task("dumping", "w@1", lambda t: t["state"] == "dumping")
        self.assertEqual(p.wait(60), 1)
        r = self.one_record()
        self.check_record(r, "panicked", None, "watchdog")
        self.assertEqual(r["exit"]["signal"], signal.SIGKILL)

    def test_a_stop_does_not_wait_for_the_core(self):
        script = "import signal, time; signal.signal(signal.SIGABRT, signal.SIG_IGN); time.sleep(1000)"
        c = self.box.config({"w": {"command": ["python3", "-c", script], "watchdog_timeout": "2s", "stop_timeout": "1s"}})
        p = self.box.start("-c", c)
        self.box.until_task("dumping", "w@1", lambda t: t["state"] == "dumping")
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        p.wait(60)
        self.assertLess(time.monotonic() - began, 8)

    def test_a_unit_may_bring_its_own_time(self):
        p = self.run_worker("ready", "within:slow:200", "work:600000", unit_timeout="1h", restart="no")
        p.wait(60)
        r = self.one_record()
        self.check_record(r, "panicked", None, "unit_timeout")
        self.assertEqual(r["unit"]["id"], "slow")
        self.assertEqual(r["exit"]["signal"], signal.SIGABRT)

    def test_taskd_that_was_stopped_blames_nobody(self):
        """Its workers worked on; what they said meanwhile is read before anybody is judged, and a wedge needs a new proof."""
        p = self.run_worker("ready", "loop:200", watchdog_timeout="1s", unit_timeout="2s", start_timeout="5s")
        pid = self.box.in_unit("w@1")["pid"]
        os.kill(p.pid, signal.SIGSTOP)
        until("taskd is stopped", lambda: process_state(p.pid) == "T")
        os.kill(pid, signal.SIGSTOP)        # the machine slept: both of them
        time.sleep(4.5)
        os.kill(pid, signal.SIGCONT)
        os.kill(p.pid, signal.SIGCONT)
        done = self.box.task("w@1")["units"]["done"]
        t = self.box.until_task("goes on", "w@1", lambda t: t["units"]["done"] > done + 5)
        self.assertEqual(t["pid"], pid)
        self.assertEqual(self.box.records(), [])

    def test_a_grace_that_ran_out_while_taskd_was_stopped_gets_a_second_chance(self):
        p = self.run_worker("ready", "unit:u:1500", stop_timeout="3s")
        pid = self.box.in_unit("w@1")["pid"]
        os.kill(pid, signal.SIGSTOP)
        p.send_signal(signal.SIGTERM)
        self.box.until_task("stopping", "w@1", lambda t: t["state"] == "stopping")
        os.kill(pid, signal.SIGSTOP)        # the stop has woken it
        os.kill(p.pid, signal.SIGSTOP)
        until("taskd is stopped", lambda: process_state(p.pid) == "T")
        time.sleep(5.5)
        os.kill(pid, signal.SIGCONT)
        os.kill(p.pid, signal.SIGCONT)
        self.assertEqual(p.wait(60), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_runtime_ends_it_after_its_unit(self):
        p = self.run_worker("ready", "loop:100", max_runtime="300ms", restart="no")
        self.assertEqual(p.wait(60), 0)
        r = self.one_record()
        self.check_record(r, "cancelled", "cooperative")
        self.assertEqual(r["stop"]["reason"], "runtime")
        self.assertEqual(r["lost"], [])

    def test_the_exit_status_of_a_command_that_ran_too_long(self):
        p = self.box.start("--max-runtime", "200ms", "--", "sleep", "1000", ready=False)
        self.assertEqual(p.wait(60), 124)


class Recycling(Box):
    def test_after_so_many_units(self):
        self.run_worker("ready", "loop:5", max_units=7, backoff={"initial": "10min", "max": "10min"}, restart="no")
        for r in self.lives(5):
            self.check_record(r, "cancelled", "cooperative")
            self.assertEqual(r["stop"]["reason"], "unit_limit")
            self.assertGreaterEqual(r["units"]["done"], 7)
            self.assertEqual(r["lost"], [])
        self.assertEqual(self.box.task("w@1")["restart_limited"], False)

    def test_jitter_spreads_it(self):
        self.run_worker("ready", "loop:1", max_units=100, max_units_jitter=0.9, restart="no")
        self.assertGreater(len({r["units"]["done"] for r in self.lives(8)}), 2)

    def test_after_some_time(self):
        self.run_worker("ready", "loop:20", max_age="200ms")
        for r in self.lives(3):
            self.assertEqual(r["stop"]["reason"], "age")
            self.check_record(r, "cancelled", "cooperative")

    def test_above_some_memory(self):
        self.run_worker("ready", "hog:64", "loop:300", max_rss="32M")
        for r in self.lives(2):
            self.assertEqual(r["stop"]["reason"], "memory")
            self.check_record(r, "cancelled", "cooperative")

    def test_below_it_nothing_happens(self):
        self.run_worker("ready", "loop:50", max_rss="32M")
        self.box.until_task("works", "w@1", lambda t: t["units"]["done"] > 30)
        self.assertEqual(self.box.records(), [])

    def test_never_two_replicas_at_once(self):
        self.run_worker("ready", "loop:5", max_units=20, replicas=4, restart="no", start_timeout="30s")
        worst = 0
        def enough():
            nonlocal worst
            tasks = self.box.tasks().values()
            worst = max(worst, sum(t["state"] != "running" for t in tasks))
            return len(self.box.records()) >= 30
        until("all are up", lambda: all(t["state"] == "running" for t in self.box.tasks().values()))
        until("30 lives", enough)
        self.assertLessEqual(worst, 1)


class FromLifeToLife(Box):
    def test_the_last_checkpoint(self):
        self.run_worker("resume", "checkpoint:{\"at\":17}", "unit:u:1", "exit:1", restart_limit=ENDLESS)
        self.lives(3)
        self.assertEqual(self.box.out().split()[:3], ["none", '{"at":17}', '{"at":17}'])

    def test_a_unit_that_kills_is_named_and_avoided(self):
        self.run_worker("avoid:bad", "avoid:good", "ready", "unit:good:1", "begin:bad", "raise:11", poison_limit=3, restart_limit=ENDLESS)
        self.lives(5)
        out = self.box.out().splitlines()
        self.assertEqual(out[:10], ["bad welcome", "good welcome"] * 3 + ["bad avoided", "good welcome"] * 2)
        self.assertEqual(self.box.task("w@1")["avoid"], ["bad"])
        self.assertEqual(self.box.err().count("unit bad was in flight at 3 deaths"), 1)

    def test_a_unit_that_was_cut_by_a_stop_is_no_poison(self):
        self.run_worker("ready", "begin:slow", "work:600000", max_runtime="50ms", stop_timeout="10ms", poison_limit=2,
                        restart_limit=ENDLESS, backoff=FAST)
        self.lives(5)
        self.assertNotIn("avoid", self.box.task("w@1"))

    def test_an_end_clears_the_suspicion(self):
        self.run_worker("avoid:u", "unit:u:1", "begin:u", "raise:11", poison_limit=2, restart_limit=ENDLESS)
        self.lives(5)
        self.assertNotIn("u avoided", self.box.out())


if __name__ == "__main__":
    main()
