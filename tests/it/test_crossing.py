#!/usr/bin/env python3
"""Requests that meet each other on the way, and units that meet a replacement."""
import json, select, signal, subprocess

from harness import WORKER, Case, UnixHTTP, main, until


class Crossing(Case):
    def config(self, **workers):
        return self.box.config({**workers, "k": {"command": ["sleep", "1000"]}})

    def start(self, **workers):
        p = self.box.start("-c", self.config(**workers))
        until("all run", lambda: all(t["state"] == "running" for t in self.box.tasks().values()))
        return p

    def gate(self, n=""):
        return self.box.path("go" + str(n))

    def open(self, n=""):
        open(self.gate(n), "w").close()

    def ask(self, *a):
        p = subprocess.Popen(self.box.argv(*a), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.box.env())
        self.box.procs.append(p)
        return p

    def said(self, p):
        """Without who was seen at what meanwhile, if it took long enough."""
        out, err = p.communicate(timeout=60)
        return p.returncode, out, "".join(line for line in err.splitlines(True) if line.startswith("taskd:"))

    def busy(self, *after):
        return [WORKER, "ready", "begin:u", "await:" + self.gate(), "end:u", *(after or ("idle",))]

    def until_stopping(self, task="w@1"):
        return self.box.until_task("it is asked to stop", task, lambda t: t["stop"])


class Replacement(Crossing):
    """It always ends between two units, however long a unit is and however short the grace."""
    def endless(self):
        self.box.until_task("no deadline", "w@1", lambda t: t["stop"] and t["stop"]["remaining_ms"] is None)

    def check(self, how="cooperative"):
        self.open()
        until("the first life is over", self.box.records)
        r = self.box.records()[0]
        self.check_record(r, "cancelled", how)
        self.assertEqual((r["lost"], r["units"]["done"]), ([], 1))

    def test_a_restart(self):
        self.start(w={"command": self.busy(), "stop_timeout": "50ms"})
        self.box.in_unit("w@1")
        asked = self.ask("restart", "w")
        self.endless()
        self.check()
        self.assertEqual(self.said(asked), (0, "restarted: 1 task\n", ""))

    def test_a_reload(self):
        p = self.start(w={"command": self.busy(), "stop_timeout": "50ms"})
        self.box.in_unit("w@1")
        self.config(w={"command": self.busy(), "stop_timeout": "50ms", "env": {"NEW": "1"}})
        p.send_signal(signal.SIGHUP)
        self.endless()
        self.check()

    def test_one_that_is_too_many(self):
        self.start(w={"command": self.busy(), "stop_timeout": "50ms"})
        self.box.in_unit("w@1")
        scale = self.ask("scale", "w=0")
        self.endless()
        self.check()
        self.assertEqual(self.said(scale), (0, "scaled: 1 task\n", ""))

    def test_a_life_that_is_old(self):
        self.box.start("-c", self.config(w={"command": self.busy(), "stop_timeout": "50ms", "max_age": "2s"}))
        self.endless()
        self.check()

    def test_a_run_whose_time_comes_again(self):
        self.start(w={"command": self.busy(), "stop_timeout": "50ms", "every": "2s", "overlap": "replace"})
        self.endless()
        self.check()

    def test_the_grace_begins_after_the_unit(self):
        self.start(w={"command": self.busy("await:" + self.gate("never")), "stop_timeout": "50ms"})
        self.box.in_unit("w@1")
        self.box.post("/v1/workers/w/restart")
        self.endless()
        self.check("killed")

    def test_a_unit_that_begins_as_the_stop_comes_is_finished(self):
        self.start(w={"command": [WORKER, "status:here", "await:" + self.gate(1), "begin:u", "await:" + self.gate(), "end:u", "idle"], "stop_timeout": "1h"})
        self.box.until_task("it speaks", "w@1", lambda t: t["text"])
        self.box.post("/v1/workers/w/restart")
        self.assertGreater(self.until_stopping()["stop"]["remaining_ms"], 0)
        self.open(1)
        self.endless()
        self.check()

    def test_but_no_further_one(self):
        self.start(w={"command": [WORKER, "ready", "begin:u", "await:" + self.gate(), "end:u", "begin:v", "await:" + self.gate("never")], "stop_timeout": "50ms"})
        self.box.in_unit("w@1")
        self.box.post("/v1/workers/w/restart")
        self.endless()
        self.open()
        until("the first life is over", self.box.records)
        self.assertEqual(self.box.records()[0]["lost"], ["v"])

    def test_a_stop_has_its_deadline_all_the_same(self):
        self.start(w={"command": self.busy(), "stop_timeout": "50ms"})
        self.box.in_unit("w@1")
        self.box.post("/v1/workers/w/restart")
        self.endless()
        status, out, _ = self.said(self.ask("stop", "w"))
        self.assertEqual((status, "1 unit interrupted" in out), (1, True), out)


