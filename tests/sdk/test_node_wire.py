"""sdk/node against a supervisor that is played here: what the real one never does, or not at the wanted moment."""
import json, os, random, socket, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_node import NODE, PATIENCE, NodeCase, main, process_state, until

HELLO = {"type": "hello", "v": 1, "id": "w@1", "grace_ms": 1000, "max_message": 65536}


def monotonic_ms():
    return int(time.monotonic() * 1000)


class Wire(NodeCase):
    def launch(self, text, hello=HELLO, nonblocking=False, **env):
        """A worker with one end of a socket pair; the other one is self.peer."""
        self.peer, theirs = socket.socketpair()
        self.peer.settimeout(PATIENCE)
        self.addCleanup(self.peer.close)
        theirs.setblocking(not nonblocking)
        self.out = open(self.box.path("out"), "w")
        self.addCleanup(self.out.close)
        self.worker = subprocess.Popen([NODE, self.script(text)], pass_fds=[theirs.fileno()], stdout=self.out, stderr=self.out, cwd=self.box.dir,
                                       env=self.box.env(TASKD_FD=str(theirs.fileno()), TASKD_GRACE_MS="1000", **env))
        self.addCleanup(lambda: self.worker.poll() is None and (self.worker.kill(), self.worker.wait()))
        theirs.close()
        self.read = self.peer.makefile("rb")
        self.addCleanup(self.read.close)
        if hello:
            self.hear("hello")
            self.tell(hello)

    def tell(self, *messages):
        self.peer.sendall(b"".join(json.dumps(m, separators=(",", ":")).encode() + b"\n" for m in messages))

    def hear(self, *types):
        """The next messages, which are of these types; the last one's fields."""
        for t in types:
            line = self.read.readline()
            message = json.loads(line) if line else {}
            self.assertEqual(message.get("type"), t, (message, self.log()))
        return message

    def nothing_more(self):
        self.assertEqual(self.read.readline(), b"", self.log())

    def silent(self):
        self.peer.setblocking(False)
        try:
            return self.peer.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        finally:
            self.peer.settimeout(PATIENCE)

    def ended(self, *lines, status=0):
        self.assertEqual(self.worker.wait(60), status, self.log())
        self.assertEqual(self.lines(), list(lines))


class Greeting(Wire):
    def test_no_unit_begins_before_the_answer(self):
        for opening, runs in (("worker()", False), ("await open()", True)):
            for nonblocking in (False, True):
                with self.subTest(opening=opening, nonblocking=nonblocking):
                    self.setUp()
                    self.launch(f"setTimeout(touch, 1, 'timer'); touch('begun'); const w = {opening}; w.begin(1); w.end(1);", hello=None, nonblocking=nonblocking)
                    hello = self.hear("hello")
                    self.assertEqual((hello["v"], hello["sdk"]), (1, "node/0.1.0"))
                    if runs:
                        self.until_touched("timer")
                    self.assertIsNone(self.silent())
                    self.assertEqual(os.path.exists(self.box.path("timer")), runs)
                    self.tell({"type": "x-new", "what": 1}, HELLO)
                    self.hear("begin", "end")
                    self.nothing_more()
                    self.ended()

    def test_a_stop_in_place_of_the_answer(self):
        for opening in ("worker()", "await open()"):
            with self.subTest(opening=opening):
                self.setUp()
                self.launch(f"const w = {opening}; console.log(w.shouldStop(), w.id); w.begin(1);", hello=None)
                self.hear("hello")
                self.tell({"type": "stop", "grace_ms": 1000, "deadline_mono_ms": monotonic_ms() + 1000})
                self.hear("stopping")
                self.nothing_more()
                self.assertEqual(self.worker.wait(60), 1)
                self.assertEqual(self.lines()[0], "true null")
                self.assertIn("ECANCELED", self.log())

    def test_a_supervisor_that_is_gone_already(self):
        for opening in ("worker()", "await open()"):
            with self.subTest(opening=opening):
                self.setUp()
                self.launch(f"const w = {opening}; console.log(w.shouldStop(), w.supervised, w.ready());", hello=None)
                self.peer.close()
                self.read.close()
                self.ended("true true false")

    def test_an_answer_that_is_none(self):
        for opening in ("worker()", "await open()"):
            for answer in (b"HTTP/1.1 400 Bad Request\r\n", b"[1]\n", b"null\n", b"x" * (1 << 20) + b"y\n"):
                with self.subTest(opening=opening, answer=answer[:9]):
                    self.setUp()
                    self.launch(f"try {{ {opening}; }} catch (e) {{ console.log(e.code); }}", hello=None)
                    self.hear("hello")
                    self.peer.sendall(answer)
                    self.ended("EPROTO")

    def test_what_the_first_answer_says_stays(self):
        self.launch("""const w = worker(); w.ready(); while (!w.shouldStop());
            console.log(JSON.stringify([w.id, w.input, w.resume, w.avoids(7), w.avoids('8')]));""",
                    hello={**HELLO, "input": {"a": 1}, "resume": [2], "avoid": ["7"]})
        self.hear("ready")
        self.tell({**HELLO, "id": "other", "input": 3}, {"type": "stop"})
        self.hear("stopping")
        self.ended('["w@1",{"a":1},[2],true,false]')


