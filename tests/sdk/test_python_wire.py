"""sdk/python against a taskd that the test plays itself: what is said, byte for byte, and what is made of an answer."""
import errno, fcntl, json, math, os, select, signal, socket, sys, threading, time, unittest
from unittest import mock

TOP = os.path.abspath(os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "it"))
sys.path.insert(0, os.path.join(TOP, "sdk", "python"))
import taskd
from harness import main, until

HELLO = '{"type":"hello","v":1,"id":"w@1","grace_ms":5000,"max_message":65536,"input":{"a":[1]},"resume":7,"avoid":["bad"]}\n'


class Wire(unittest.TestCase):
    maxDiff = None

    def pair(self, answer=HELLO, **env):
        self.peer, end = socket.socketpair()
        self.addCleanup(self.peer.close)
        self.say(answer)
        patch = mock.patch.dict(os.environ, {"TASKD_FD": str(end.detach()), **env})
        patch.start()
        self.addCleanup(patch.stop)

    def open(self, answer=HELLO, **env):
        self.pair(answer, **env)
        self.w = taskd.open()
        self.addCleanup(self.w.close)
        hello = json.loads(self.heard().splitlines()[0])
        self.assertEqual(hello, {"type": "hello", "v": 1, "sdk": "python/" + taskd.__version__})
        return self.w

    def say(self, text):
        self.peer.sendall(text.encode())

    def say_stop(self, from_now_ms=5000):
        self.say('{"type":"stop","reason":"cli","deadline_mono_ms":%d}\n' % (time.monotonic() * 1000 + from_now_ms))

    def heard(self):
        """What has been said by now."""
        said = b""
        while select.select([self.peer], [], [], 0)[0]:
            more = self.peer.recv(1 << 20)
            if not more:
                break
            said += more
        return said.decode()

    def heard_to_the_end(self):
        return b"".join(iter(lambda: self.peer.recv(4096), b"")).decode()

    def refuses(self, number, call, *a):
        with self.assertRaises(OSError) as caught:
            call(*a)
        self.assertEqual(caught.exception.errno, number)


