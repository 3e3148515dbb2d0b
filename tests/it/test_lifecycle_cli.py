#!/usr/bin/env python3
"""The commands that change what runs, and the requests below them: start, restart, scale, drain, resume, reload, spawn, wait --idle."""
import json, os, signal, socket, subprocess
from harness import TASKD, WORKER, Case, Terminal, UnixHTTP, alive, main, until

ENTER = {"start_timeout": "30s"}   # counts as up when it has said so


def worker(*steps, **keys):
    return {"command": [WORKER, *steps], **keys}


class Lifecycle(Case):
    def start(self, **workers):
        self.config = self.box.config(workers or {"w": worker("ready", "loop:50", replicas=2, **ENTER), "k": worker("ready", "idle")})
        p = self.box.start("-c", self.config)
        until("all are up", lambda: self.box.get("/readyz").get("ready"))
        return p

    def run_cli(self, *argv, status=0, out=None, err=None, **kw):
        r = self.box.cli(*argv, **kw)
        self.assertEqual(r.returncode, status, (argv, r.stdout, r.stderr))
        if out is not None:
            self.assertIn(out, r.stdout)
        if err is not None:
            self.assertIn(err, r.stderr)
        return r

    def handles(self, worker="w"):
        return {id: t["handle"] for id, t in self.box.tasks().items() if t["worker"] == worker}

    def states(self, worker="w"):
        return [t["state"] for t in self.box.tasks().values() if t["worker"] == worker]

    def terminal(self, *argv):
        return Terminal(self.box.argv(*argv), self.box.env(TERM="xterm"))

    def client(self, *argv, **kw):
        """One that runs beside the test."""
        c = subprocess.Popen(self.box.argv(*argv), env=self.box.env(), text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kw})
        self.addCleanup(lambda: (c.kill(), c.communicate()))
        return c

    def spawned(self, id, check=lambda t: t["unit"]):
        """A task that may not be there yet."""
        return until(f"{id} is at work", lambda: (lambda t: t if t and check(t) else None)(self.box.tasks().get(id)))