class Overtaken(Crossing):
    def test_a_stop_returns_when_its_lives_are_over_though_others_follow(self):
        self.start(w={"command": self.busy()})
        self.box.in_unit("w@1")
        stop = self.ask("stop", "w")
        self.until_stopping()
        start = self.ask("start", "--no-wait", "w")
        self.assertEqual(self.said(start)[0], 0)
        self.open()
        self.assertEqual(self.said(stop), (0, "stopped: 1 life, nothing lost\n", ""))
        self.box.until_task("the next life", "w@1", lambda t: t["state"] == "running" and t["restarts"] == 1)

    def test_a_start_behind_a_worker_that_is_down_says_so(self):
        self.start(db={"command": [WORKER, "ready", "idle"], "part_of": "g"}, w={"command": self.busy(), "after": ["db"], "part_of": "g"})
        self.box.in_unit("w@1")
        stop = self.ask("stop", "g")
        self.until_stopping()
        restart = self.ask("restart", "w")
        until("it is heard", lambda: self.box.task("w@1")["wanted"])
        self.open()
        self.assertEqual(self.said(stop), (0, "stopped: 2 lives, nothing lost\n", ""))
        blocked = (1, "restarted: there was nothing to do\n", "taskd: restart: w@1 comes after a worker that is down, and waits: `taskd status`\n")
        self.assertEqual(self.said(restart), blocked)
        self.assertEqual(self.box.task("w@1")["waiting_for"], ["db"])
        self.assertEqual(self.said(self.ask("start", "db"))[0], 0)
        self.box.until_task("its turn has come", "w@1", lambda t: t["state"] == "running")

    def test_a_stop_that_is_taken_back_before_it_was_sent(self):
        """Held by one that comes after it."""
        self.start(db={"command": [WORKER, "ready", "idle"], "part_of": "g"}, w={"command": self.busy(), "after": ["db"], "part_of": "g"})
        self.box.in_unit("w@1")
        stop = self.ask("stop", "g")
        self.until_stopping()
        self.assertEqual(self.said(self.ask("start", "--no-wait", "db"))[0], 0)
        self.open()
        self.assertEqual(self.said(stop), (1, "stopped: 1 life, nothing lost\n", "taskd: stop: db@1 was asked for something else meanwhile\n"))
        self.assertEqual(self.box.task("db@1")["state"], "running")

    def check_restart_overtaken_by(self, verb, left):
        self.start(w={"command": self.busy(), "replicas": 3})
        for i in (1, 2, 3):
            self.box.in_unit(f"w@{i}")
        restart = self.ask("restart", "--json", "w")
        until("one is asked to stop", lambda: any(t["stop"] for t in self.box.tasks().values()))
        self.box.post(f"/v1/workers/w/{verb}", {"wait": False})
        self.open()
        status, out, err = self.said(restart)
        self.assertEqual((status, sorted(json.loads(out)["overtaken"])), (1, ["w@1", "w@2", "w@3"]))
        self.assertEqual(sorted(err.splitlines()), [f"taskd: restart: w@{i} was asked for something else meanwhile" for i in (1, 2, 3)])
        until("they are down", lambda: all(self.box.task(f"w@{i}")["pid"] is None for i in (1, 2, 3)))
        self.assertEqual([self.box.task(f"w@{i}")["drained"] for i in (1, 2, 3)], [left] * 3)

    def test_a_restart_that_fails_leaves_the_others_as_they_are(self):
        broken = self.box.path("broken")
        self.start(w={"command": ["sh", "-c", f"[ ! -e {broken} ] || exit 1; exec {WORKER} ready idle"], "replicas": 3, "start_timeout": "1min",
                      "restart_limit": {"count": 1, "interval": "1h"}, "backoff": {"initial": "1ms"}})
        pids = {i: t["pid"] for i, t in self.box.tasks().items()}
        open(broken, "w").close()
        status, out, err = self.said(self.ask("restart", "w"))
        self.assertEqual((status, out), (1, "restarted: 1 task; 1 failed: w@1\n"))
        self.assertEqual(sorted(err.splitlines()), [f"taskd: restart: w@{i} was left as it is, since another one has failed" for i in (2, 3)])
        self.assertEqual([(self.box.task(i)["pid"], self.box.task(i)["due"]) for i in ("w@2", "w@3")], [(pids["w@2"], None), (pids["w@3"], None)])

    def test_a_restart_by_a_stop(self):
        self.check_restart_overtaken_by("stop", False)

    def test_a_restart_by_an_abort(self):
        self.check_restart_overtaken_by("abort", False)

    def test_a_restart_by_a_drain(self):
        self.check_restart_overtaken_by("drain", True)