class Opening(Wire):
    def test_it_takes_the_descriptor_and_what_it_is_told(self):
        w = self.open(TASKD_WATCHDOG_MS="4000")
        self.assertNotIn("TASKD_FD", os.environ)
        self.assertTrue(fcntl.fcntl(w.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC)
        self.assertEqual((w.id, w.input, w.resume, w.watchdog_ms, w.supervised, w.fd), ("w@1", {"a": [1]}, 7, 4000, True, w.fileno()))
        self.assertEqual((w.avoids("bad"), w.avoids("good"), w.remaining_ms()), (True, False, -1))
        self.say(HELLO.replace("w@1", "other@9"))
        self.assertEqual((w.dispatch(), w.id), (0, "w@1"))

    def test_it_waits_for_the_answer(self):
        self.pair("")
        opened = threading.Thread(target=taskd.open)
        opened.start()
        self.assertIn(b'"hello"', self.peer.recv(4096))
        opened.join(0.2)
        self.assertTrue(opened.is_alive())
        self.say('{"type":"x-later"}\n' + HELLO)
        opened.join(60)
        self.assertFalse(opened.is_alive())

    def test_what_else_may_answer(self):
        for answer in ('{"type":"stop"}\n', 'garbage\n{"type":"stop"}\n', None):
            with self.subTest(answer=answer):
                self.pair(answer or "")
                if answer is None:
                    self.peer.shutdown(socket.SHUT_RDWR)
                w = taskd.open()
                self.assertTrue(w.should_stop())
                self.refuses(errno.ECANCELED, w.begin, "u")
                w.close()
        self.pair("220 mail.example ESMTP\n")
        self.refuses(errno.EPROTO, taskd.open)

    def test_a_descriptor_that_is_none(self):
        with open("/dev/null") as f:
            rows = [(text, errno.EBADF) for text in ("", "x", "3x", " 3", "-1", "99999999999", "777")] + [(str(f.fileno()), errno.ENOTSOCK)]
            for text, number in rows:
                with self.subTest(text=text), mock.patch.dict(os.environ, {"TASKD_FD": text}):
                    self.refuses(number, taskd.open)

    def test_a_default_timeout_is_for_other_sockets(self):
        socket.setdefaulttimeout(0.01)
        self.addCleanup(socket.setdefaulttimeout, None)
        w = self.open()
        threading.Timer(0.2, self.say, ['{"type":"drain"}\n']).start()
        self.assertIsNone(w.next())


SAID = [
    (lambda w: w.ready(), '{"type":"ready"}'),
    (lambda w: w.begin('\udcff "u"\n\0'), '{"type":"begin","unit":"\ufffd \\"u\\"\\n\ufffd"}'),
    (lambda w: w.begin(b"\xff\xc3\xa9"), '{"type":"begin","unit":"\ufffdé"}'),
    (lambda w: w.begin(7, timeout_ms=50), '{"type":"begin","unit":"7","timeout_ms":50}'),
    (lambda w: w.progress("u", 3), '{"type":"progress","unit":"u","done":3}'),
    (lambda w: w.progress("u", 0, 0), '{"type":"progress","unit":"u","done":0,"total":0}'),
    (lambda w: w.progress("u", 1 << 63, 9, "m"), '{"type":"progress","unit":"u","done":9007199254740992,"total":9,"msg":"m"}'),
    (lambda w: w.checkpoint("u", {"row": 17}), '{"type":"progress","unit":"u","resume":{"row":17}}'),
    (lambda w: w.end("u"), '{"type":"end","unit":"u","ok":true}'),
    (lambda w: w.fail("u", "T", "M", True), '{"type":"end","unit":"u","ok":false,"error":{"type":"T","message":"M","retry":true}}'),
    (lambda w: w.fail("u"), '{"type":"end","unit":"u","ok":false,"error":{"type":null,"message":"","retry":false}}'),
    (lambda w: w.fail("u", None, "é" * 3000), '{"type":"end","unit":"u","ok":false,"error":{"type":null,"message":"%s","retry":false}}' % ("é" * 1023)),
    (lambda w: w.fail("u", "T" * 70000), '{"type":"end","unit":"u","ok":false}'),
    (lambda w: w.heartbeat(), '{"type":"heartbeat"}'),
    (lambda w: w.status("s\ud800"), '{"type":"status","text":"s\ufffd"}'),
    (lambda w: w.extend(-5), '{"type":"extend","ms":0}'),
    (lambda w: w.log(3, "l"), '{"type":"log","level":"error","msg":"l"}'),
    (lambda w: w.log(99, "l"), '{"type":"log","level":"debug","msg":"l"}'),
    (lambda w: w.result({"n": (1, "\ud800")}, False), '{"type":"result","value":{"n":[1,"\ufffd"]},"complete":false}'),
    (lambda w: w.result(), '{"type":"result","value":null,"complete":true}'),
]


def nested(depth):
    return [nested(depth - 1)] if depth else 1


NO_VALUES = [float("nan"), {1, 2}, "\0", ["a\0"], {"\0": 1}, 1 << 63, {1: "a", "1": "b"}, nested(16), nested(5000) if sys.getrecursionlimit() > 9000 else nested(17)]


class Saying(Wire):
    def test_messages(self):
        w = self.open()
        for call, line in SAID:
            with self.subTest(line=line):
                self.assertIn(call(w), (True, None))
                self.assertEqual(self.heard(), line + "\n")

    def test_what_taskd_would_refuse_is_not_sent(self):
        w = self.open()
        w.result(nested(15))
        self.heard()
        ring = []
        ring.append(ring)
        for value in [*NO_VALUES, ring]:
            with self.subTest(value=str(value)[:40]):
                self.assertRaises((ValueError, TypeError), w.result, value)
                self.assertRaises((ValueError, TypeError), w.checkpoint, "u", value)
        self.assertRaises(ValueError, w.begin, "u", -1)
        self.refuses(errno.EMSGSIZE, w.begin, "x" * 70000)
        self.refuses(errno.EMSGSIZE, w.status, "x" * 70000)
        self.assertEqual(self.heard(), "")

    def test_the_longest_message_is_what_taskd_says(self):
        for says, most in (("2000", 2000), ("1024", 1024), ("1048576", 1 << 20), ("1048577", 65536), ('"2000"', 65536), ("0", 65536), ("null", 65536)):
            with self.subTest(says=says):
                w = self.open('{"type":"hello","max_message":%s}\n' % says)
                reader = threading.Thread(target=self.peer.recv, args=(most + 1, socket.MSG_WAITALL))
                reader.start()
                room = most - len('{"type":"status","text":""}')
                w.status("x" * room)
                reader.join(60)
                self.refuses(errno.EMSGSIZE, w.status, "x" * (room + 1))
                self.refuses(errno.EMSGSIZE, w.begin, "x" * (most - len('{"type":"begin","unit":""}') - 63))
                self.assertEqual(self.heard(), "")

    def test_a_unit_that_could_begin_can_end(self):
        w = self.open()
        name = "x" * (65536 - len('{"type":"begin","unit":""}') - 64)
        taker = threading.Thread(target=lambda: self.assertEqual(len(self.peer.recv(65536 - 64 + 1, socket.MSG_WAITALL)), 65536 - 63))
        taker.start()
        w.begin(name)
        taker.join(60)
        self.say_stop()
        self.assertTrue(w.should_stop())
        self.assertIn('"finishing":"xxx', self.heard())
        self.assertTrue(w.fail(name, "T", "\1" * 3000))
        self.assertTrue(self.heard().endswith('xxx","ok":false}\n'))

    def test_a_full_socket_is_waited_for(self):
        w, count, text = self.open(), 50, "abcdefghij" * 6000
        os.set_blocking(w.fileno(), False)
        said, lines = [], self.peer.makefile()
        reader = threading.Thread(target=lambda: said.extend(lines.readline() for _ in range(count)))
        talker = threading.Thread(target=lambda: [w.status(text) for _ in range(count)])
        talker.start()
        talker.join(0.1)
        reader.start()
        reader.join(60)
        self.assertEqual([json.loads(line)["text"] for line in said], [text] * count)

    def test_a_signal_handler_that_speaks_in_the_middle_of_a_line(self):
        w, text = self.open(), "x" * 60000
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, lambda *_: w.heartbeat()))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        said = []
        def read():
            time.sleep(0.1)  # lets the socket fill
            said.extend(iter(self.peer.makefile().readline, '{"type":"ready"}\n'))
        reader = threading.Thread(target=read)
        reader.start()
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for _ in range(200):
            w.status(text)
        signal.setitimer(signal.ITIMER_REAL, 0)
        w.ready()
        reader.join(60)
        kinds = [json.loads(line)["type"] for line in said]
        self.assertEqual(kinds.count("status"), 200)
        self.assertIn("heartbeat", kinds)


