#!/usr/bin/env python3
"""Another configuration while taskd runs: what has not changed is not touched, what has is replaced between two units."""
import json, os, signal, threading, time

from harness import WORKER, Case, alive, main, until


class Reload(Case):
    def write(self, workers, **top):
        """Atomically, as an editor does."""
        with open(self.box.path("new.json"), "w") as f:
            json.dump({"workers": workers, **top}, f)
        os.replace(self.box.path("new.json"), self.box.path("taskd.json"))

    def start(self, workers, **top):
        self.write(workers, **top)
        self.p = self.box.start("-c", self.box.path("taskd.json"))
        until("all run", lambda: all(t["state"] == "running" for t in self.box.tasks().values()))

    def hup(self):
        reloads = self.box.err().count("reload: ")
        self.p.send_signal(signal.SIGHUP)
        until("the reload is told", lambda: self.box.err().count("reload: ") > reloads)

    def pids(self):
        return {i: t["pid"] for i, t in self.box.tasks().items()}

    @staticmethod
    def worker(*steps, **keys):
        return {"command": [WORKER, *(steps or ("ready", "loop:50"))], **keys}

    def test_one_of_three_is_replaced_after_its_unit(self):
        self.start({"a": self.worker(), "b": self.worker("ready", "unit:long:1500", "loop:50"), "c": self.worker()})
        self.box.in_unit("b@1", "long")
        before = self.pids()
        self.write({"a": self.worker(), "b": self.worker("ready", "loop:50", env={"X": "1"}), "c": self.worker()})
        self.hup()
        self.assertIn("0 workers added, 0 removed, 1 changed, 2 unchanged", self.box.err())
        self.box.until_task("is replaced", "b@1", lambda t: t["pid"] and t["pid"] != before["b@1"])
        after = self.pids()
        self.assertEqual((after["a@1"], after["c@1"]), (before["a@1"], before["c@1"]))
        r = self.one_record()
        self.check_record(r, "cancelled", "cooperative")
        self.assertEqual((r["worker"], r["stop"]["reason"], r["units"]["done"], r["lost"]), ("b", "reload", 1, []))
        with open(f"/proc/{after['b@1']}/environ") as f:
            self.assertIn("X=1", f.read().split("\0"))

    def test_the_same_file_changes_nothing(self):
        workers = {"a": self.worker(env={"A": "b"}, limits={"nofile": 100}, success_exit=[3], input={"x": [1]}), "b": self.worker(after=["a"])}
        self.start(workers)
        before = self.pids()
        self.write(workers)
        self.hup()
        self.assertIn("0 changed, 2 unchanged", self.box.err())
        self.assertEqual(self.pids(), before)
        self.assertEqual(self.box.records(), [])

    def test_what_no_process_sees_takes_effect_at_once(self):
        self.start({"a": self.worker("ready", "unit:u:1500", "exit:1", restart="always")})
        pid = self.pids()["a@1"]
        self.write({"a": self.worker("ready", "unit:u:1500", "exit:1", restart="no")})
        self.hup()
        self.assertEqual(self.pids()["a@1"], pid)
        self.assertEqual(self.p.wait(60), 1)
        self.assertEqual(len(self.box.records()), 1)

    def test_a_life_ends_by_the_definition_it_began_with(self):
        self.start({"a": self.worker("ready", "unit:long:1500", "loop:20", stop_timeout="1h")})
        pid = self.box.in_unit("a@1", "long")["pid"]
        self.write({"a": self.worker("ready", "loop:20", stop_timeout="100ms", max_stop_timeout="100ms")})
        self.hup()
        self.box.until_task("is replaced", "a@1", lambda t: t["pid"] and t["pid"] != pid)
        r = self.one_record()
        self.check_record(r, "cancelled", "cooperative")
        self.assertEqual((r["units"]["done"], r["lost"]), (1, []))

    def test_a_scale_by_hand_stays_until_replicas_change(self):
        self.start({"a": self.worker(replicas=2)})
        self.box.post("/v1/workers/a/scale", {"replicas": 3, "wait": True})
        self.write({"a": self.worker(replicas=2, max_age="1h")})
        self.hup()
        self.assertEqual(len(self.box.tasks()), 3)
        self.write({"a": self.worker(replicas=1, max_age="1h")})
        self.hup()
        until("one", lambda: len(self.box.tasks()) == 1)

    def test_an_invalid_file_changes_nothing(self):
        self.start({"a": self.worker()})
        before = self.pids()
        for text in ('{"workers": {"a": {"command": ["true"], "replcas": 2}}}', '{"workers"', ""):
            with open(self.box.path("taskd.json"), "w") as f:
                f.write(text)
            self.hup()
            until("it says so", lambda: "nothing has been changed" in self.box.err())
        self.assertIn("taskd.json:1:", self.box.err())
        self.assertEqual(self.pids(), before)
        os.unlink(self.box.path("taskd.json"))
        self.hup()
        self.assertEqual(self.pids(), before)
        events = [json.loads(line) for line in self.box.cli("events", "--json", "--since", "first").stdout.splitlines()]
        self.assertEqual({e["error"]["code"] for e in events if e["type"] == "reload"}, {"invalid"})

    def test_workers_come_and_go(self):
        self.start({"a": self.worker(), "b": self.worker("ready", "unit:last:800", "loop:10")})
        self.box.in_unit("b@1", "last")
        self.write({"a": self.worker(), "c": self.worker()})
        self.hup()
        until("c runs and b is gone", lambda: set(self.box.tasks()) == {"a@1", "c@1"} and self.box.task("c@1")["state"] == "running")
        r = self.one_record()
        self.check_record(r, "cancelled", "cooperative")
        self.assertEqual((r["worker"], r["stop"]["reason"], r["lost"]), ("b", "reload", []))

    def test_a_worker_that_comes_back_before_it_has_left(self):
        self.start({"a": self.worker(), "b": self.worker("ready", "unit:last:1500", "loop:10")})
        pid = self.box.in_unit("b@1", "last")["pid"]
        self.write({"a": self.worker()})
        self.hup()
        self.box.until_task("is on its way out", "b@1", lambda t: t["state"] == "stopping")
        self.write({"a": self.worker(), "b": self.worker("ready", "loop:10")})
        self.hup()
        t = self.box.until_task("is back", "b@1", lambda t: t["state"] == "running" and t["pid"] != pid)
        self.assertFalse(alive(pid))
        self.assertEqual(set(self.box.tasks()), {"a@1", "b@1"})

    def test_more_and_fewer_replicas(self):
        self.start({"a": self.worker(replicas=2)})
        before = self.pids()
        self.write({"a": self.worker(replicas=4)})
        self.hup()
        until("four", lambda: sum(t["state"] == "running" for t in self.box.tasks().values()) == 4)
        self.assertEqual({i: self.pids()[i] for i in before}, before)
        self.write({"a": self.worker(replicas=1)})
        self.hup()
        until("one", lambda: len(self.box.tasks()) == 1)
        self.assertEqual({r["stop"]["reason"] for r in self.box.records()}, {"reload"})
        self.assertEqual([r["lost"] for r in self.box.records()], [[]] * 3)

    def test_many_replicas_are_replaced_one_at_a_time(self):
        self.start({"a": self.worker(replicas=4, start_timeout="30s")})
        before, worst = self.pids(), 0
        self.write({"a": self.worker(replicas=4, start_timeout="30s", env={"X": "1"})})
        self.hup()
        def all_new():
            nonlocal worst
            tasks = self.box.tasks()
            worst = max(worst, sum(t["state"] != "running" for t in tasks.values()))
            return all(t["pid"] and t["pid"] != before[i] and t["state"] == "running" for i, t in tasks.items())
        until("all are new", all_new)
        self.assertLessEqual(worst, 1)

    def test_what_was_stopped_stays_stopped(self):
        self.start({"a": self.worker(), "b": self.worker()})
        self.box.cli("stop", "b")
        self.write({"a": self.worker(), "b": self.worker(env={"X": "1"})})
        self.hup()
        self.assertEqual(self.box.task("b@1")["state"], "stopped")

    def test_a_task_that_had_failed_is_tried_again(self):
        self.start({"a": self.worker()})
        self.write({"a": self.worker(), "b": {"command": ["false"], "restart": "no"}})
        self.hup()
        self.box.until_task("fails", "b@1", lambda t: t["state"] == "failed")
        self.write({"a": self.worker(), "b": self.worker()})
        self.hup()
        self.box.until_task("runs", "b@1", lambda t: t["state"] == "running")

    def test_the_stop_wins(self):
        self.start({"a": self.worker("ready", "unit:u:1500", "loop:10")})
        self.box.in_unit("a@1", "u")
        self.p.send_signal(signal.SIGTERM)
        self.box.until_task("stops", "a@1", lambda t: t["state"] == "stopping")
        self.write({"a": self.worker(), "b": self.worker()})
        self.hup()
        self.assertIn("the stop wins", self.box.err())
        self.assertEqual(self.p.wait(60), 0)
        self.assertEqual([r["worker"] for r in self.box.records()], ["a"])

    def test_a_stop_in_the_middle_of_a_reload(self):
        self.start({"a": self.worker("ready", "loop:300", replicas=4)})
        self.write({"a": self.worker("ready", "loop:300", replicas=4, env={"X": "1"})})
        self.hup()
        self.box.until_task("one is being replaced", "a@1", lambda t: any(x["stop"] for x in self.box.tasks().values()))
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.p.wait(60), 0)
        for r in self.box.records():
            self.check_record(r, "cancelled", "cooperative")
            self.assertEqual(r["lost"], [])

    def test_killed_in_the_middle_of_a_reload(self):
        for round in range(5):
            self.start({"a": self.worker("ready", "loop:100", replicas=4)})
            pids = list(self.pids().values())
            self.write({"a": self.worker("ready", "loop:100", replicas=3, env={"X": str(round)}), "b": self.worker()})
            self.p.send_signal(signal.SIGHUP)
            time.sleep(0.03 * round)
            pids += [t["pid"] for t in (self.box.status(quiet=True) or {"tasks": []})["tasks"] if t["pid"]]
            self.p.kill()
            self.p.wait()
            until("its workers leave by themselves", lambda: not any(map(alive, pids)))
            self.p = self.box.start("-c", self.box.path("taskd.json"))
            until("four tasks run", lambda: sorted(i for i, t in self.box.tasks().items() if t["state"] == "running") == ["a@1", "a@2", "a@3", "b@1"])
            self.p.send_signal(signal.SIGTERM)
            self.assertEqual(self.p.wait(60), 0)

    def test_a_hundred_reloads_leave_nothing_behind(self):
        self.start({"a": self.worker(), "b": self.worker()})
        fds = lambda: len(os.listdir(f"/proc/{self.p.pid}/fd"))
        def rss():
            with open(f"/proc/{self.p.pid}/statm") as f:
                return int(f.read().split()[1]) * 4
        for i in range(100):
            if i == 20:
                before = fds(), rss()
            self.write({"a": self.worker(), "b": self.worker(env={"X": str(i)}), **({"c": self.worker()} if i % 2 else {})})
            self.hup()
        self.write({"a": self.worker(), "b": self.worker()})
        self.hup()
        until("two tasks run", lambda: sorted(i for i, t in self.box.tasks().items() if t["state"] == "running" and not t["due"]) == ["a@1", "b@1"])
        until("descriptors are back", lambda: fds() <= before[0])
        self.assertLess(rss(), before[1] + 2048)


if __name__ == "__main__":
    main()