class Reading(Wire):
    def test_lines_come_in_pieces_and_too_long_ones_are_passed_over(self):
        self.launch("const w = worker(); console.log((await w.next()).data); w.close();")
        self.hear("next")
        self.peer.sendall(b'{"type":"unit","unit":"' + b"x" * (1 << 20) + b'"}\n')
        for byte in '{"type":"unit","unit":"7","data":"caf\u00e9"}\n'.encode():
            self.peer.sendall(bytes([byte]))
        self.hear("release")
        self.ended("caf\u00e9")

    def test_nothing_is_lost_between_looking_and_waiting(self):
        """Two readers of one descriptor: the event loop's, and every shouldStop()."""
        self.launch("""const w = worker(); w.ready();
            for (let u, n = 0; (u = await w.next()); n++) {
              if (u.id !== String(n) || u.data.length !== n) throw new Error(u.id);
              for (let k = 0; k < n % 7; k++) w.shouldStop();
              await w.unit(u.id, async () => { if (n % 3) await new Promise(setImmediate); w.remainingMs(); });
            }
            console.log(w.done);""")
        self.hear("ready")
        for n in range(1000):
            self.hear("next")
            line = json.dumps({"type": "unit", "unit": str(n), "data": "x" * n}).encode() + b"\n"
            cut = random.Random(n).randrange(len(line))
            self.peer.sendall(json.dumps({"type": "x-noise"}).encode() + b"\n" + line[:cut])
            self.peer.sendall(line[cut:])
            self.hear("begin", "end")
        self.hear("next")
        self.tell({"type": "drain"})
        self.nothing_more()
        self.ended("1000")

    def test_the_end_of_the_stream_wakes_who_waits(self):
        for unread in (False, True):
            with self.subTest(unread=unread):
                self.setUp()
                self.launch("const w = worker(); w.ready(); touch('waits'); await w.stopped; console.log(w.signal.aborted, w.remainingMs() > 0, w.ready());")
                self.until_touched("waits")
                if not unread:   # else the kernel tells ECONNRESET
                    self.hear("ready")
                self.read.close()
                self.peer.close()
                self.ended("true true false")

    def test_more_grace(self):
        self.launch("""const w = worker(); console.log(w.remainingMs());
            w.ready(); await w.stopped;
            console.log(w.remainingMs() > 500, w.remainingMs() <= 1000); w.extend(90000);
            while (w.remainingMs() < 80000 && w.remainingMs() !== Infinity) await new Promise((r) => setTimeout(r, 1));
            console.log(w.remainingMs() <= 90000); w.status('more');
            while (w.remainingMs() > 0);
            w.status('less'); while (w.remainingMs() !== Infinity); console.log('none');""")
        self.hear("ready")
        self.tell({"type": "stop", "deadline_mono_ms": monotonic_ms() + 1000})
        self.hear("stopping", "extend")
        self.tell({"type": "extended", "granted_ms": 90000}, {"type": "extended", "granted_ms": 1})
        self.hear("status")
        self.tell({"type": "stop", "deadline_mono_ms": monotonic_ms() - 5})
        self.hear("status")
        self.tell({"type": "stop", "reason": "drain"})
        self.ended("-1", "true true", "true", "none")


