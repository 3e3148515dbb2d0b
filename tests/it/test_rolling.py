#!/usr/bin/env python3
"""Restarting one after another, more and fewer tasks, drain and resume, waiting for a quiet moment."""
import collections, os, signal, threading

from harness import WORKER, Case, alive, main, until


class Rolling(Case):
    def start(self, *steps, **keys):
        self.diary = self.box.path("diary")
        c = self.box.config({"w": {"command": [WORKER, f"diary:{self.diary}", *(steps or ("ready", "loop:20"))], **keys}})
        self.p = self.box.start("-c", c)
        until("all run", lambda: all(t["state"] == "running" for t in self.box.tasks().values()))

    def pids(self):
        return {i: t["pid"] for i, t in self.box.tasks().items()}

    def watch(self, check, until_true):
        """Calls check(tasks) again and again, on its own, until the other comes true."""
        seen, over = [], threading.Event()
        def look():
            while not over.is_set():
                seen.append(check(self.box.tasks()))
        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            until("what is watched for", until_true)
        finally:
            over.set()
            watcher.join()
        return seen

    def nothing_lost(self):
        with open(self.diary) as f:
            said = collections.Counter(line.split()[1] for line in f)
        self.assertEqual(said["begin"], said["end"], said)
        for r in self.box.records():
            self.check_record(r, "cancelled", "cooperative")
            self.assertEqual(r["lost"], [])
        return said["end"]

    def test_four_busy_replicas_never_fewer_than_three(self):
        self.start("work:30", "ready", "loop:20", replicas=4, start_timeout="30s")
        for round in range(3):
            before = self.pids()
            self.assertEqual(self.box.post("/v1/workers/w/restart")[0], 202)
            working = self.watch(lambda tasks: sum(t["state"] == "running" for t in tasks.values()),
                                 lambda: not set(self.pids().values()) & set(before.values()) and all(t["state"] == "running" for t in self.box.tasks().values()))
            self.assertGreaterEqual(min(working), 3)
        self.assertEqual(len(self.box.records()), 12)
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.p.wait(60), 0)
        print(f"\n12 replacements, {self.nothing_lost()} units, none lost, at least {min(working)} of 4 working in {len(working)} looks", flush=True)

    def test_more_at_once_when_asked_for(self):
        self.start("work:300", "ready", "loop:20", replicas=4, start_timeout="30s")
        before = self.pids()
        self.box.post("/v1/workers/w/restart", {"max_unavailable": 3})
        working = self.watch(lambda tasks: sum(t["state"] == "running" for t in tasks.values()),
                             lambda: not set(self.pids().values()) & set(before.values()) and all(t["state"] == "running" for t in self.box.tasks().values()))
        self.assertEqual(min(working), 1)

    def test_the_idle_one_goes_first(self):
        """Three are in a unit, one is not."""
        script = f'if [ $TASKD_ID = w@3 ]; then exec {WORKER} ready idle; else exec {WORKER} ready begin:u work:1500 end:u loop:1500; fi'
        c = self.box.config({"w": {"command": ["sh", "-c", script], "replicas": 4}})
        self.box.start("-c", c)
        for i in (1, 2, 4):
            self.box.in_unit(f"w@{i}")
        self.box.post("/v1/workers/w/restart")
        until("a record", self.box.records)
        self.assertEqual(self.box.records()[0]["id"], "w@3")

    def test_one_that_does_not_come_up_holds_up_the_others(self):
        self.start("ready", "loop:20", replicas=3, start_timeout="30s")
        before = self.pids()
        with open(self.box.path("taskd.json"), "w") as f:
            f.write('{"workers": {"w": {"command": ["false"], "replicas": 3, "start_timeout": "30s", "restart_limit": {"count": 2, "interval": "1h"}, "backoff": {"initial": "1ms", "max": "1ms"}}}}')
        self.p.send_signal(signal.SIGHUP)
        until("one has failed", lambda: any(t["state"] == "failed" for t in self.box.tasks().values()))
        until("no more than it said", lambda: sum(self.pids()[i] == before[i] for i in before) == 2)
        self.assertEqual(sum(t["state"] == "running" and t["due"] == "reload" for t in self.box.tasks().values()), 2)

    def test_scale_up_and_down_idle_first(self):
        script = f'if [ $TASKD_ID = w@2 ]; then exec {WORKER} ready idle; else exec {WORKER} ready loop:300; fi'
        c = self.box.config({"w": {"command": ["sh", "-c", script]}})
        self.box.start("-c", c)
        self.assertEqual(self.box.post("/v1/workers/w/scale", {"replicas": 4, "wait": True})[0], 200)
        for i in (1, 3, 4):
            self.box.in_unit(f"w@{i}")
        status, answer = self.box.post("/v1/workers/w/scale", {"replicas": 3, "wait": True})
        self.assertEqual((status, answer["tasks"], answer["failed"]), (200, 1, []))
        self.assertEqual(set(self.box.tasks()), {"w@1", "w@3", "w@4"})
        r = self.one_record()
        self.assertEqual((r["id"], r["stop"]["reason"]), ("w@2", "scale"))
        self.box.post("/v1/workers/w/scale", {"replicas": 0, "wait": True})
        self.assertEqual(self.box.tasks(), {})
        self.box.post("/v1/workers/w/scale", {"replicas": 2, "wait": True})
        self.assertEqual(set(self.box.tasks()), {"w@1", "w@2"})
        self.assertEqual([r["lost"] for r in self.box.records()], [[]] * 4)

    def test_wrong_numbers(self):
        self.start()
        for body in ({}, {"replicas": -1}, {"replicas": 1.5}, {"replicas": 10001}, {"replicas": "2"}, {"replcas": 2}):
            self.assertEqual(self.box.post("/v1/workers/w/scale", body)[0], 400, body)
        self.assertEqual(self.box.post("/v1/workers/x/scale", {"replicas": 1})[0], 404)
        self.assertEqual(self.box.post("/v1/workers/w/restart", {"max_unavailable": "many"})[0], 400)

    def test_drain_never_kills_and_is_reversible(self):
        self.start("ready", "unit:long:1500", "loop:20", stop_timeout="100ms", max_stop_timeout="100ms", replicas=2)
        for i in ("w@1", "w@2"):
            self.box.in_unit(i, "long")
        status, answer = self.box.post("/v1/workers/w/drain", {"wait": True})
        self.assertEqual((status, answer["killed"], answer["lost"]), (200, 0, []))
        for t in self.box.tasks().values():
            self.assertEqual((t["state"], t["drained"]), ("stopped", True))
        for r in self.box.records():
            self.assertEqual((r["stop"]["reason"], r["units"]["done"]), ("drain", 1))
        self.assertIn("drained", self.box.cli("status").stdout)
        self.assertEqual(self.box.post("/v1/workers/w/resume", {"wait": True})[0], 200)
        for t in self.box.tasks().values():
            self.assertEqual((t["state"], t["drained"]), ("running", False))

    def test_a_resume_in_the_middle_of_a_drain(self):
        self.start("ready", "unit:long:1000", "loop:20")
        pid = self.box.in_unit("w@1", "long")["pid"]
        self.box.post("/v1/workers/w/drain")
        self.box.until_task("is asked", "w@1", lambda t: t["state"] == "stopping")
        self.box.post("/v1/workers/w/resume")
        self.box.until_task("begins anew", "w@1", lambda t: t["state"] == "running" and t["pid"] != pid)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_stop_cuts_a_drain_short(self):
        self.start("ready", "begin:u", "work:600000")
        self.box.in_unit("w@1", "u")
        self.box.post("/v1/workers/w/drain")
        self.box.until_task("is asked", "w@1", lambda t: t["state"] == "stopping" and t["stop"]["remaining_ms"] is None)
        status, answer = self.box.post("/v1/workers/w/stop", {"timeout_ms": 200, "wait": True})
        self.assertEqual(answer["killed"], 1)

    def test_resume_starts_only_what_was_drained(self):
        self.start("ready", "loop:20", replicas=2)
        self.box.cli("stop", "w@1")
        self.box.post("/v1/workers/w/drain", {"wait": True})
        self.box.post("/v1/workers/w/resume", {"wait": True})
        self.assertEqual({i: t["state"] for i, t in self.box.tasks().items()}, {"w@1": "stopped", "w@2": "running"})

    def test_a_quiet_moment(self):
        c = self.box.config({"busy": {"command": [WORKER, "ready", "begin:u", "work:600000"]}, "short": {"command": [WORKER, "ready", "unit:u:700", "idle"]},
                             "idle": {"command": [WORKER, "ready", "idle"]}})
        self.box.start("-c", c)
        self.box.in_unit("busy@1")
        self.box.in_unit("short@1")
        self.assertEqual(self.box.get("/v1/wait?idle=1&scope=idle"), {"v": 1, "idle": True})
        self.assertEqual(self.box.request("GET", "/v1/wait?idle=1&scope=short")[0], 200)
        self.assertEqual(self.box.task("short@1")["units"]["done"], 1)
        self.assertEqual(self.box.request("GET", "/v1/wait?idle=1&timeout=100")[0], 504)
        self.assertEqual(self.box.request("GET", "/v1/wait?idle=1&scope=nobody")[0], 404)

    def test_start_clears_a_failure(self):
        flag = self.box.path("flag")
        c = self.box.config({"w": {"command": ["sh", "-c", f"test -e {flag} && exec {WORKER} ready idle"], "restart": "no", "start_timeout": "30s"},
                             "keep": {"command": [WORKER, "idle"]}})
        self.box.start("-c", c)
        self.box.until_task("fails", "w@1", lambda t: t["state"] == "failed")
        status, answer = self.box.post("/v1/workers/w/start", {"wait": True})
        self.assertEqual((status, answer["failed"]), (200, ["w@1"]))
        open(flag, "w").close()
        for verb in ("start", "restart"):
            status, answer = self.box.post(f"/v1/workers/w/{verb}", {"wait": True})
            self.assertEqual((status, answer["failed"]), (200, []))
        self.assertEqual(self.box.task("w@1")["state"], "running")

    def test_nothing_starts_while_taskd_stops(self):
        self.start("ready", "unit:long:1200", "idle")
        self.box.in_unit("w@1", "long")
        self.p.send_signal(signal.SIGTERM)
        self.box.until_task("stops", "w@1", lambda t: t["state"] == "stopping")
        for path, body in (("workers/w/start", {}), ("workers/w/restart", {}), ("workers/w/drain", {}), ("workers/w/resume", {}),
                           ("workers/w/scale", {"replicas": 3}), ("spawn", {"worker": "w"}), ("reload", {})):
            status, answer = self.box.post(f"/v1/{path}", body)
            self.assertEqual((status, answer["error"]["code"]), (409, "stopping"), path)
        self.assertEqual(self.p.wait(60), 0)
        self.assertEqual(len(self.box.records()), 1)


if __name__ == "__main__":
    main()