class Verbs(Lifecycle):
    def test_start_after_stop(self):
        self.start()
        self.run_cli("stop", "w")
        self.run_cli("start", "w", out="started: 2 tasks")
        self.assertEqual(self.states(), ["running"] * 2)
        self.run_cli("start", out="started: there was nothing to do")
        self.run_cli("stop", "w", "k")
        self.assertEqual(json.loads(self.run_cli("start", "--json").stdout), {"v": 1, "tasks": 3, "failed": [], "overtaken": [], "left": [], "blocked": []})
        self.assertEqual(self.states() + self.states("k"), ["running"] * 3)

    def test_start_of_what_fails_is_1_and_names_it(self):
        self.box.start("-c", self.box.config({"w": worker("exit:1", restart="no", **ENTER), "k": worker("ready", "idle")}))
        self.box.until_task("has failed", "w@1", lambda t: t["state"] == "failed")
        self.run_cli("start", "w", status=1, out="started: 1 task; 1 failed: w@1")
        answer = json.loads(self.run_cli("start", "--json", "w", status=1).stdout)
        self.assertEqual((answer["tasks"], answer["failed"]), (1, ["w@1"]))

    def test_restart_replaces_every_life_between_units(self):
        self.start()
        before, other = self.handles(), self.handles("k")
        self.run_cli("restart", "w", out="restarted: 2 tasks")
        after = self.handles()
        self.assertEqual(set(before), set(after))
        self.assertFalse(set(before.values()) & set(after.values()))
        self.assertEqual(self.handles("k"), other)
        for r in self.box.records():
            self.check_record(r, "cancelled", "cooperative")
            self.assertEqual(r["lost"], [])
        self.run_cli("restart", "--max-unavailable", "2", "--json", "w@1", out='"tasks":1')
        self.assertEqual(self.handles()["w@2"], after["w@2"])

    def test_restart_leaves_one_up(self):
        """With one at a time and two tasks, at no moment are both down; what waits for the first is due."""
        self.start(w=worker("ready", "loop:300", replicas=2, **ENTER))
        self.box.in_unit("w@1"), self.box.in_unit("w@2")
        self.run_cli("restart", "--no-wait", "w", out="asked 2 tasks to restart")
        until("one is due, one is being replaced", lambda: sorted(t["due"] or "-" for t in self.box.tasks().values()) == ["-", "cli"])
        self.run_cli("status", out="due (cli)")
        until("both are replaced", lambda: len(self.box.records()) == 2 and self.states() == ["running"] * 2)

    def test_restart_of_several_at_a_time(self):
        self.start(w=worker("ready", "begin:u", "work:600000", replicas=3))
        for i in "123":
            self.box.in_unit("w@" + i)
        self.run_cli("restart", "--no-wait", "--max-unavailable", "2", "w")
        until("two are being replaced, one is due", lambda: sorted(bool(t["stop"]) for t in self.box.tasks().values()) == [False, True, True])

    def test_scale(self):
        self.start()
        self.run_cli("scale", "w=4", "k=0", out="scaled: 3 tasks")
        self.assertEqual(self.states(), ["running"] * 4)
        self.assertEqual(self.states("k"), [])
        self.run_cli("scale", "--json", "w=1", out='"tasks":3')
        self.assertEqual(self.states(), ["running"])
        self.run_cli("scale", "k=1", out="scaled: 1 task")
        self.assertEqual(self.states("k"), ["running"])
        self.run_cli("scale", "k=1", out="there was nothing to do")

    def test_drain_and_resume(self):
        self.start(w=worker("ready", "loop:300", replicas=2, stop_timeout="1ms", **ENTER), k=worker("ready", "idle", part_of="batch"))
        self.box.in_unit("w@1")
        self.run_cli("drain", "w", out="drained: 2 lives, nothing lost")
        for r in self.box.records():
            self.check_record(r, "cancelled", "cooperative")
        self.run_cli("status", out="drained")
        self.assertEqual(self.states("k"), ["running"])
        answer = json.loads(self.run_cli("quiet", "--json", "batch").stdout)
        self.assertEqual((answer["tasks"], answer["failed"], [r["worker"] for r in answer["results"]], answer["lost"]), (1, [], ["k"], []))
        self.run_cli("resume", "w", out="resumed: 2 tasks")
        self.assertEqual((self.states(), self.states("k")), (["running"] * 2, ["stopped"]))
        self.run_cli("resume", out="resumed: 1 task")
        self.assertEqual(self.states("k"), ["running"])

    def test_a_drain_without_a_name_leaves_the_daemon(self):
        p = self.start()
        self.run_cli("drain", out="drained: 3 lives")
        self.assertIsNone(p.poll())
        self.run_cli("wait", "--idle")
        self.run_cli("resume", out="resumed: 3 tasks")

    def test_no_wait_returns_before_it_is_done(self):
        self.start(w=worker("ready", "begin:u", "work:600000"))
        self.box.in_unit("w@1")
        for verb in ("restart", "drain"):
            self.run_cli(verb, "--no-wait", "w", out=f"asked 1 task to {verb}: `taskd status` shows them")
        self.assertEqual(json.loads(self.run_cli("drain", "--no-wait", "--json", "w").stdout), {"v": 1, "tasks": 1})

    def test_a_timeout_leaves_it_going_on(self):
        self.start(w=worker("ready", "begin:u", "work:600000"))
        self.box.in_unit("w@1")
        self.run_cli("drain", "--timeout", "100ms", "w", status=124, err="it goes on")
        self.assertTrue(self.box.task("w@1")["drained"])

    def test_who_is_at_work_is_shown_until_it_is_done(self):
        self.box.start("-c", self.box.config({"w": worker("ready", "begin:picture.jpg", "progress:picture.jpg:1:4", "work:600000", stop_timeout="1h"),
                                              "k": {"command": ["false"], "backoff": {"initial": "1h", "max": "1h"}}}))
        self.box.until_task("is in nobody's way", "k@1", lambda t: t["state"] == "backoff")
        self.box.in_unit("w@1")
        t = self.terminal("restart", "w")
        t.until("the unit", lambda text: "w@1: picture.jpg, 25 %" in text)
        self.assertNotIn("k@1", t.text)
        t.type("\x03")
        self.assertEqual(t.wait(), 130)
        self.assertIn("it goes on without you", t.text)
        self.assertIsNotNone(self.box.task("w@1")["stop"])

    def test_a_block_goes_when_it_is_done(self):
        self.start(w=worker("ready", "begin:u", "work:1200", "end:u", "loop:50"))
        self.box.in_unit("w@1", "u")
        t = self.terminal("drain", "w")
        t.until("the unit", lambda text: "w@1: u" in text)
        self.assertEqual(t.wait(), 0)
        self.assertRegex(t.text, r"\x1b\[1A\x1b\[J[^\n]*drained: 1 life")

    def test_mistakes(self):
        self.start(resize=worker("ready", "idle", part_of="batch"))
        for argv, words in [(["start", "q"], 'nothing here is called "q"'), (["restart", "resize@11"], 'did you mean "resize@1"?'),
                            (["drain", "bathc"], 'did you mean "batch"?'), (["resume", "nobody@1#99"], 'nothing here is called "nobody@1#99"'),
                            (["scale", "w=x"], "scale: w=x is not NAME=N"), (["scale", "w=-1"], "not NAME=N"), (["scale", "w=10001"], "scale: w=10001 is not NAME=N"),
                            (["scale", "w"], "not NAME=N"), (["scale", "=1"], "not NAME=N"), (["scale"], "As in `taskd scale resize=4`"),
                            (["scale", "resize@1=2"], '"resize@1" is not a worker'), (["scale", "batch=2"], '"batch" is not a worker'), (["scale", "reszie=2"], 'did you mean "resize"?'),
                            (["restart", "--max-unavailable", "0"], "--max-unavailable 0 is not a number from 1"), (["start", "--timeout", "x"], "not a duration"),
                            (["start", "--no-wiat"], "did you mean --no-wait?"), (["reload", "x"], "reload: the daemon reads its own configuration")]:
            with self.subTest(argv=argv):
                self.run_cli(*argv, status=125, err=words)
        r = self.run_cli("restart", "nobody", "resize", status=125, out="restarted: 1 task")
        self.assertIn("nobody", r.stderr)

    def test_no_daemon(self):
        for argv in (["start"], ["restart"], ["drain"], ["resume", "w"], ["scale", "w=1"], ["reload"], ["spawn", "w"], ["wait", "--idle"]):
            with self.subTest(argv=argv):
                self.run_cli(*argv, status=125, err="taskd run")

    def test_a_stop_under_way_wins(self):
        p = self.start(w=worker("ready", "begin:u", "work:600000", stop_timeout="1h"))
        self.box.in_unit("w@1")
        self.run_cli("stop", "--no-wait")
        for argv in (["start"], ["restart", "w"], ["drain", "w"], ["resume", "w"], ["scale", "w=3"], ["reload"], ["spawn", "w"], ["spawn", "--", "true"]):
            with self.subTest(argv=argv):
                self.run_cli(*argv, status=125, err="taskd is stopping")
        self.assertEqual(self.box.post("/v1/start")[0], 409)
        p.send_signal(signal.SIGQUIT)
        p.wait(30)