class HandedOut(Wire):
    UNIT = {"type": "unit", "unit": "7", "data": {"a": 1}, "attempt": 2, "timeout_ms": 50}

    def test_one_is_asked_for_and_given_back_unless_it_begins(self):
        self.launch("""const w = worker();
            const first = w.next();
            await w.next().catch((e) => console.log(e.code));
            console.log(JSON.stringify(await first));
            await w.next();
            w.begin('8'); w.end('8');
            console.log(await w.next());""")
        self.hear("next")
        self.tell(self.UNIT)
        self.assertEqual(self.hear("release")["unit"], "7")
        self.hear("next")
        self.tell({"type": "unit", "unit": "8"})
        self.hear("begin", "end", "next")
        self.tell({"type": "drain"})
        self.nothing_more()
        self.ended("EALREADY", '{"id":"7","data":{"a":1},"attempt":2,"timeoutMs":50}', "null")

    def test_a_stop_wins_over_a_unit(self):
        self.launch("const w = worker(); console.log(await w.next(), w.shouldStop());")
        self.hear("next")
        self.tell(self.UNIT, {"type": "stop"})
        self.assertEqual(self.hear("release")["unit"], "7")
        self.hear("stopping")
        self.ended("null true")

    def test_a_stop_wins_that_is_read_after_the_unit(self):
        self.launch("const w = worker(); const asked = w.next(); while (!fs.existsSync('go')) busy(1); console.log(await asked, w.shouldStop());")
        self.hear("next")
        self.tell(self.UNIT, {"type": "x-noise", "noise": "x" * 66000}, {"type": "stop"})
        open(self.box.path("go"), "w").close()
        self.assertEqual(self.hear("release")["unit"], "7")
        self.hear("stopping")
        self.ended("null true")

    def test_one_that_crosses_the_stop_goes_back(self):
        self.launch("const w = worker(); await w.next(); w.status('left'); while (!fs.existsSync('go')) w.remainingMs();")
        self.hear("next")
        self.tell({"type": "stop"})
        self.hear("stopping", "status")
        self.tell({"type": "unit", "unit": "crossed"})
        self.assertEqual(self.hear("release")["unit"], "crossed")
        open(self.box.path("go"), "w").close()
        self.ended()

    def test_close_ends_the_waiting_and_gives_back(self):
        self.launch("""const w = worker(); await w.next(); const more = w.next(); const stopped = w.stopped;
            await w.close(); console.log(await more, await stopped, w.ready());
            try { w.begin(1); } catch (e) { console.log(e.code); }""")
        self.hear("next")
        self.tell(self.UNIT)
        self.hear("release", "next")
        self.nothing_more()
        self.ended("null undefined false", "EPIPE")


class Looking(Wire):
    def test_unit_looks_before_it_begins(self):
        self.launch("const w = worker(); w.ready(); while (!fs.existsSync('go')) busy(1); await w.unit(1, () => console.log('no')).catch((e) => console.log(e.code));")
        self.hear("ready")
        self.tell({"type": "stop"})
        open(self.box.path("go"), "w").close()
        self.hear("stopping")
        self.nothing_more()
        self.ended("ECANCELED")

    def test_the_acknowledgement_names_what_is_still_open(self):
        self.launch("const w = worker(); for (const u of 'abc') w.begin(u); w.end('c'); while (!w.shouldStop()); w.end('b'); w.end('a');")
        self.hear("begin", "begin", "begin", "end")
        self.tell({"type": "stop"})
        self.assertEqual(self.hear("stopping")["finishing"], "b")
        self.hear("end", "end")
        self.ended()

    def test_a_loop_ends_when_begin_is_the_first_to_notice(self):
        self.launch("""const w = worker(); w.ready();
            const source = function* () { touch('looked'); while (!fs.existsSync('go')) busy(1); yield 1; };
            for await (const u of w.units(source())) console.log('no');
            console.log('left', w.signal.aborted);""")
        self.hear("ready")
        self.until_touched("looked")
        self.read.close()
        self.peer.close()
        open(self.box.path("go"), "w").close()
        self.ended("left true")