class Kept(Crossing):
    """What was stopped stays stopped, what was drained stays drained."""
    def down(self, verb, replicas):
        p = self.start(w={"command": [WORKER, "ready", "idle"], "replicas": replicas})
        self.assertEqual(self.box.cli(verb, "w").returncode, 0)
        return p

    def states(self):
        return {i: (t["state"], t["drained"], t["pid"]) for i, t in self.box.tasks().items() if i != "k@1"}

    def test_those_that_a_reload_adds_to_a_stopped_worker(self):
        self.down("stop", 1)
        self.config(w={"command": [WORKER, "ready", "idle"], "replicas": 3})
        self.assertEqual(self.box.cli("reload").returncode, 0)
        self.assertEqual(self.states(), {f"w@{i}": ("stopped", False, None) for i in (1, 2, 3)})
        self.assertEqual(self.box.cli("start", "w").stdout, "started: 3 tasks\n")

    def test_those_that_scale_adds_to_a_drained_worker(self):
        self.down("drain", 1)
        self.assertEqual(self.box.cli("scale", "w=2").returncode, 0)
        self.assertEqual(self.states(), {f"w@{i}": ("stopped", True, None) for i in (1, 2)})
        self.assertEqual(self.box.cli("resume").stdout, "resumed: 2 tasks\n")

    def test_a_worker_that_had_none(self):
        self.down("stop", 1)
        self.assertEqual(self.box.cli("scale", "w=0").returncode, 0)
        self.assertEqual(self.box.cli("scale", "w=1").returncode, 0)
        self.assertEqual(self.box.task("w@1")["state"], "running")

    def test_a_stop_is_stronger_than_a_drain(self):
        self.down("drain", 2)
        self.assertEqual(self.box.cli("stop", "w@1").returncode, 0)
        self.assertEqual(self.box.cli("resume").stdout, "resumed: 1 task\n")
        self.assertEqual([self.box.task(f"w@{i}")["state"] for i in (1, 2)], ["stopped", "running"])