class Requests(Lifecycle):
    def test_without_waiting(self):
        self.start()
        for path, body, tasks in [("/v1/start", {}, 0), ("/v1/workers/w/restart", {"max_unavailable": 2}, 2), ("/v1/workers/w@1/drain", {}, 1),
                                  ("/v1/workers/w/resume", {"wait": False}, 1), ("/v1/workers/k/scale", {"replicas": 2}, 1)]:
            with self.subTest(path=path):
                self.assertEqual(self.box.post(path, body), (202, {"v": 1, "tasks": tasks}))
                until("it is done", lambda: self.box.get("/readyz").get("ready"))

    def test_mistakes(self):
        self.start(w=worker("ready", "loop:50"), resize={"command": ["sleep", "1000"], "channel": "none"})
        for path, body, status, code, words in [
                ("/v1/start", {"wiat": True}, 400, "bad_parameter", 'did you mean "wait"?'), ("/v1/start", {"wait": 1}, 400, "bad_parameter", "wait must be true or false"),
                ("/v1/restart", {"max_unavailable": -1}, 400, "bad_parameter", "from 0 to 10000"), ("/v1/workers/w/scale", {}, 400, "bad_parameter", "replicas"),
                ("/v1/workers/w/scale", {"replicas": 10001}, 400, "bad_parameter", "from 0 to 10000"), ("/v1/workers/x/start", {}, 404, "unknown_task", "x"),
                ("/v1/scale", {"replicas": 1}, 404, "unknown_path", "/v1/scale"), ("/v1/reload", {"dry_run": "yes"}, 400, "bad_parameter", "dry_run"),
                ("/v1/spawn", {}, 400, "bad_parameter", "worker"), ("/v1/spawn", {"worker": "w", "command": ["true"]}, 400, "bad_parameter", "either"),
                ("/v1/spawn", {"worker": "w", "cwd": "/"}, 400, "bad_parameter", "go with"), ("/v1/spawn", {"command": []}, 400, "bad_parameter", "not empty"),
                ("/v1/spawn", {"command": [""]}, 400, "bad_parameter", "empty"), ("/v1/spawn", {"command": ["true"], "name": "a b"}, 400, "bad_parameter", "a name has"),
                ("/v1/spawn", {"worker": "reszie"}, 404, "unknown_task", 'did you mean "resize"?'), ("/v1/spawn", {"worker": "w@1"}, 404, "unknown_worker", "w@1"),
                ("/v1/spawn", {"command": ["true"], "options": {"stop-timuot": "1s", "channel": "maybe", "env": ["A=1", 2]}}, 400, "bad_option",
                 'there is no option "stop-timuot" (did you mean "stop-timeout"?); channel "maybe"'),
                ("/v1/spawn", {"command": ["true"], "cwd": "/nowhere/at/all"}, 400, "bad_option", "/nowhere/at/all"),
                ("/v1/spawn", {"command": ["true"], "options": {"channel": "none"}, "input": {"a": 1}}, 400, "bad_option", "channel"),
                ("/v1/spawn", {"worker": "resize", "input": {"a": 1}}, 400, "bad_parameter", "no input"),
                ("/v1/spawn", {"command": ["true"], "options": {"user": "nobody-is-called-so"}}, 400, "bad_option", "nobody-is-called-so")]:
            with self.subTest(path=path, body=body):
                got, answer = self.box.post(path, body)
                self.assertEqual((got, answer["error"]["code"]), (status, code), answer)
                self.assertIn(words, answer["error"]["message"])
        self.assertEqual(set(self.box.tasks()), {"w@1", "resize@1"})

    def test_idle(self):
        self.start(w=worker("ready", "begin:u", "work:600000"), k=worker("ready", "idle"))
        self.box.in_unit("w@1")
        self.assertEqual(self.box.request("GET", "/v1/wait?idle=1&scope=k"), (200, {"v": 1, "idle": True}))
        status, answer = self.box.request("GET", "/v1/wait?idle=1&timeout=50")
        self.assertEqual((status, answer["error"]["code"]), (504, "timeout"))
        for query, status in [("", 400), ("?idle=0", 400), ("?idle=1&scope=nobody", 404), ("?idle=1&timeout=x", 400)]:
            with self.subTest(query=query):
                self.assertEqual(self.box.request("GET", "/v1/wait" + query)[0], status)