class Stopping(Wire):
    def test_acknowledged_once_and_nothing_begins_after_it(self):
        w = self.open()
        w.begin("one")
        self.assertFalse(w.should_stop())
        self.heard()
        self.say_stop(5000)
        self.say_stop(4000)
        self.assertTrue(w.should_stop())
        self.assertEqual(self.heard(), '{"type":"stopping","finishing":"one"}\n')
        self.assertEqual(w.dispatch() & taskd.STOP, taskd.STOP)
        self.assertLessEqual(w.remaining_ms(), 4000)
        self.assertRaises(taskd.Stopped, w.begin, "two")
        with mock.patch.object(taskd.Worker, "_receive", side_effect=AssertionError("a look at the socket")):
            self.assertTrue(w.should_stop())
        self.assertEqual(self.heard(), "")

    def test_it_names_what_is_open(self):
        for did, line in (("", '{"type":"stopping"}\n'), ("+a", '{"type":"stopping","finishing":"a"}\n'), ("+a-a", '{"type":"stopping"}\n'),
                          ("+a+b-a", '{"type":"stopping","finishing":"b"}\n'), ("+a+b-b", '{"type":"stopping","finishing":"a"}\n')):
            with self.subTest(did=did):
                w = self.open()
                for sign, unit in zip(did[::2], did[1::2]):
                    (w.begin if sign == "+" else w.end)(unit)
                self.heard()
                self.say_stop()
                self.assertTrue(w.should_stop())
                self.assertEqual(self.heard(), line)

    def test_in_pieces_and_among_nonsense(self):
        w = self.open()
        for piece in ('nonsense\n[1]\n{"type":7}\n{"type":"x-y"}\n\udcff\n', "[" * 100000 + "\n", "x" * (1 << 17), '\n{"ty', 'pe":"st', 'op","deadline_mono_ms":-1}'):
            talker = threading.Thread(target=lambda: self.peer.sendall(piece.encode(errors="surrogateescape")))
            talker.start()
            while talker.is_alive():
                self.assertFalse(w.should_stop())
            self.assertFalse(w.should_stop())
        self.say("\n")
        self.assertTrue(w.should_stop())
        self.assertEqual(w.remaining_ms(), math.inf)

    def test_behind_a_line_without_an_end(self):
        w = self.open()
        talker = threading.Thread(target=lambda: self.say("x" * (3 << 20) + '\n{"type":"stop","grace_ms":}\n'))
        talker.start()
        until("the stop", w.should_stop)
        talker.join()

    def test_the_time_left_is_what_taskd_said_last(self):
        w = self.open()
        self.say('{"type":"extended","granted_ms":60000}\n')
        self.assertEqual(w.remaining_ms(), -1)
        self.say_stop(1000)
        self.assertTrue(w.should_stop())
        for granted in (60000, 10):
            self.say('{"type":"extended","granted_ms":%d}\n' % granted)
            self.assertGreater(w.remaining_ms(), 50000)
        self.say_stop(-5)
        self.assertEqual(w.remaining_ms(), 0)
        self.say('{"type":"extended","granted_ms":9223372036854775807}\n')
        self.assertEqual(w.remaining_ms(), math.inf)

    def test_losing_taskd(self):
        for grace, least, most in (("-1", math.inf, math.inf), ("9223372036854775807", math.inf, math.inf), ("0", 0, 0), ("60000", 50000, 60000)):
            with self.subTest(grace=grace):
                w = self.open(TASKD_GRACE_MS=grace)
                w.begin("open")
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                self.addCleanup(signal.signal, signal.SIGPIPE, signal.SIG_IGN)
                self.peer.close()
                self.refuses(errno.EPIPE, w.begin, "u")
                self.refuses(errno.ECANCELED, w.begin, "u")
                self.assertIs(w.end("open"), False)
                self.assertIs(w.heartbeat(), False)
                self.assertIsNone(w.next())
                self.assertTrue(w.should_stop())
                self.assertTrue(least <= w.remaining_ms() <= most)

    def test_what_taskd_said_last_counts(self):
        w = self.open()
        self.say_stop(60000)
        self.peer.close()
        self.assertIs(w.status("s"), False)
        self.assertGreater(w.remaining_ms(), 50000)


