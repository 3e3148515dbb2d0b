#!/usr/bin/env python3
"""Tasks for one life: their handle, who waits for it, and what happens when their client leaves."""
import json, os, signal, threading

from harness import WORKER, Case, UnixHTTP, alive, main, until


class Spawn(Case):
    def setUp(self):
        super().setUp()
        c = self.box.config({"w": {"command": [WORKER, "ready", "input", "unit:u:300", "result:{\"n\":2}"], "every": "1h",
                                   "input": {"from": "config"}},
                             "keep": {"command": [WORKER, "ready", "idle"]}})
        self.p = self.box.start("-c", c)
        until("the first run is over", lambda: len(self.box.records()) >= 1)

    def spawn(self, **body):
        status, answer = self.box.post("/v1/spawn", body)
        self.assertEqual(status, 201 if body.get("detach") else 200, answer)
        return answer["handle"] if body.get("detach") else answer["results"][0]

    def connect(self, **body):
        c = UnixHTTP(self.box.sock)
        c.request("POST", "/v1/spawn", body=json.dumps(body))
        return c

    def test_attached_gives_the_record(self):
        r = self.spawn(worker="w", input={"from": "client"})
        self.check_record(r, "ok")
        self.assertEqual((r["value"], r["units"]["done"], r["id"]), ({"n": 2}, 1, "w@2"))
        self.assertIn('{"from":"client"}', self.box.out())
        self.assertEqual(self.box.records()[-1], r)
        until("it is forgotten", lambda: "w@2" not in self.box.tasks())

    def test_a_command_with_options(self):
        r = self.spawn(command=["sh", "-c", "pwd; exit 7"], name="job", cwd=self.box.dir, options={"stop-timeout": "3s", "env": "A=b"})
        self.check_record(r, "failed")
        self.assertEqual((r["worker"], r["id"], r["exit"]["code"]), ("job", "job@1", 7))
        self.assertIn(self.box.dir, self.box.out())

    def test_one_life_whatever_the_policy(self):
        r = self.spawn(worker="w")
        self.assertEqual(r["attempt"], 1)
        self.assertEqual(sum(x["id"] == "w@2" for x in self.box.records()), 1)

    def test_detached_outlives_its_client(self):
        handle = self.spawn(worker="w", detach=True)
        self.assertRegex(handle, r"^w@2#\d+$")
        self.assertEqual(self.box.get(f"/v1/tasks/{handle.replace('#', '%23')}/wait")["results"][0]["handle"], handle)

    def test_waiting_before_during_and_after_the_same_record(self):
        handle = self.spawn(worker="w", detach=True)
        path = f"/v1/tasks/{handle.replace('#', '%23')}/wait"
        answers = []
        waiters = [threading.Thread(target=lambda: answers.append(self.box.get(path))) for _ in range(30)]
        for w in waiters:
            w.start()
        for w in waiters:
            w.join()
        until("it is forgotten", lambda: "w@2" not in self.box.tasks())
        answers.append(self.box.get(path))
        answers.append({"v": 1, "results": [json.loads(self.box.cli("wait", handle).stdout)]})
        self.assertEqual(len(answers), 32)
        for a in answers:
            self.assertEqual(a, {"v": 1, "results": [self.box.records()[-1]]})

    def test_a_timeout_stops_nothing(self):
        handle = self.spawn(command=["sleep", "1000"], detach=True)
        status, answer = self.box.request("GET", f"/v1/tasks/{handle.replace('#', '%23')}/wait?timeout=50")
        self.assertEqual((status, answer["error"]["code"]), (504, "timeout"))
        self.assertEqual(self.box.task("sleep@1")["state"], "running")

    def test_waiters_that_vanish_leave_the_others_and_the_task_alone(self):
        handle = self.spawn(worker="w", detach=True)
        path = f"/v1/tasks/{handle.replace('#', '%23')}/wait"
        gone = [UnixHTTP(self.box.sock) for _ in range(20)]
        for c in gone:
            c.request("GET", path)
        for c in gone:
            c.close()
        self.check_record(self.box.get(path)["results"][0], "ok")

    def test_a_client_that_leaves_takes_its_task_along_after_its_unit(self):
        c = self.connect(worker="w")
        self.box.in_unit("w@2", "u")
        c.close()
        r = until("its record", lambda: [r for r in self.box.records() if r["id"] == "w@2"])[0]
        self.assertEqual((r["stop"]["reason"], r["stop"]["how"], r["units"]["done"], r["lost"]), ("client_lost", "cooperative", 1, []))

    def test_and_then_the_ladder(self):
        c = self.connect(command=[WORKER, "ready", "ignore", "begin:u", "work:600000"], name="deaf", options={"stop_timeout": "200ms"})
        self.box.in_unit("deaf@1", "u")
        c.close()
        r = until("its record", lambda: [r for r in self.box.records() if r["worker"] == "deaf"])[0]
        self.check_record(r, "cancelled", "killed")
        self.assertEqual((r["stop"]["reason"], r["unit"]["id"]), ("client_lost", "u"))

    def test_names_that_are_taken(self):
        self.assertEqual(self.spawn(command=["true"], name="keep")["id"], "keep-2@1")
        a, b = self.spawn(command=["sleep", "1000"], detach=True), self.spawn(command=["sleep", "1000"], detach=True)
        self.assertEqual((a.split("#")[0], b.split("#")[0]), ("sleep@1", "sleep@2"))

    def test_mistakes(self):
        for body, word in (({}, "command"), ({"worker": "w", "command": ["true"]}, "either"), ({"command": []}, "list"), ({"command": "true"}, "list"),
                           ({"command": ["true"], "options": {"stop-timeut": "1s"}}, "stop-timeut"), ({"command": ["true"], "options": {"stop-timeout": "soon"}}, "soon"),
                           ({"command": ["true"], "options": {"user": "nobody-of-that-name"}}, "nobody-of-that-name"), ({"worker": "w", "detach": 1}, "detach")):
            status, answer = self.box.post("/v1/spawn", body)
            self.assertEqual(status, 400, (body, answer))
            self.assertIn(word, answer["error"]["message"])
        status, answer = self.box.post("/v1/spawn", {"worker": "kep"})
        self.assertEqual(status, 404)
        self.assertIn('"keep"', answer["error"]["message"])

    def test_a_program_that_is_not_there(self):
        r = self.spawn(command=["/no/such/program"])
        self.check_record(r, "unstarted")
        self.assertEqual(r["error"]["type"], "ENOENT")

    def test_the_end_of_taskd_is_the_end_of_those_it_spawned(self):
        c = self.connect(command=[WORKER, "ready", "unit:u:800", "idle"], name="job")
        self.box.in_unit("job@1", "u")
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.p.wait(60), 0)
        r = json.loads(c.getresponse().read())["results"][0]
        self.check_record(r, "cancelled", "cooperative")
        self.assertEqual((r["stop"]["reason"], r["units"]["done"]), ("signal", 1))

    def test_a_thousand_leave_nothing_behind(self):
        fds = lambda: len(os.listdir(f"/proc/{self.p.pid}/fd"))
        before = fds()
        for _ in range(1000):
            self.spawn(command=["true"], detach=True)
        until("all are over", lambda: len(self.box.tasks()) == 2)
        until("descriptors are back", lambda: fds() <= before + 1)
        self.assertEqual(sum(r["worker"] == "true" for r in self.box.records()), 1000)


if __name__ == "__main__":
    main()