class WaitIdle(Lifecycle):
    def test_until_nobody_is_in_a_unit(self):
        self.start(w=worker("ready", "begin:u", "work:1000", "end:u", "idle"), keeper=worker("ready", "begin:long", "work:600000"))
        self.box.in_unit("w@1")
        self.box.in_unit("keeper@1")
        self.assertEqual(self.run_cli("wait", "--idle", "w").stdout, "")
        self.assertIsNone(self.box.task("w@1")["unit"])
        self.run_cli("wait", "--idle", "--json", "w", out='{"v":1,"idle":true}')
        self.run_cli("wait", "--idle", "--timeout", "50ms", status=124, err="taskd is not idle yet")
        self.run_cli("wait", "--idle", "--timeout", "50ms", "w", "keeper", status=124, err="keeper is not idle yet")
        self.run_cli("wait", "--idle", "keper", status=125, err='did you mean "keeper"?')
        self.run_cli("wait", status=125, err="for whom?")


class Reload(Lifecycle):
    def write(self, **workers):
        self.box.config(workers)

    def test_the_difference_is_printed(self):
        self.start(a=worker("ready", "idle"), b=worker("ready", "idle"), c=worker("ready", "idle"), d=worker("ready", "idle"))
        handles = {w: self.handles(w) for w in "abc"}
        self.write(a=worker("ready", "idle"), b=worker("ready", "idle", env={"X": "1"}), c=worker("ready", "idle", term_timeout="5s"), e=worker("ready", "idle"))
        for argv in (["reload", "--dry-run"], ["reload"]):
            lines = self.run_cli(*argv).stdout.splitlines()
            self.assertEqual(sorted(lines), sorted(["+ e", "- d", "~ b (env): replaced after their unit", "~ c (term_timeout): at once", "= a"]), lines)
        until("it has gone over", lambda: set(self.box.tasks()) == {"a@1", "b@1", "c@1", "e@1"} and self.handles("b") != handles["b"])
        self.assertEqual((self.handles("a"), self.handles("c")), (handles["a"], handles["c"]))
        answer = json.loads(self.run_cli("reload", "--dry-run", "--json").stdout)
        self.assertEqual((answer["dry_run"], answer["changed"], sorted(answer["unchanged"])), (True, [], ["a", "b", "c", "e"]))

    def test_keys_of_the_daemon_are_named(self):
        self.start(a=worker("ready", "idle"))
        self.box.config({"a": worker("ready", "idle")}, daemon={"state_dir": "/elsewhere"})
        self.run_cli("reload", out="! daemon (state_dir): only when taskd is restarted")

    def test_a_wrong_file_changes_nothing_and_all_its_errors_are_told(self):
        self.start(a=worker("ready", "idle"))
        self.write(a=worker("ready", "idle", replcas=2), b={"command": []})
        r = self.run_cli("reload", status=1, err="nothing has been changed")
        self.assertIn('did you mean "replicas"?', r.stderr)
        self.assertIn("workers.b", r.stderr)
        self.assertEqual(set(self.box.tasks()), {"a@1"})

    def test_one_command_has_nothing_to_read_again(self):
        self.box.start("--", "sleep", "1000")
        self.run_cli("reload", status=125, err="without a configuration file")