class HandedOut(Wire):
    def unit(self, name, **fields):
        self.say(json.dumps({"type": "unit", "unit": name, **fields}) + "\n")

    def test_one_at_a_time(self):
        w = self.open()
        self.unit("a", data={"x": 1}, attempt=2, timeout_ms=50)
        self.unit("b")
        self.assertEqual(w.dispatch(), taskd.UNIT)
        self.assertEqual(w.next(), taskd.Unit("a", {"x": 1}, 2, 50))
        self.assertEqual(self.heard(), "")
        self.say('{"type":"drain"}\n')
        self.assertIsNone(w.next())
        self.assertEqual(self.heard(), '{"type":"release","unit":"a"}\n')
        self.assertFalse(w.should_stop())

    def test_a_stop_gives_back_what_has_not_begun(self):
        for begun in (False, True):
            with self.subTest(begun=begun):
                w = self.open()
                self.unit("a")
                w.next()
                if begun:
                    w.begin("a")
                    w.end("a")
                self.unit("b")
                w.dispatch()
                self.heard()
                self.say_stop()
                self.assertIsNone(w.next())
                given_back = "" if begun else '{"type":"release","unit":"a"}\n'
                self.assertEqual(self.heard(), given_back + '{"type":"release","unit":"b"}\n{"type":"stopping"}\n')
                w.close()
                self.assertEqual(self.heard_to_the_end(), "")

    def test_closing_gives_back(self):
        w = self.open()
        self.unit("a")
        w.next()
        w.close()
        self.assertEqual(self.heard_to_the_end(), '{"type":"release","unit":"a"}\n')
        self.assertRaises(ValueError, w.begin, "b")
        self.assertRaises(ValueError, w.status, "s")

    def test_a_unit_is_asked_for_once_and_a_loop_takes_them(self):
        w, turns = self.open(), []
        def hand_out():
            lines = self.peer.makefile()
            for name in ("a", "b"):
                self.assertEqual(lines.readline(), '{"type":"next","slots":1}\n')
                self.say('{"type":"x-later"}\n{"type":"unit"}\n')
                self.unit(name)
                self.assertEqual(json.loads(lines.readline()), {"type": "begin", "unit": name})
                self.assertEqual(json.loads(lines.readline()), {"type": "end", "unit": name, "ok": True})
            self.say('{"type":"drain"}\n')
        supervisor = threading.Thread(target=hand_out)
        supervisor.start()
        for unit in w.units(iter(w.next, None)):
            turns.append(unit.id)
        supervisor.join(60)
        self.assertEqual(turns, ["a", "b"])

    def test_threads_keep_their_units_apart(self):
        w, first, second = self.open(), [], []
        self.unit("a")
        thread = threading.Thread(target=lambda: first.append(w.next()))
        thread.start()
        thread.join(60)
        self.unit("b")
        second.append(w.next())
        self.assertEqual([u.id for u in first + second], ["a", "b"])
        self.assertNotIn("release", self.heard())
        w.begin("a")


