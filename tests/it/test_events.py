"""GET /v1/events and `taskd events`: what is told, in which order, to how many, and what slow readers cost."""
import http.client, json, os, re, signal, subprocess, threading
from harness import Case, PATIENCE, TASKD, Terminal, UnixHTTP, WORKER, main, until

FOREVER = {"command": ["sleep", "1000"], "stop_timeout": "1s"}
# Its life is short, and each of them is told in five events.
RESTLESS = {"command": ["true"], "restart": "always", "log": {"to": "null"}, "backoff": {"initial": "0s", "max": "0s"},
            "restart_limit": {"count": 1000000, "interval": "1s"}}


def memory_kib(pid):
    """None where a sanitizer keeps what was freed."""
    with open(f"/proc/{pid}/maps") as f:
        if re.search("lib[at]san|lsan", f.read()):
            return None
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^VmRSS:\s*(\d+)", f.read(), re.M).group(1))


class Stream:
    """One stream, chunked; reads when it is told to."""

    def __init__(self, box, query="", timeout=PATIENCE):
        self.connection = UnixHTTP(box.sock, timeout)
        self.connection.request("GET", "/v1/events?" + query)
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self):
        """The next event; None at the end. Beats are left out."""
        while True:
            line = self.response.readline()
            if not line.strip():
                if not line:
                    return None
                continue
            return json.loads(line)

    def until(self, check):
        """The events up to the first that is meant, which is the last of the list."""
        events = []
        while not events or not check(events[-1]):
            event = self.next()
            if event is None:
                raise AssertionError(f"the stream has ended: {str(events[-3:])[:2000]}")
            events.append(event)
        return events

    def rest(self):
        return list(iter(self.next, None))

    def close(self):
        self.response.close()
        self.connection.close()


def brief(e):
    """What an event says, without what is different in each run."""
    keys = ("type", "task", "state", "from", "to", "reason", "outcome", "how", "unit")
    return " ".join(str(e[k]) for k in keys if k in e)


def seqs(events):
    return [e["seq"] for e in events]


class Events(Case):
    def start(self, **workers):
        return self.box.start("-c", self.box.config(workers or {"w": FOREVER}))

    def stream(self, query="", **kw):
        s = Stream(self.box, query, **kw)
        self.addCleanup(s.close)
        return s

    def all_kept(self, query=""):
        return self.stream("since=first&follow=0" + query).rest()

    def last_seq(self):
        return self.stream("follow=0").rest()[0]["seq"]