class Turns(Crossing):
    def start_short_lived(self):
        """Those that were replaced are due again before the last one was."""
        self.box.start("-c", self.config(w={"command": [WORKER, "work:20", "ready", "loop:1"], "replicas": 4, "max_units": 1, "start_timeout": "1min"}))

    def test_every_replica_has_its_turn(self):
        self.start_short_lived()
        until("all were replaced", lambda: all(t["restarts"] >= 3 for i, t in self.box.tasks().items() if i != "k@1"))

    def test_a_restart_goes_before_what_is_only_old(self):
        self.start_short_lived()
        until("all have run", lambda: all(t["pid"] or t["restarts"] for t in self.box.tasks().values()))
        self.assertEqual(self.said(self.ask("restart", "w")), (0, "restarted: 4 tasks\n", ""))

    def test_one_whose_predecessor_is_down_returns_all_the_same(self):
        self.start(a={"command": [WORKER, "ready", "idle"]}, w={"command": [WORKER, "ready", "idle"], "after": ["a"]})
        self.assertEqual(self.said(self.ask("stop", "a"))[0], 0)
        self.assertEqual(self.said(self.ask("restart", "w")), (0, "restarted: 1 task\n", ""))
        self.assertEqual(self.box.task("w@1")["state"], "running")
        self.assertEqual(self.said(self.ask("stop", "w"))[0], 0)
        self.assertEqual(self.said(self.ask("start", "w"))[0], 1)


class Waits(Crossing):
    def wait_for(self, name):
        """Over a connection of its own, whose request is answered in turn with the next ones."""
        c = UnixHTTP(self.box.sock)
        self.addCleanup(c.close)
        c.request("GET", f"/v1/tasks/{name}/wait")
        return c

    def outcome(self, c):
        r = c.getresponse()
        return r.status, json.loads(r.read())

    def test_of_one_in_its_backoff_that_is_stopped(self):
        self.box.start("-c", self.config(w={"command": ["false"], "backoff": {"initial": "1h", "max": "1h"}}))
        self.box.until_task("backs off", "w@1", lambda t: t["state"] == "backoff")
        p = self.wait_for("w")
        self.assertEqual(self.said(self.ask("stop", "w"))[0], 0)
        status, answer = self.outcome(p)
        self.assertEqual((status, [r["outcome"] for r in answer["results"]]), (200, ["failed"]))

    def test_of_one_that_has_never_run(self):
        self.box.start("-c", self.config(a={"command": ["sleep", "1000"], "start_timeout": "1h"}, w={"command": ["sleep", "1000"], "after": ["a"]}))
        p = self.wait_for("w")
        self.assertEqual(self.said(self.ask("stop", "w"))[0], 0)
        status, answer = self.outcome(p)
        self.assertEqual((status, answer["error"]["code"]), (409, "no_life"))
        self.assertEqual(self.said(self.ask("wait", "w")), (125, "", "taskd: w has not run, and is down: there is no outcome to wait for\n"))

    def test_of_one_that_a_reload_removes(self):
        self.box.start("-c", self.config(w={"command": ["false"], "backoff": {"initial": "1h", "max": "1h"}}))
        self.box.until_task("backs off", "w@1", lambda t: t["state"] == "backoff")
        p = self.wait_for("w")
        self.config()
        self.assertEqual(self.said(self.ask("reload"))[0], 0)
        status, answer = self.outcome(p)
        self.assertEqual((status, [r["outcome"] for r in answer["results"]]), (200, ["failed"]))

    def test_idle_shows_who_is_not(self):
        self.start(w={"command": self.busy()})
        self.box.in_unit("w@1")
        p = self.ask("wait", "--idle", "w")
        self.assertIn("w@1: u", p.stderr.readline())
        self.open()
        self.assertEqual(self.said(p)[0], 0)

    def test_ready_is_when_a_reload_is_done(self):
        self.start(w={"command": self.busy(), "start_timeout": "1min"})
        self.box.in_unit("w@1")
        before = self.box.task("w@1")["pid"]
        self.config(w={"command": self.busy(), "start_timeout": "1min", "env": {"NEW": "1"}})
        self.assertEqual(self.said(self.ask("reload"))[0], 0)
        p = self.ask("wait", "--ready")
        self.assertIn("w@1: u", p.stderr.readline())
        self.open()
        self.assertEqual(self.said(p)[0], 0)
        self.assertNotIn(self.box.task("w@1")["pid"], (before, None))
        self.assertEqual(json.loads(self.said(self.ask("wait", "--ready", "--json"))[1]), {"v": 1, "failed": [], "overtaken": [], "left": [], "blocked": []})

    def test_ready_says_who_is_not(self):
        self.box.start("-c", self.config(a={"command": ["false"], "restart": "no", "start_timeout": "1min"}, w={"command": ["sleep", "1000"], "after": ["a"]}, s={"command": ["sleep", "1000"], "start_timeout": "1h"}))
        self.assertEqual(self.said(self.ask("wait", "--ready", "a", "w")), (1, "", "taskd: wait: a@1 has failed\ntaskd: wait: w@1 comes after a worker that is down, and waits: `taskd status`\n"))
        self.assertEqual(self.said(self.ask("wait", "--ready", "--timeout", "1ms", "s")), (124, "", "taskd: s is not ready yet: `taskd status` shows who is at what\n"))
        self.assertEqual(self.box.get("/v1/wait?idle=1&ready=1")["error"]["code"], "bad_parameter")

    def test_those_who_wait_leave_room_for_an_operator(self):
        self.start()
        waits = [UnixHTTP(self.box.sock) for _ in range(113)]
        for c in waits:
            c.request("GET", "/v1/tasks/k/wait")
        until("one is refused", lambda: any(select.select([c.sock], [], [], 0)[0] for c in waits))
        refused = [c for c in waits if select.select([c.sock], [], [], 0)[0]]
        self.assertEqual([c.getresponse().status for c in refused], [503])
        self.assertEqual(self.box.cli("stop", "k").returncode, 0)
        for c in waits:
            c.close()


