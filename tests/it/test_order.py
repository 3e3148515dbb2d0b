#!/usr/bin/env python3
"""Who comes after whom: starting, stopping, groups and what a death means for the others."""
import json, signal

from harness import WORKER, Case, main, until

FAST = {"initial": "1ms", "max": "5ms"}
ENDLESS = {"count": 1000000, "interval": "0s"}


class Box(Case):
    def workers(self, **workers):
        """name: (steps, keys). Every worker says when it begins and when it leaves, in one file."""
        self.order = self.box.path("order")
        made = {}
        for name, (steps, keys) in workers.items():
            script = f'echo "+{name}" >> {self.order}; "$@"; s=$?; echo "-{name}" >> {self.order}; exit $s'
            # Up means that the worker has spoken: until then a stop is also a signal, which the shell does not survive.
            ready = {"start_timeout": "60s"} if "ready" in steps else {}
            made[name.replace("_", "-")] = {"command": ["sh", "-c", script, "sh", WORKER, *steps], **ready, **keys}
        return self.box.config(made)

    def lines(self):
        try:
            with open(self.order) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def up(self, *ids):
        until(f"{ids} are up", lambda: all(self.box.task(i)["state"] == "running" for i in ids))


class Order(Box):
    def test_up_in_order_and_down_in_reverse(self):
        p = self.box.start("-c", self.workers(
            app=(["work:50", "ready", "loop:50"], {"after": ["queue", "db"], "start_timeout": "30s"}),
            queue=(["work:50", "ready", "loop:50"], {"after": ["db"], "start_timeout": "30s"}),
            db=(["work:50", "ready", "idle"], {"start_timeout": "30s"})))
        self.up("app@1")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        self.assertEqual(self.lines(), ["+db", "+queue", "+app", "-app", "-queue", "-db"])
        for r in self.box.records():
            self.check_record(r, "cancelled", "cooperative")

    def test_status_says_what_is_waited_for(self):
        p = self.box.start("-c", self.workers(
            db=(["work:600000"], {"start_timeout": "1h", "stop_timeout": "0s"}), app=(["ready", "idle"], {"after": ["db"]})))
        t = self.box.until_task("waits", "app@1", lambda t: t["state"] == "waiting")
        self.assertEqual(t["waiting_for"], ["db"])
        self.assertIn("waiting for db", self.box.cli("status").stdout)
        self.assertEqual(self.box.get("/readyz"), {"ready": False})
        p.send_signal(signal.SIGTERM)
        p.wait(60)
        self.assertEqual([r["worker"] for r in self.box.records()], ["db"])

    def test_a_job_before_it_has_to_be_done(self):
        p = self.box.start("-c", self.workers(migrate=(["work:100"], {"restart": "no", "start_timeout": "30s"}), app=(["ready", "exit:0"], {"after": ["migrate"], "restart": "no"})), ready=False)
        self.assertEqual(p.wait(60), 0)
        self.assertEqual(self.lines(), ["+migrate", "-migrate", "+app", "-app"])

    def test_what_can_never_start_ends_the_run(self):
        p = self.box.start("-c", self.workers(migrate=(["work:100", "exit:3"], {"restart": "no", "start_timeout": "30s"}), app=(["ready"], {"after": ["migrate"]})), ready=False)
        self.assertEqual(p.wait(60), 1)
        self.assertEqual(self.lines(), ["+migrate", "-migrate"])

    def test_a_held_stop_runs_on_and_says_who_holds_it(self):
        p = self.box.start("-c", self.workers(db=(["ready", "loop:20"], {}), app=(["ready", "unit:long:1500"], {"after": ["db"]})))
        self.box.in_unit("app@1", "long")
        done = self.box.in_unit("db@1")["units"]["done"]
        p.send_signal(signal.SIGTERM)
        t = self.box.until_task("is held", "db@1", lambda t: t["stop"])
        self.assertEqual((t["stop"]["held_by"], t["state"]), (["app"], "running"))
        self.box.until_task("works on", "db@1", lambda t: t["units"]["done"] > done + 5)
        self.assertEqual(p.wait(60), 0)
        self.assertEqual(self.lines()[2:], ["-app", "-db"])

    def test_a_second_signal_holds_nobody(self):
        p = self.box.start("-c", self.workers(db=(["ready", "idle"], {}), app=(["ready", "begin:u", "work:600000"], {"after": ["db"], "stop_timeout": "1h"})))
        self.box.in_unit("app@1")
        p.send_signal(signal.SIGINT)
        self.box.until_task("is held", "db@1", lambda t: t["stop"])
        p.send_signal(signal.SIGINT)
        p.wait(60)
        self.assertEqual({r["stop"]["how"] for r in self.box.records()}, {"aborted"})

    def test_stopping_one_does_not_wait_for_those_that_stay(self):
        self.box.start("-c", self.workers(db=(["ready", "idle"], {}), app=(["ready", "loop:50"], {"after": ["db"]})))
        self.up("app@1")
        self.assertEqual(self.box.cli("stop", "db").returncode, 0)
        self.assertEqual(self.box.task("app@1")["state"], "running")

    def test_a_circle_is_an_error_that_prints_it(self):
        c = self.workers(a=([], {"after": ["c"]}), b=([], {"after": ["a"]}), c=([], {"after": ["b"]}))
        r = self.box.cli("check", c)
        self.assertEqual(r.returncode, 1, r.stdout + r.stderr)
        self.assertRegex(r.stdout + r.stderr, r"a -> c -> b -> a|b -> a -> c -> b|c -> b -> a -> c")

    def test_a_stranger_is_an_error_that_names_the_nearest(self):
        r = self.box.cli("check", self.workers(database=([], {}), app=([], {"after": ["databse"]})))
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("database", r.stdout + r.stderr)