class Order(Events):
    def test_a_whole_life(self):
        p = self.start(w={"command": [WORKER, "ready", "begin:u1", "end:u1", "begin:u2", "work:600000"], "start_timeout": "5min", "stop_timeout": "50ms"})
        self.box.in_unit("w@1", "u2")
        s = self.stream("since=0")
        self.box.post("/v1/workers/w/stop")
        s.until(lambda e: e.get("to") == "stopped")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(PATIENCE), 1)
        rest = s.rest()
        self.assertEqual([brief(e) for e in rest], ["daemon stopping", "daemon ended"])
        self.assertEqual(rest[0]["pid"], p.pid)

    def test_a_whole_life_as_it_is_told(self):
        p = self.start(w={"command": [WORKER, "ready", "begin:u1", "end:u1", "begin:u2", "work:600000"], "start_timeout": "5min", "stop_timeout": "50ms"})
        pid = self.box.in_unit("w@1", "u2")["pid"]
        self.box.post("/v1/workers/w/stop")
        self.box.until_task("stopped", "w@1", lambda t: t["state"] == "stopped")
        events = self.all_kept()
        self.assertEqual([brief(e) for e in events], [
            "daemon started",
            "state w@1 stopped starting",
            "started w@1",
            "state w@1 starting running",
            "state w@1 running stopping cli",
            "state w@1 stopping killing cli",
            "ended w@1 cli cancelled killed u2",
            "lost w@1 u2",
            "state w@1 killing stopped"])
        self.assertEqual(seqs(events), list(range(1, 10)))
        self.assertEqual([e["time"] for e in events], sorted(e["time"] for e in events))
        self.assertEqual({e.get("handle") for e in events}, {None, "w@1#1"})
        self.assertEqual((events[2]["pid"], events[2]["attempt"], events[0]["pid"]), (pid, 1, p.pid))
        ended = events[6]
        self.assertEqual((ended["signal"], ended["units"], ended["lost"]), (9, {"done": 1, "failed": 0, "lost": 1}, ["u2"]))

    def test_a_life_that_never_began(self):
        self.start(w={"command": ["/nonexistent"], "restart": "no"}, k=FOREVER)
        self.box.until_task("failed", "w@1", lambda t: t["state"] == "failed")
        events = [e for e in self.all_kept("&scope=w") if e.get("worker")]
        self.assertEqual([brief(e) for e in events], ["state w@1 stopped starting", "ended w@1 unstarted", "state w@1 starting failed"])

    def test_what_comes_next_is_told(self):
        self.start(w={"command": ["false"], "restart": "always", "backoff": {"initial": "1ms", "max": "1ms"}, "restart_limit": {"count": 1, "interval": "5min"}}, k=FOREVER)
        events = self.stream("since=0&scope=w").until(lambda e: e.get("to") == "failed")
        self.assertLessEqual(next(e for e in events if e.get("to") == "backoff")["backoff_ms"], 1)
        self.assertIs(events[-1]["restart_limited"], True)
        self.assertEqual([e.get("handle") for e in events if e.get("to") == "starting"], [None, None], "the life that is to come has none yet")

    def test_a_snapshot_and_then_what_follows(self):
        self.start()
        self.box.until_task("running", "w@1", lambda t: t["state"] == "running")
        s = self.stream()
        first = s.next()
        self.assertEqual((first["type"], first["seq"], [t["id"] for t in first["status"]["tasks"]]), ("snapshot", self.last_seq(), ["w@1"]))
        self.assertEqual(s.response.getheader("Content-Type"), "application/x-ndjson")
        self.box.post("/v1/workers/w/stop")
        self.assertEqual(s.next()["seq"], first["seq"] + 1)


class Replay(Events):
    def test_from_any_event_on(self):
        self.start(w={"command": ["true"]}, k=FOREVER)
        self.box.until_task("done", "w@1", lambda t: t["state"] == "done")
        self.box.until_task("running", "k@1", lambda t: t["state"] == "running")
        events = self.all_kept()
        for seq in range(len(events) + 1):
            self.assertEqual(self.stream(f"since={seq}&follow=0").rest(), events[seq:])
        self.assertEqual(seqs(self.stream(f"follow=0").rest()), [len(events)])

    def test_the_connection_goes_on_after_a_stream_that_ends(self):
        self.start()
        s = self.stream("follow=0")
        self.assertEqual(len(s.rest()), 1)
        s.connection.request("GET", "/healthz")
        self.assertEqual(s.connection.getresponse().read(), b'{"ok":true}\n')

    def test_what_is_gone_and_what_is_still_to_come(self):
        self.start(w=RESTLESS)
        for since in (10**6, 2**63 - 1):
            status, body = self.box.request("GET", f"/v1/events?since={since}")
            self.assertEqual((status, body["error"]["code"]), (410, "gone"), body)
        until("the ring is full", lambda: self.last_seq() > 5000)
        for since in (0, 1):
            status, body = self.box.request("GET", f"/v1/events?since={since}")
            self.assertEqual((status, body["error"]["code"]), (410, "gone"), body)
        events = self.all_kept()
        self.assertGreaterEqual(len(events), 4096)
        self.assertEqual(seqs(events), list(range(events[0]["seq"], events[0]["seq"] + len(events))))

    def test_names_choose(self):
        self.start(a={"command": ["true"], "replicas": 2}, b={"command": ["true"]}, k=FOREVER)
        for id in ("a@1", "a@2", "b@1"):
            self.box.until_task("done", id, lambda t: t["state"] == "done")
        handle = self.box.task("b@1")["handle"]
        for scope, tasks in [("a", {"a@1", "a@2"}), ("a@2", {"a@2"}), ("a@1,b", {"a@1", "b@1"}), (handle.replace("#", "%23"), {"b@1"})]:
            with self.subTest(scope=scope):
                events = self.all_kept("&scope=" + scope)
                self.assertEqual({e["task"] for e in events if e["type"] != "daemon"}, tasks)
                self.assertEqual(events[0]["type"], "daemon")
        snapshot = self.stream("follow=0&scope=a@1,k").next()
        self.assertEqual([t["id"] for t in snapshot["status"]["tasks"]], ["a@1", "k@1"])
        self.assertEqual(self.all_kept("&scope=b@1%2399")[-1]["type"], "daemon")

    def test_wishes_that_make_no_sense(self):
        self.start()
        for query, status in [("since=x", 400), ("since=-1", 400), ("since=99999999999999999999", 400), ("since=", 400), ("units=some", 400), ("units=0", 400),
                              ("units=99999999999", 400), ("follow=2", 400), ("scope=", 400), ("scope=%zz", 400), ("scope=w@2", 404), ("scope=w,x", 404),
                              ("scope=" + "w," * 3000, 400)]:
            with self.subTest(query=query[:40]):
                self.assertEqual(self.box.request("GET", "/v1/events?" + query)[0], status)
        self.assertIn('did you mean \\"w@1\\"?', json.dumps(self.box.get("/v1/events?scope=w@2")))