class Writing(Wire):
    def test_a_reader_that_dawdles_gets_everything_in_order(self):
        self.launch("""const w = worker();
            const before = process.listenerCount('exit');
            const numbers = Array.from({ length: 3000 }, (_, n) => n);
            for await (const n of w.units(numbers)) for (let k = 0; k < 5; k++) w.status('x'.repeat(n));
            touch('all'); await w.close(); console.log(w.done, process.listenerCount('exit') - before);""")
        for n in range(3000):
            if n % 500 == 0:
                until("the socket is full, or all is said", self.rests)
                self.assertFalse(n == 0 and os.path.exists(self.box.path("all")), "it goes on though nobody reads")
            self.assertEqual(self.hear("begin")["unit"], str(n))
            self.assertEqual(len(self.hear(*["status"] * 5)["text"]), n)
            self.assertEqual(self.hear("end")["unit"], str(n))
        self.nothing_more()
        self.ended("3000 0")

    def rests(self):
        """Has the worker used no processor time for a while?"""
        used = []
        for _ in range(10):
            time.sleep(0.005)
            with open(f"/proc/{self.worker.pid}/stat") as f:
                used.append(f.read().rpartition(")")[2].split()[11:13])
        return process_state(self.worker.pid) in ("", "Z") or used.count(used[0]) == len(used) and process_state(self.worker.pid) == "S"

    def test_close_waits_until_all_is_out(self):
        self.launch("const w = worker(); for (let n = 0; n < 50; n++) w.status('x'.repeat(60000)); touch('said'); await w.close(); touch('closed');")
        self.until_touched("said")
        self.assertFalse(os.path.exists(self.box.path("closed")))
        self.hear(*["status"] * 50)
        self.nothing_more()
        self.ended()
        self.assertTrue(os.path.exists(self.box.path("closed")))

    def test_a_supervisor_that_dies_frees_who_has_much_to_say(self):
        for end in ("await w.close();", "process.exit(0);", ""):
            with self.subTest(end=end):
                self.setUp()
                self.launch("const w = worker(); for (let n = 0; n < 50; n++) w.status('x'.repeat(60000)); touch('said');" + end)
                self.until_touched("said")
                self.read.close()
                self.peer.close()
                self.ended()

    def test_the_loss_is_noticed_by_begin_and_last_words_count(self):
        self.launch("""const w = worker(); w.ready();
            while (!fs.existsSync('go')) busy(1);
            try { w.begin(1); } catch (e) { console.log(e.code, w.signal.aborted); }
            try { w.begin(1); } catch (e) { console.log(e.code); }
            console.log(w.remainingMs() > 3000000);""")
        self.hear("ready")
        self.tell({"type": "stop", "deadline_mono_ms": monotonic_ms() + 3600000})
        self.read.close()
        self.peer.close()
        open(self.box.path("go"), "w").close()
        self.ended("EPIPE true", "ECANCELED", "true")

    def test_a_reason_is_cut_or_left_out(self):
        self.launch("""const w = worker();
            for (const length of [2000, 300]) { w.begin(1); w.fail(1, new TypeError('\\u00e9'.repeat(length)), { retry: true }); }
            w.begin('u'.repeat(900)); w.fail('u'.repeat(900), new Error('x'.repeat(2000)));
            try { w.begin('u'.repeat(960)); } catch (e) { console.log(e.code); }
            w.status('u'.repeat(960));""", hello={**HELLO, "max_message": 1024})
        self.assertNotIn("error", self.hear("begin", "end"))
        self.assertEqual(self.hear("begin", "end")["error"], {"type": "TypeError", "message": "\u00e9" * 300, "retry": True})
        self.assertNotIn("error", self.hear("begin", "end"))
        self.hear("status")
        self.nothing_more()
        self.ended("EMSGSIZE")

    def test_a_reason_has_2047_bytes_at_most(self):
        self.launch("const w = worker(); w.begin(1); w.fail(1, new Error('\\u00e9'.repeat(5000)));")
        self.assertEqual(self.hear("begin", "end")["error"], {"type": "Error", "message": "\u00e9" * 1023, "retry": False})

    def test_numbers_as_the_protocol_takes_them(self):
        self.launch("""const w = worker();
            w.progress(1, -1, 1e300, undefined); w.progress(1, 2.7, NaN, 'half'); w.extend(-4); w.begin(1, { timeoutMs: Infinity }); w.log(99, 'x'); w.log(-1, 'y');
            for (const timeoutMs of [-1, NaN]) try { w.begin(2, { timeoutMs }); } catch (e) { console.log(e.code); }""")
        self.assertEqual(self.hear("progress"), {"type": "progress", "unit": "1", "total": 2**53})
        self.assertEqual(self.hear("progress"), {"type": "progress", "unit": "1", "done": 2, "msg": "half"})
        self.assertEqual(self.hear("extend")["ms"], 0)
        self.assertEqual(self.hear("begin")["timeout_ms"], 2**53)
        self.assertEqual([self.hear("log")["level"], self.hear("log")["level"]], ["debug", "emerg"])
        self.nothing_more()
        self.ended("EINVAL", "EINVAL")


if __name__ == "__main__":
    main()
