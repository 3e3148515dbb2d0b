#!/usr/bin/env python3
"""Every page of examples/patterns does what its head says."""
import json, os, signal, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from harness import Case, PATIENCE, TASKD, main, until

BUILT = os.path.join(os.path.abspath(os.environ.get("TOP_BUILDDIR", ".")), "examples", "patterns")
SCRIPTS = os.path.join(os.path.abspath(os.environ.get("TOP_SRCDIR", ".")), "examples", "patterns")


def pattern(name):
    return os.path.join(SCRIPTS if name.endswith(".sh") else BUILT, name)


class Patterns(Case):
    def script(self, name, *a):
        return subprocess.run([pattern(name), *a], capture_output=True, text=True, timeout=PATIENCE,
                              env=self.box.env(TASKD=TASKD, TASKD_SOCKET=self.box.sock, TASKD_STATE_DIR=self.box.state))

    def test_result_is_the_handles_value(self):
        p = self.box.cli("run", "--result", "-", "--", pattern("result"), 2, 3, 7)
        self.assertEqual(p.returncode, 0, p.stderr)
        record = json.loads(p.stdout)
        self.assertEqual((record["outcome"], record["value"], record["units"]["done"]), ("ok", {"sum": 12}, 3))

    def test_result_failed_has_the_workers_own_status(self):
        p = self.box.cli("run", "--result", "-", "--", pattern("result"), 2, "three")
        self.assertEqual(p.returncode, 3, p.stderr)
        record = json.loads(p.stdout)
        self.assertEqual((record["outcome"], record["units"]), ("failed", {"done": 1, "failed": 1, "lost": 0}))

    def test_long_unit_is_finished_and_no_other_begins(self):
        p = self.box.start("--", pattern("long-unit"), 800)
        self.box.in_unit("long-unit@1", "unit-1")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(PATIENCE), 130)
        record = self.one_record()
        self.check_record(record, "cancelled", how="cooperative")
        self.assertEqual((record["value"], record["units"]["done"], record["unit"]), ({"done": 1}, 1, None))

    def test_blocking_is_killed_after_the_grace_and_its_unit_named(self):
        p = self.box.start("--stop-timeout", "300ms", "--", pattern("blocking"))
        self.box.in_unit("blocking@1")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(PATIENCE), 137)
        record = self.one_record()
        self.check_record(record, "cancelled", how="killed")
        self.assertFalse(record["stop"]["acked"])
        self.assertEqual(record["unit"]["id"], "a call that never returns")
        self.assertIn("a call that never returns", self.box.err())

    def test_event_loop_hears_lines_and_the_stop(self):
        p = self.box.start("--", pattern("event-loop"), stdin=subprocess.PIPE)
        p.stdin.write(b"one\ntwo\n")
        p.stdin.flush()
        self.box.until_task("two units done", "event-loop@1", lambda t: t["units"]["done"] == 2)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(PATIENCE), 143)
        self.check_record(self.one_record(), "cancelled", how="cooperative")
        p.stdin.close()

    def test_event_loop_ends_with_its_input(self):
        p = self.box.cli("run", "--", pattern("event-loop"), stdin="one\ntwo\n")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn("did two", p.stdout + p.stderr)
        self.check_record(self.one_record(), "ok")

    def test_heartbeat_shows_in_status(self):
        p = self.box.start("--", pattern("heartbeat"), 20)
        self.box.until_task("a later beat", "heartbeat@1", lambda t: t["text"] and int(t["text"].split()[1]) > 2)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(PATIENCE), 143)

    def test_abort_names_the_interrupted_unit(self):
        self.box.start("--", pattern("long-unit"), 60000)
        self.box.in_unit("long-unit@1", "unit-1")
        p = self.script("abort.sh", "long-unit")
        self.assertEqual(p.returncode, 137, p.stderr)
        record = json.loads(p.stdout)
        self.check_record(record, "cancelled", how="aborted")
        self.assertEqual(record["unit"]["id"], "unit-1")

    def test_race_that_the_clock_wins(self):
        p = self.box.start("--", pattern("long-unit"), 300)
        self.box.in_unit("long-unit@1")
        race = self.script("race.sh", "long-unit", "100ms")
        self.assertEqual(race.returncode, 124, race.stderr)
        p.wait(PATIENCE)
        self.check_record(self.one_record(), "cancelled", how="cooperative")

    def test_race_that_the_task_wins(self):
        config = self.box.config({"add": {"command": [pattern("result"), "4"], "restart": "no"},
                                  "stay": {"command": [pattern("heartbeat")]}})
        self.box.start("-c", config)
        race = self.script("race.sh", "add", "1min")
        self.assertEqual(race.returncode, 0, race.stderr)
        self.assertEqual(json.loads(race.stdout)["value"], {"sum": 4})

    def test_unmodified_program_is_stopped_by_its_signal(self):
        p = self.box.start("--channel", "none", "--", pattern("unmodified.sh"))
        until("it works", lambda: "working" in self.box.out() + self.box.err())
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(PATIENCE), 143)
        self.assertIn("cleaning up", self.box.out() + self.box.err())
        self.check_record(self.one_record(), "cancelled", how="cooperative")

    def test_all_run_by_hand(self):
        by_hand = {"result": ["1", "2"], "event-loop": []}
        for name, args in by_hand.items():
            with self.subTest(name):
                p = subprocess.run([pattern(name), *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, env=self.box.env())
                self.assertEqual(p.returncode, 0, p.stderr)


if __name__ == "__main__":
    main()