class Units(Events):
    def test_every_nth(self):
        self.start(w={"command": [WORKER, "ready", "loop:1"]})
        self.box.in_unit("w@1")
        s = self.stream("units=10")
        seq = s.next()["seq"]
        events = [s.next() for _ in range(40)]
        self.assertEqual({(e["seq"], e["handle"]) for e in events}, {(seq, "w@1#1")})
        self.assertEqual({e["ok"] for e in events if e["type"] == "unit_end"}, {True})
        for kind in ("unit_begin", "unit_end"):
            units = [int(e["unit"]) for e in events if e["type"] == kind]
            self.assertEqual(units, list(range(units[0], units[0] + 10 * len(units), 10)), kind)

    def test_all_of_them_in_order(self):
        go = self.box.path("go")
        os.mkfifo(go)
        self.start(w={"command": ["sh", "-c", f"read x <{go}; exec {WORKER} begin:a end:a begin:b fail:b exit:1"], "restart": "no"}, k=FOREVER)
        s = self.stream("units=all&scope=w")
        self.assertEqual(s.next()["type"], "snapshot")
        with open(go, "w") as f:
            f.write("\n")
        events = s.until(lambda e: e.get("to") == "failed")
        self.assertEqual([brief(e) for e in events], ["unit_begin w@1 a", "unit_end w@1 a", "unit_begin w@1 b", "unit_end w@1 b",
                                                      "ended w@1 failed", "state w@1 running failed"])
        self.assertEqual([e["ok"] for e in events if "ok" in e], [True, False])
        self.assertEqual(seqs(self.all_kept("&units=all")), list(range(1, events[-1]["seq"] + 1)), "units are not kept")