class Groups(Box):
    def test_a_group_is_a_scope(self):
        self.box.start("-c", self.workers(
            a=(["ready", "loop:20"], {"part_of": "batch"}), b=(["ready", "loop:20"], {"part_of": "batch", "after": ["a"]}), c=(["ready", "loop:20"], {})))
        self.up("a@1", "b@1", "c@1")
        r = self.box.cli("stop", "batch")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.lines()[3:], ["-b", "-a"])
        self.assertEqual([t["id"] for t in json.loads(self.box.cli("status", "--json", "batch").stdout)["tasks"]], ["a@1", "b@1"])
        self.assertEqual(self.box.task("c@1")["state"], "running")

    def strategy(self, strategy):
        group = {"part_of": "g", "strategy": strategy, "backoff": FAST, "restart_limit": ENDLESS}
        self.box.start("-c", self.workers(
            a=(["ready", "loop:20"], group), b=(["ready", f"work:300", "exit:1"], group), c=(["ready", "loop:20"], group),
            outside=(["ready", "loop:20"], {"backoff": FAST})))
        until("b has died three times", lambda: sum(r["worker"] == "b" and r["outcome"] == "failed" for r in self.box.records()) >= 3)
        return {w: [r for r in self.box.records() if r["worker"] == w] for w in ("a", "b", "c", "outside")}

    def test_one_for_one(self):
        r = self.strategy("one_for_one")
        self.assertEqual((r["a"], r["c"], r["outside"]), ([], [], []))

    def test_one_for_all(self):
        r = self.strategy("one_for_all")
        self.assertEqual(r["outside"], [])
        for w in ("a", "c"):
            self.assertGreaterEqual(len(r[w]), 2)
            for record in r[w]:
                self.check_record(record, "cancelled", "cooperative")
                self.assertEqual((record["stop"]["reason"], record["lost"]), ("deps", []))

    def test_rest_for_one(self):
        r = self.strategy("rest_for_one")
        self.assertEqual((r["a"], r["outside"]), ([], []))
        self.assertGreaterEqual(len(r["c"]), 2)

    def test_all_are_down_before_any_comes_up_again(self):
        self.strategy("one_for_all")
        lines = [l for l in self.lines() if l[1:] != "outside"]
        up = set()
        rounds = 0
        for l in lines:
            if l[0] == "+":
                if l[1:] in ("b",) and rounds:
                    self.assertNotIn("a", up - {"a"})
                up.add(l[1:])
            else:
                up.discard(l[1:])
                rounds += 1
        first_restart = next(i for i, l in enumerate(lines) if l[0] == "+" and i >= 3)
        self.assertEqual(sorted(lines[3:first_restart]), ["-a", "-b", "-c"])

    def test_giving_up_takes_the_group_along(self):
        group = {"part_of": "g", "strategy": "one_for_all"}
        self.box.start("-c", self.workers(a=(["ready", "loop:20"], group), b=(["ready", "work:200", "exit:1"], {**group, "restart": "no"})))
        self.box.until_task("stopped with it", "a@1", lambda t: t["state"] == "stopped")
        self.assertEqual(self.box.task("b@1")["state"], "failed")


if __name__ == "__main__":
    main()
