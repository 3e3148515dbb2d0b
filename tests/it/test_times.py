#!/usr/bin/env python3
"""Workers that run at times: every so often, by a schedule, and what happens when their time comes while they still run."""
import os, signal, time

from harness import WORKER, Case, main, process_state, until


class Times(Case):
    def run_worker(self, *steps, **keys):
        c = self.box.config({"w": {"command": [WORKER, *steps], **keys}})
        return self.box.start("-c", c)

    def runs(self, n):
        return until(f"{n} runs", lambda: (lambda r: r if len(r) >= n else None)(self.box.records()))

    def test_every_so_often(self):
        p = self.run_worker("ready", "unit:u:1", every="300ms")
        began = time.monotonic()
        for r in self.runs(4):
            self.check_record(r, "ok")
        self.assertGreater(time.monotonic() - began, 0.8)
        t = self.box.until_task("waits for its time", "w@1", lambda t: t["state"] == "waiting")
        self.assertRegex(t["next_run"], r"^20\d\d-")
        self.assertEqual(self.box.get("/readyz"), {"ready": True})
        self.assertIn("next", self.box.cli("status").stdout)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)

    def test_a_run_that_failed_is_tried_again_and_the_timetable_goes_on(self):
        self.run_worker("ready", "exit:1", every="500ms", backoff={"initial": "1ms", "max": "1ms"}, restart_limit={"count": 2, "interval": "1h"})
        self.runs(7)
        self.assertNotEqual(self.box.task("w@1")["state"], "failed")

    def test_overlap_skip(self):
        self.run_worker("ready", "work:700", every="200ms")
        began = time.monotonic()
        self.runs(3)
        self.assertGreater(time.monotonic() - began, 2)
        self.assertIn("this run is skipped", self.box.err())

    def test_overlap_queue(self):
        """The one that is queued begins when the one before ends, not at the next time."""
        self.run_worker("ready", "work:1500", every="1s", overlap="queue")
        records = self.runs(3)
        self.assertNotIn("skipped", self.box.err())
        for r in records:
            self.check_record(r, "ok")

    def test_overlap_replace_waits_for_the_unit(self):
        self.run_worker("ready", "loop:150", every="400ms", overlap="replace")
        for r in self.runs(3):
            self.check_record(r, "cancelled", "cooperative")
            self.assertEqual((r["stop"]["reason"], r["lost"]), ("schedule", []))

    def test_what_was_missed_is_run_once(self):
        p = self.run_worker("ready", "unit:u:1", every="400ms")
        self.runs(2)
        os.kill(p.pid, signal.SIGSTOP)
        until("taskd is stopped", lambda: process_state(p.pid) == "T")
        before = len(self.box.records())
        time.sleep(2.5)
        os.kill(p.pid, signal.SIGCONT)
        resumed = time.monotonic()
        self.runs(before + 1)
        until("its grid goes on", lambda: len(self.box.records()) >= before + 3)
        self.assertLessEqual(len(self.box.records()) - before, 3 + (time.monotonic() - resumed) / 0.4)

    def test_a_stop_ends_the_timetable(self):
        self.run_worker("ready", "unit:u:1", every="200ms")
        self.runs(1)
        self.assertEqual(self.box.cli("stop", "w").returncode, 0)
        n = len(self.box.records())
        time.sleep(0.7)
        self.assertEqual(len(self.box.records()), n)
        self.assertEqual(self.box.task("w@1")["state"], "stopped")
        self.box.post("/v1/workers/w/start")
        self.runs(n + 2)

    def test_a_schedule_waits_for_its_minute(self):
        self.run_worker("ready", schedule="0 0 1 1 *", timezone="Asia/Tokyo")
        t = self.box.until_task("waits", "w@1", lambda t: t["state"] == "waiting")
        self.assertRegex(t["next_run"], r"^20\d\d-12-31T15:00:00")
        self.assertEqual(self.box.records(), [])

    def test_a_schedule_runs_when_it_is_due(self):
        self.run_worker("ready", "result:7", schedule="* * * * *")
        r = until("a run", lambda: self.box.records(), timeout=90)[0]
        self.assertEqual(r["value"], 7)
        self.assertEqual(r["started"][17:19], "00")

    def test_a_spawned_run_beside_the_timetable(self):
        self.run_worker("ready", "result:7", schedule="0 0 1 1 *")
        status, answer = self.box.post("/v1/spawn", {"worker": "w"})
        self.assertEqual((status, answer["results"][0]["value"], answer["results"][0]["id"]), (200, 7, "w@2"))
        self.assertEqual(self.box.task("w@1")["state"], "waiting")

    def test_nonsense_is_refused(self):
        for keys, word in (({"schedule": "61 * * * *"}, "61"), ({"schedule": "@daily", "every": "1h"}, "one or the other"),
                           ({"schedule": "@daily", "timezone": "Mars/Olympus"}, "Mars/Olympus"), ({"every": "1h", "restart": "always"}, "always")):
            r = self.box.cli("check", self.box.config({"w": {"command": ["true"], **keys}}))
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(word, r.stdout + r.stderr)


if __name__ == "__main__":
    main()