class Readers(Events):
    def check_memory(self, pid, before, mib):
        if before:
            self.assertLess(memory_kib(pid) - before, mib * 1024)

    def check_slow(self, stream):
        """It reads again: what was sent before is whole, and then it is told."""
        events = stream.rest()
        self.assertEqual(events[-1]["type"], "lagged")
        self.assertEqual(events[-1]["seq"], events[-2]["seq"])
        self.assertGreaterEqual(events[-1]["last"], events[-1]["seq"])

    def test_one_that_does_not_read_is_overtaken_by_the_ring(self):
        many = [f"begin:{i}{'x' * 1000}" for i in range(500)]
        p = self.start(w={**RESTLESS, "command": [WORKER, *many, "exit:1"], "backoff": {"initial": "100ms", "max": "100ms"}, "env": {"ASAN_OPTIONS": "detect_leaks=0"}})
        before = memory_kib(p.pid)
        slow, other = [self.stream() for _ in range(20)], self.stream()
        start = other.next()["seq"]
        events = other.until(lambda e: e["seq"] > start + 8000)
        self.assertEqual(seqs(events), list(range(start + 1, start + 1 + len(events))))
        self.check_memory(p.pid, before, 4 + 21 + 20)
        self.assertEqual(self.box.request("GET", "/healthz")[0], 200)
        for s in slow:
            self.check_slow(s)
        self.box.post("/v1/workers/w/abort")
        self.box.until_task("down", "w@1", lambda t: t["state"] == "stopped")
        kept = self.all_kept()
        self.assertGreater(len(json.dumps(kept)), 3 << 20)
        self.assertEqual(seqs(kept), list(range(kept[0]["seq"], self.last_seq() + 1)), "more than is buffered at once is sent, too")

    def test_one_that_wants_all_units_and_does_not_read(self):
        p = self.start(w={"command": [WORKER, "ready", "loop:0"]})
        self.box.in_unit("w@1")
        before = memory_kib(p.pid)
        slow = [self.stream("units=all") for _ in range(5)]
        until("many units", lambda: self.box.task("w@1")["units"]["done"] > 50000)
        self.check_memory(p.pid, before, 5 + 20)
        for s in slow:
            self.check_slow(s)

    def test_a_hundred_hear_the_same(self):
        self.start(w={**FOREVER, "replicas": 20})
        until("all run", lambda: self.box.request("GET", "/readyz")[0] == 200)
        streams = [self.stream() for _ in range(100)]
        for s in streams:
            self.assertEqual(s.next()["type"], "snapshot")
        self.box.post("/v1/workers/w/stop")
        until("all are down", lambda: {t["state"] for t in self.box.tasks().values()} == {"stopped"})
        last = self.last_seq()
        heard = [s.until(lambda e: e["seq"] == last) for s in streams]
        self.assertEqual(len(heard[0]), 60)
        self.assertTrue(all(h == heard[0] for h in heard))

    def test_streams_leave_room_for_others(self):
        self.start()
        streams = []
        while not streams or streams[-1].status == 200:
            streams.append(self.stream())
        self.assertEqual((len(streams), streams[-1].status), (113, 503))
        self.assertEqual(streams[-1].next()["error"]["code"], "busy")
        self.assertEqual(self.box.cli("status").returncode, 0)
        streams[0].close()
        until("its place is free", lambda: self.stream().status == 200)

    def test_those_who_vanish_are_forgotten(self):
        p = self.start(w={"command": [WORKER, "ready", "loop:1"]})
        fds = lambda: len(os.listdir(f"/proc/{p.pid}/fd"))
        self.box.in_unit("w@1")
        before = fds()
        for query in ("", "units=all", "since=0"):
            streams = [self.stream(query) for _ in range(30)]
            self.assertGreaterEqual(fds(), before + 25)
            for s in streams:
                s.close()
            until("they are forgotten", lambda: fds() <= before)
        self.assertEqual(self.box.request("GET", "/healthz")[0], 200)

    def test_the_end_is_told_and_clean(self):
        p = self.start(w={"command": [WORKER, "ready", "loop:20"]})
        self.box.in_unit("w@1")
        streams = [self.stream(q) for q in ("", "units=all", "scope=w", "since=0")]
        stalled, raw = self.stream("units=all"), self.stream()
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(PATIENCE), 0)
        for s in streams:
            events = s.rest()
            self.assertEqual(brief(events[-1]), "daemon ended")
            self.assertIn("daemon stopping", map(brief, events))
        self.assertEqual(stalled.rest()[-1]["state"], "ended")
        self.assertRegex(raw.response.fp.read().decode(), r'"state":"ended".*\n\r\n0\r\n\r\n$', "http.client does not miss a last chunk")

    def test_the_end_does_not_wait_for_those_who_do_not_read(self):
        p = self.start(w={"command": [WORKER, "ready", "loop:0"]})
        self.box.in_unit("w@1")
        slow = self.stream("since=0", timeout=PATIENCE)
        p.send_signal(signal.SIGQUIT)
        p.wait(PATIENCE)
        self.assertFalse(os.path.exists(self.box.sock))
        slow.close()