class Failing(Wire):
    """How a unit ends that did not end well."""

    def ends(self):
        return [(m["unit"], m["ok"], *m.get("error", {}).values()) for m in map(json.loads, self.heard().splitlines()) if m["type"] == "end"]

    def test_an_exception_in_a_unit(self):
        w = self.open()
        with self.assertRaises(KeyError):
            with w.unit("a"):
                raise KeyError("k")
        with self.assertRaises(KeyboardInterrupt):
            with w.unit("b", timeout_ms=1):
                raise KeyboardInterrupt
        self.assertEqual(self.ends(), [("a", False, "KeyError", "'k'", False), ("b", False, "KeyboardInterrupt", "", False)])

    def test_an_exception_in_a_loop_is_known_to_the_block_around_it(self):
        w = self.open()
        with self.assertRaises(ZeroDivisionError):
            with w:
                for n in w.units([1, 0, 2]):
                    1 / n
        ends = [json.loads(line) for line in self.read_all()]
        self.assertEqual(ends[-1], {"type": "end", "unit": "0", "ok": False, "error": {"type": "ZeroDivisionError", "message": "division by zero", "retry": False}})
        self.assertNotIn("result", [m["type"] for m in ends])

    def read_all(self):
        return self.heard_to_the_end().splitlines()

    def test_an_iterator_that_somebody_holds(self):
        w = self.open()
        with self.assertRaises(ZeroDivisionError):
            with w:
                loop = w.units([0])
                for n in loop:
                    1 / n
        loop.close()
        self.assertEqual(sum('"end"' in line for line in self.read_all()), 1)

    def test_a_loop_that_was_left(self):
        w = self.open()
        for n in w.units([1, 2]):
            break
        self.assertFalse(w.should_stop())
        self.assertEqual(self.ends(), [("1", False, "left", "its loop was left in the middle of the unit", False)])

    def test_losing_taskd_cuts_no_unit(self):
        w, turns = self.open(), []
        with w:
            for n in w.units([1, 2]):
                self.peer.close()
                w.progress(n, 1)
                w.checkpoint(n, {})
                turns.append(n)
        self.assertEqual(turns, [1])

    def test_stopped_is_a_way_to_leave(self):
        w, turns = self.open(), []
        with w:
            for n in (1, 2):
                with w.unit(n):
                    self.say_stop()
                    turns.append(n)
        self.assertEqual(turns, [1])
        self.assertEqual(json.loads(self.read_all()[-1]), {"type": "result", "value": None, "complete": False})

    def test_a_result_that_was_given_stays(self):
        w = self.open()
        with w:
            w.result(3)
        self.assertEqual(self.read_all(), ['{"type":"ready"}', '{"type":"result","value":3,"complete":true}'])

    def test_nothing_is_taken_from_a_queue_after_the_stop(self):
        w, queue = self.open(), [1, 2, 3]
        for n in w.units(iter(lambda: queue.pop(0), None)):
            self.say_stop()
        self.assertEqual(queue, [2, 3])


if __name__ == "__main__":
    main()