class Checkpoints(Crossing):
    RETRY = {"restart": "always", "backoff": {"initial": "1ms", "max": "1ms"}, "restart_limit": {"count": 2, "interval": "1h"}}

    def resumes(self, script, **keys):
        """What three lives were given, each by its number."""
        self.box.start("-c", self.config(w={"command": ["sh", "-c", script], **self.RETRY, **keys}))
        until("three lives", lambda: len(self.box.records()) == 3)
        with open(self.box.path("out")) as f:
            return f.read().split()

    def by_life(self, first, second):
        return f'case $TASKD_ATTEMPT in 1) exec {WORKER} resume {first} ;; 2) exec {WORKER} resume {second} ;; *) exec {WORKER} resume exit:1 ;; esac'

    def test_one_that_broke_off_has_not_used_it_up(self):
        self.assertEqual(self.resumes(self.by_life("checkpoint:5 exit:1", "exit:1")), ["none", "5", "5"])

    def test_one_that_is_done_leaves_none_but_its_own(self):
        self.assertEqual(self.resumes(self.by_life("checkpoint:5 exit:1", "exit:0")), ["none", "5", "none"])

    def test_one_that_is_done_hands_on_its_own(self):
        self.assertEqual(self.resumes(self.by_life("checkpoint:5 exit:0", "checkpoint:6 exit:0")), ["none", "5", "6"])


class Alone(Crossing):
    def test_one_command_can_be_drained_and_resumed(self):
        p = self.box.start("--restart", "always", "--name", "w", "--", WORKER, "ready", "idle")
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        self.assertEqual(self.said(self.ask("drain"))[:2], (0, "drained: 1 life, nothing lost\n"))
        self.assertEqual(self.said(self.ask("resume"))[:2], (0, "resumed: 1 task\n"))
        self.assertEqual(self.said(self.ask("drain"))[0], 0)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0, "nothing was left to stop")


if __name__ == "__main__":
    main()