class Command(Events):
    def follow(self, *a):
        out = open(self.box.path("events"), "wb")
        self.box.files.append(out)
        p = subprocess.Popen(self.box.argv("events", "-f", *a), stdout=out, stderr=subprocess.PIPE, text=True, env=self.box.env())
        self.addCleanup(p.stderr.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        until("it follows", self.followed)
        return p

    def followed(self):
        with open(self.box.path("events")) as f:
            return f.read()

    def test_what_is_kept_is_printed(self):
        self.start(w={"command": ["sh", "-c", "exit 3"], "restart": "no"}, k=FOREVER)
        self.box.until_task("failed", "w@1", lambda t: t["state"] == "failed")
        r = self.box.cli("events", "w")
        self.assertEqual(r.returncode, 0, r.stderr)
        lines = r.stdout.splitlines()
        self.assertEqual([re.sub(r"^\w{3} \d\d \d\d:\d\d:\d\d\.\d{3} ", "", line) for line in lines[1:]],
                         ["w@1       stopped -> starting", f"w@1       w@1#1 started, pid {self.all_kept('&scope=w')[2]['pid']}", "w@1       starting -> running",
                          "w@1       w@1#1 failed: exit status 3", "w@1       running -> failed"])
        r = self.box.cli("events", "--json", "w")
        self.assertEqual([json.loads(line) for line in r.stdout.splitlines()], self.all_kept("&scope=w"))
        r = self.box.cli("events", "--json", "--since", str(self.last_seq()))
        self.assertEqual((r.returncode, r.stdout), (0, ""))

    def test_it_follows_to_the_end(self):
        p = self.start(w={"command": [WORKER, "ready", "begin:a\x1b[2Jb", "work:60000"], "stop_timeout": "10ms"})
        self.box.in_unit("w@1")
        follower = self.follow("w")
        p.send_signal(signal.SIGTERM)
        p.wait(PATIENCE)
        self.assertEqual(follower.wait(PATIENCE), 0, follower.stderr.read())
        self.assertIn("in the middle of a\\x1B[2Jb", self.followed())
        self.assertRegex(self.followed().splitlines()[-1], r"taskd +ended, ")
        self.assertNotIn("\x1b", self.followed())

    def test_units(self):
        self.start(w={"command": [WORKER, "ready", "loop:1"]})
        self.box.in_unit("w@1")
        self.follow("--units", "5", "--json")
        until("units are told", lambda: self.followed().count('"unit_end"') > 3)

    def test_interrupted(self):
        self.start()
        follower = self.follow()
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(PATIENCE), -signal.SIGINT)

    def test_the_daemon_dies(self):
        p = self.start()
        pid = self.box.task("w@1")["pid"]
        follower = self.follow()
        p.kill()
        p.wait()
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(follower.wait(PATIENCE), 125)
        self.assertIn("went away", follower.stderr.read())

    def test_it_does_not_keep_up(self):
        """Its standard output is a pipe that nobody reads."""
        self.start(w={"command": [WORKER, "ready", "loop:0"]})
        self.box.in_unit("w@1")
        p = subprocess.Popen(self.box.argv("events", "-f", "--json", "--units", "all"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.box.env())
        self.addCleanup(p.kill)
        until("many units", lambda: self.box.task("w@1")["units"]["done"] > 50000)
        out, err = p.communicate(timeout=PATIENCE)
        self.assertEqual(p.returncode, 1, err)
        self.assertIn("--since", err)
        self.assertEqual(json.loads(out.splitlines()[-1])["type"], "lagged")

    def test_what_cannot_be(self):
        self.assertEqual(self.box.cli("events").returncode, 125)
        self.start()
        for args, status, word in [(["w@2"], 1, "did you mean"), (["--since", "99999"], 1, "still to come"), (["--since", "1&x=2"], 125, "--help"),
                                   (["--since", "x"], 125, "since must be"), (["--units", "0"], 125, "units must be"), (["w" * 3000], 125, "too many names")]:
            with self.subTest(args=args):
                r = self.box.cli("events", *args)
                self.assertEqual((r.returncode, r.stdout), (status, ""))
                self.assertIn(word, r.stderr)

    def test_colours_at_a_terminal_only(self):
        self.start(w={"command": ["false"], "restart": "no"}, k=FOREVER)
        self.box.until_task("failed", "w@1", lambda t: t["state"] == "failed")
        for env, coloured in [({"NO_COLOR": "", "TERM": "xterm"}, True), ({"NO_COLOR": "1", "TERM": "xterm"}, False), ({"NO_COLOR": "", "TERM": "dumb"}, False)]:
            t = Terminal(self.box.argv("events"), self.box.env(**env))
            self.assertEqual(t.wait(), 0)
            self.assertEqual("\x1b[31mw@1#1 failed: exit status 1\x1b[0m" in t.text, coloured, t.text)
        self.assertNotIn("\x1b", self.box.cli("events", env={"NO_COLOR": "", "TERM": "xterm"}).stdout)


if __name__ == "__main__":
    main()