class Spawn(Lifecycle):
    def test_a_worker(self):
        self.start(w=worker("ready", "input", "result:{\"n\":2}", schedule="0 0 1 1 *", input="configured"))
        r = self.run_cli("spawn", "w")
        record = json.loads(r.stdout)
        self.check_record(record, "ok")
        self.assertEqual((record["value"], record["id"]), ({"n": 2}, "w@2"))
        self.run_cli("spawn", "--input", '{"date":[1]}', "w")
        until("both have said their input", lambda: self.box.out().split() == ['"configured"', '{"date":[1]}'])
        until("they are forgotten", lambda: set(self.box.tasks()) == {"w@1"})

    def test_a_command_runs_where_its_client_is(self):
        self.start()
        here = self.box.path("here")
        os.mkdir(here)
        with open(os.path.join(here, "vars"), "w") as f:
            f.write("B=2\n")
        script = "echo $PWD-$A-$B-$C; echo said; exit 3"
        r = subprocess.run(self.box.argv("spawn", "--name", "job", "--env", "A=1", "--env", "C=3", "--env-file", "vars", "--log-file", "log", "--log-format", "raw", "--", "sh", "-c", script),
                           cwd=here, env=self.box.env(), capture_output=True, text=True)
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertEqual(json.loads(r.stdout)["id"], "job@1")
        with open(os.path.join(here, "log")) as f:
            self.assertEqual(f.read().splitlines(), [f"{os.path.realpath(here)}-1-2-3", "said"])

    def test_the_exit_status_is_that_of_wait(self):
        self.start()
        for argv, status in [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["/nowhere/at/all"], 127)]:
            with self.subTest(argv=argv):
                self.run_cli("spawn", "--", *argv, status=status)

    def test_detached(self):
        self.start()
        handle = self.run_cli("spawn", "-d", "--", WORKER, "ready", "result:5", "loop:50").stdout.strip()
        self.assertRegex(handle, r"^worker@1#\d+$")
        self.spawned("worker@1")
        self.run_cli("stop", handle, out="stopped: 1 life, nothing lost")
        self.assertEqual(json.loads(self.run_cli("wait", handle).stdout)["handle"], handle)
        answer = json.loads(self.run_cli("spawn", "--detach", "--json", "--", "true").stdout)
        self.assertEqual((answer["v"], answer["id"]), (1, "true@1"))
        self.assertTrue(answer["handle"].startswith("true@1#"))

    def test_a_dead_client_takes_its_task_along(self):
        self.start()
        c = self.client("spawn", "--", WORKER, "ready", "loop:50")
        self.spawned("worker@1")
        c.kill()
        until("its record", lambda: self.box.records())
        record = self.one_record()
        self.check_record(record, "cancelled", "cooperative")
        self.assertEqual((record["stop"]["reason"], record["lost"]), ("client_lost", []))

    def test_a_client_of_http_that_leaves(self):
        self.start()
        c = UnixHTTP(self.box.sock)
        c.request("POST", "/v1/spawn", body=json.dumps({"command": [WORKER, "ready", "loop:50"]}))
        self.spawned("worker@1")
        c.close()
        until("its record", lambda: self.box.records())
        self.assertEqual(self.one_record()["stop"]["reason"], "client_lost")

    def test_a_client_of_http_that_has_had_enough_and_still_listens(self):
        self.start()
        c = UnixHTTP(self.box.sock)
        c.request("POST", "/v1/spawn", body=json.dumps({"command": [WORKER, "ready", "loop:50"]}))
        self.spawned("worker@1")
        c.sock.shutdown(socket.SHUT_WR)
        record = json.loads(c.getresponse().read())["results"][0]
        c.close()
        self.assertEqual((record["stop"]["reason"], record["stop"]["how"]), ("client_lost", "cooperative"))

    def test_a_signal_stops_the_task_and_the_record_is_printed(self):
        self.start()
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signo=signo):
                c = self.client("spawn", "--", WORKER, "ready", "loop:200")
                self.spawned("worker@1")
                c.send_signal(signo)
                out, err = c.communicate(timeout=60)
                self.assertEqual(c.returncode, 128 + signo, err)
                self.assertEqual(json.loads(out)["lost"], [])
                self.assertIn("asked to stop", err)
                until("it is forgotten", lambda: "worker@1" not in self.box.tasks())

    def test_what_was_done_in_spite_of_the_signal_is_done(self):
        self.start()
        c = self.client("spawn", "--", WORKER, "ready", "begin:u", "work:500", "end:u", "result:5")
        self.spawned("worker@1")
        c.send_signal(signal.SIGINT)
        out = c.communicate(timeout=60)[0]
        self.assertEqual((c.returncode, json.loads(out)["outcome"]), (0, "ok"))

    def test_a_second_one_leaves(self):
        self.start()
        t = self.terminal("spawn", "--stop-timeout", "1h", "--", WORKER, "ready", "begin:u", "work:600000")
        pid = self.spawned("worker@1")["pid"]
        t.type("\x03")
        t.until("what a second one does", lambda text: "once more leaves" in text)
        self.box.until_task("is being stopped", "worker@1", lambda t: t["stop"])
        t.type("\x03")
        self.assertEqual(t.wait(), -signal.SIGINT)
        self.assertTrue(alive(pid))
        self.run_cli("abort", "worker@1")

    def test_ignored_signals_stay_ignored(self):
        """nohup taskd spawn …: a hangup is not its end."""
        self.start()
        flag = self.box.path("go")
        c = self.client("spawn", "--", "sh", "-c", f"while ! test -e {flag}; do sleep 0.02; done; exit 5",
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.spawned("sh@1", lambda t: t["pid"])
        c.send_signal(signal.SIGHUP)
        open(flag, "w").close()
        self.assertEqual(c.wait(60), 5)

    def test_mistakes(self):
        self.start(w=worker("ready", "idle"), keeper=worker("ready", "idle"))
        for argv, words in [([], "spawn: what?"), (["--"], "spawn: what?"), (["w", "k"], "one NAME"), (["w", "--", "true"], "one NAME"),
                            (["--input", "{", "w"], "--input is not JSON"), (["--stop-timeout", "5s", "w"], "--stop-timeout is for"), (["--name", "x", "w"], "--name is for"),
                            (["--stop-timuot", "5s", "--", "true"], "did you mean --stop-timeout?"), (["--stop-timeout", "5", "--", "true"], "needs a unit"),
                            (["--name", "a b", "--", "true"], "a name has"), (["keper"], 'did you mean "keeper"?'), (["--cwd", "nowhere", "--", "true"], "nowhere"),
                            (["--", "tr\udcffue"], "not valid UTF-8")]:
            with self.subTest(argv=argv):
                self.run_cli("spawn", *argv, status=125, err=words)
        self.assertEqual(self.box.records(), [])

    def test_a_daemon_that_ends_tells_its_clients(self):
        p = self.start()
        c = self.client("spawn", "--", WORKER, "ready", "loop:50")
        self.spawned("worker@1")
        p.send_signal(signal.SIGTERM)
        out = c.communicate(timeout=60)[0]
        self.check_record(json.loads(out), "cancelled", "cooperative")
        self.assertEqual(c.returncode, 143)
        p.wait(30)


class Status(Lifecycle):
    def test_who_waits_for_whom(self):
        flag = self.box.path("go")
        script = f"while ! test -e {flag}; do sleep 0.02; done; exec {WORKER} ready idle"
        config = self.box.config({"db": {"command": ["sh", "-c", script], "part_of": "all", **ENTER}, "app": worker("ready", "begin:u", "work:1500", "end:u", "idle", after=["db"], part_of="all")})
        self.box.start("-c", config)
        self.box.until_task("waits", "app@1", lambda t: t.get("waiting_for") == ["db"])
        self.run_cli("status", out="waiting for db")
        open(flag, "w").close()
        self.box.in_unit("app@1", "u")
        self.run_cli("stop", "--no-wait", "all")
        self.run_cli("status", out="stops after app")

    def test_when_it_runs_next(self):
        self.start(w=worker("ready", schedule="0 0 1 1 *", timezone="UTC"))
        self.assertRegex(self.run_cli("status").stdout, r"w@1 +next \d{4}-(01-01|12-31) \d\d:\d\d:00")

    def test_what_it_avoids(self):
        self.start(w=worker("avoid:bad", "begin:bad", "raise:11", poison_limit=1, restart_limit={"count": 1000, "interval": "1s"}, backoff={"initial": "1ms", "max": "1ms"}))
        self.box.until_task("is avoided", "w@1", lambda t: t.get("avoid") == ["bad"])
        self.run_cli("status", out="w@1 avoids: bad")


class Help(Case):
    def test_every_command_tells_its_options_and_exit_statuses(self):
        for command in ("start", "restart", "reload", "scale", "drain", "resume", "spawn", "wait"):
            with self.subTest(command=command):
                r = self.box.cli(command, "--help")
                self.assertEqual(r.returncode, 0)
                self.assertIn("Exit status", r.stdout)
                self.assertIn("--json", r.stdout)
                self.assertLess(max(len(line) for line in r.stdout.splitlines() if not line.startswith("   ")), 121)
        self.assertIn("taskd quiet", self.box.cli("drain", "--help").stdout)


if __name__ == "__main__":
    main()
