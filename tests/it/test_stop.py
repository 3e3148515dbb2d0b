"""The heart: a stop between units of work, the ladder when a worker does not listen, and what is said about it."""
import json, os, signal, subprocess, sys, time
from harness import Case, TASKD, Terminal, WORKER, alive, main, process_state, until


class Stop(Case):
    def start(self, *steps, **settings):
        """One task w@1 that runs the test worker with these steps."""
        c = self.box.config({"w": {"command": [WORKER, *steps], "restart": "no", **settings}})
        return self.box.start("-c", c)

    def timed_wait(self, p, began):
        status = p.wait(60)
        return status, time.monotonic() - began


class Cooperative(Stop):
    def test_mid_unit_it_finishes_the_unit_and_begins_none(self):
        for way in ("INT", "TERM", "cli"):
            with self.subTest(way=way):
                p = self.start("ready", "loop:700", stop_timeout="30s")
                unit = self.box.in_unit("w@1")["unit"]["id"]
                if way == "cli":
                    r = self.box.cli("stop")
                    self.assertEqual(r.returncode, 0, r.stderr)
                else:
                    p.send_signal(getattr(signal, "SIG" + way))
                self.assertEqual(p.wait(60), 0)
                record = self.box.records()[-1]
                self.check_record(record, "cancelled", "cooperative")
                self.assertTrue(record["stop"]["acked"])
                self.assertEqual(record["units"], {"done": int(unit), "failed": 0, "lost": 0})
                self.assertIn("nothing lost", self.box.err())

    def test_a_three_second_unit_within_ten(self):
        p = self.start("ready", "unit:long:3000", stop_timeout="10s")
        self.box.in_unit("w@1", "long")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        record = self.one_record()
        self.check_record(record, "cancelled", "cooperative")
        self.assertEqual(record["units"]["done"], 1)
        self.assertIsNone(record["unit"])

    def test_a_complete_result_beats_the_stop(self):
        p = self.start("ready", "unit:last:500", 'result:{"all":"done"}')
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(60), 0)
        self.check_record(self.one_record(), "ok", "cooperative")
        self.assertEqual(self.one_record()["value"], {"all": "done"})

    def test_a_partial_result_is_kept(self):
        p = self.start("ready", "unit:last:500", "partial:41")
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGINT)
        p.wait(60)
        self.check_record(self.one_record(), "cancelled", "cooperative")
        self.assertEqual(self.one_record()["value"], 41)

    def test_an_idle_worker_leaves_at_once(self):
        p = self.start("ready", "idle", stop_timeout="1min")
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_suspended_worker_is_woken(self):
        p = self.start("ready", "loop:100", stop_timeout="30s")
        pid = self.box.in_unit("w@1")["pid"]
        os.kill(pid, signal.SIGSTOP)
        until("suspended", lambda: process_state(pid) == "T")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_worker_that_has_spoken_gets_no_signal(self):
        """The default action of SIGTERM would cut this unit."""
        p = self.start("ready", "unit:whole:600")
        self.box.in_unit("w@1", "whole")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        self.assertEqual(self.one_record()["units"]["done"], 1)

    def test_the_reason_and_the_wait_are_in_the_record(self):
        p = self.start("ready", "unit:u:500")
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGTERM)
        p.wait(60)
        stop = self.one_record()["stop"]
        self.assertEqual((stop["reason"], stop["signal"]), ("signal", signal.SIGTERM))
        self.assertLess(stop["waited_ms"], 30000)

    def test_repeated_signals_are_one_stop(self):
        p = self.start("ready", "loop:1000", stop_timeout="30s")
        self.box.in_unit("w@1")
        for _ in range(20):
            p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        self.assertTrue(self.one_record()["stop"]["acked"])
        self.assertEqual(self.box.err().count("asking 1 worker to finish"), 1)

    def test_stop_during_backoff_restarts_nothing(self):
        c = self.box.config({"w": {"command": ["false"], "restart": "always", "backoff": {"initial": "10min", "max": "10min"}}})
        p = self.box.start("-c", c)
        self.box.until_task("backoff", "w@1", lambda t: t["state"] == "backoff")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)
        self.assertEqual(len(self.box.records()), 1)

    def test_pre_stop_delays_the_stop(self):
        p = self.start("ready", "loop:50", pre_stop="600ms")
        self.box.in_unit("w@1")
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        self.box.until_task("pre-stop", "w@1", lambda t: t["state"] == "pre-stop")
        status, took = self.timed_wait(p, began)
        self.assertEqual(status, 0)
        self.assertGreater(took, 0.6)

    def test_a_second_stop_during_pre_stop_takes_no_grace_away(self):
        p = self.start("ready", "loop:400", pre_stop="800ms", stop_timeout="1500ms")
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGTERM)
        self.box.until_task("pre-stop", "w@1", lambda t: t["state"] == "pre-stop")
        p.send_signal(signal.SIGTERM)
        left = self.box.task("w@1")["stop"]["remaining_ms"]
        self.assertGreater(left, 1500)
        self.assertEqual(p.wait(30), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_stop_from_within_a_burst_loses_no_line_of_it(self):
        """stop_me is handled while the lines behind it are still in the buffer that they were read into."""
        pairs = "\n".join(f'{{"type":"begin","unit":"u{i}"}}\n{{"type":"end","unit":"u{i}","ok":true}}' for i in range(1500))
        burst = '{"type":"begin","unit":"a"}\n{"type":"stop_me","reason":"r"}\n{"type":"end","unit":"a","ok":true}\n' + pairs
        half = burst.index('{"type":"begin","unit":"u700"}')
        p = self.start("ready", "raw:" + burst[:half - 1], "raw:" + burst[half:], "idle", max_message="1M")
        p.wait(60)
        self.assertEqual(self.one_record()["units"], {"done": 1501, "failed": 0, "lost": 0})
        self.assertNotIn("protocol error", self.box.err().replace("after the stop was acknowledged", ""))

    def test_an_unread_standard_error_delays_no_stop(self):
        """Whoever reads the log has stopped reading: a pipe that is full."""
        r, w = os.pipe()
        self.addCleanup(os.close, r)
        c = self.box.config({"w": {"command": [WORKER, "ready", *['raw:{"type":"log","level":"error","msg":"' + "x" * 900 + '"}'] * 150, "idle"],
                                   "log": {"to": "null"}, "restart": "no"}})
        p = subprocess.Popen(self.box.argv("run", "-c", c), stderr=w, stdin=subprocess.DEVNULL, env=self.box.env())
        self.box.procs.append(p)
        os.close(w)
        until("it answers", lambda: self.box.get("/healthz", quiet=True))
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)

    def test_a_paused_terminal_delays_no_stop(self):
        c = self.box.config({"w": {"command": ["yes"], "restart": "no"}})
        pid, fd = os.forkpty()
        if pid == 0:
            os.execvpe(TASKD, self.box.argv("run", "-c", c), self.box.env(TERM="xterm"))
        self.addCleanup(os.close, fd)
        until("it answers, though nobody reads its terminal", lambda: self.box.get("/healthz", quiet=True))
        os.kill(pid, signal.SIGTERM)
        until("it has ended", lambda: process_state(pid) in ("Z", ""))
        os.waitpid(pid, 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_run_by_hand_is_untouched(self):
        r = subprocess.run([WORKER, "ready", "unit:a:0", "result:1", "echo:done"], capture_output=True, text=True, timeout=60,
                           env=self.box.env())
        self.assertEqual((r.returncode, r.stdout), (0, "done\n"))


class Ladder(Stop):
    def stopped_at_deadline(self, *steps, grace="500ms", seconds=0.5, **settings):
        p = self.start(*steps, stop_timeout=grace, **settings)
        self.box.in_unit("w@1")
        pid = self.box.task("w@1")["pid"]
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        status, took = self.timed_wait(p, began)
        self.assertFalse(alive(pid))
        record = self.one_record()
        # The record's own clock is taskd's; `took` has the test's and the machine's delays in it.
        self.assertGreaterEqual(record["stop"]["waited_ms"], 1000 * seconds)
        self.assertLessEqual(record["stop"]["waited_ms"], 1000 * seconds + 250, f"took {took}")
        return status, record

    def test_one_that_ignores_the_stop_is_killed_and_its_unit_named(self):
        status, record = self.stopped_at_deadline("ready", "ignore", "begin:stuck.jpg", "work:600000")
        self.assertEqual(status, 1)
        self.check_record(record, "cancelled", "killed")
        self.assertFalse(record["stop"]["acked"])
        self.assertEqual(record["unit"]["id"], "stuck.jpg")
        self.assertIn("cut in the middle: stuck.jpg", self.box.err())

    def test_the_whole_tree_goes_with_it(self):
        status, record = self.stopped_at_deadline("ready", "child", "daemon", "begin:u", "work:600000")
        self.assertEqual(status, 1)
        pids = [int(line.split()[1]) for line in self.box.out().splitlines()]
        self.assertEqual(len(pids), 2)
        for pid in pids:
            self.assertFalse(alive(pid), f"process {pid} is left")
        self.assertGreaterEqual(record["tree_killed"], 2)

    def test_term_comes_before_kill_where_it_is_configured(self):
        status, record = self.stopped_at_deadline("ready", "begin:u", "work:600000", term_timeout="30s")
        self.check_record(record, "cancelled", "killed")
        self.assertEqual(record["exit"]["signal"], signal.SIGTERM)

    def test_kill_follows_term(self):
        p = self.start("ready", "ignore", "begin:u", "work:600000", stop_timeout="200ms", term_timeout="300ms")
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 1)
        record = self.one_record()
        self.assertEqual(record["exit"]["signal"], signal.SIGKILL)
        self.assertGreaterEqual(record["stop"]["waited_ms"], 500)

    def test_extend_lengthens_up_to_the_cap(self):
        p = self.start("ready", "begin:u", "work:300", "extend:600000", "work:600000", stop_timeout="500ms", max_stop_timeout="1200ms")
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 1)
        waited = self.one_record()["stop"]["waited_ms"]
        self.assertGreaterEqual(waited, 500, "an extension before the stop is none")
        self.assertLessEqual(waited, 1450)

    def test_an_extension_during_the_stop_lets_the_unit_finish(self):
        flag = self.box.path("flag")
        c = self.box.config({"w": {"command": ["sh", "-c", f"exec {WORKER} ready begin:u work:900 extend:20000 work:1500 end:u touch:{flag}"],
                                   "restart": "no", "stop_timeout": "2s", "max_stop_timeout": "1min"}})
        p = self.box.start("-c", c)
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0, self.box.err())
        self.assertTrue(os.path.exists(flag))
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_a_second_interrupt_aborts(self):
        p = self.start("ready", "begin:u", "work:600000", stop_timeout="10min")
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGINT)
        self.box.until_task("stopping", "w@1", lambda t: t["state"] == "stopping")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(30), 1)
        self.check_record(self.one_record(), "cancelled", "aborted")
        self.assertEqual(self.one_record()["unit"]["id"], "u")

    def test_stop_now_aborts(self):
        p = self.start("ready", "begin:u", "work:600000", stop_timeout="10min")
        self.box.in_unit("w@1")
        r = self.box.cli("stop", "--now")
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("u", r.stdout + r.stderr)
        self.assertEqual(p.wait(30), 1)
        self.check_record(self.one_record(), "cancelled", "aborted")

    def test_a_repeated_stop_may_shorten_but_not_lengthen(self):
        p = self.start("ready", "begin:u", "work:600000", stop_timeout="10min")
        self.box.in_unit("w@1")
        self.box.cli("stop", "--no-wait")
        left = self.box.until_task("stopping", "w@1", lambda t: t["stop"])["stop"]["remaining_ms"]
        self.assertGreater(left, 500000)
        self.box.cli("stop", "--no-wait", "--timeout", "20min")
        self.assertLess(self.box.task("w@1")["stop"]["remaining_ms"], 600001)
        self.box.cli("stop", "--no-wait", "--timeout", "100ms")
        self.assertEqual(p.wait(30), 1)
        self.check_record(self.one_record(), "cancelled", "killed")

    def test_status_says_unresponsive_until_it_answers(self):
        p = self.start("ready", "begin:u", "work:1500", "end:u", "idle", stop_timeout="1min")
        self.box.in_unit("w@1")
        self.box.cli("stop", "--no-wait", "w")
        self.assertTrue(self.box.until_task("stopping", "w@1", lambda t: t["stop"])["stop"]["unresponsive"])
        self.box.until_task("stopped", "w@1", lambda t: t["state"] == "stopped")
        self.assertTrue(self.box.records()[0]["stop"]["acked"])
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)

    def test_an_abort_in_the_past_does_not_spoil_a_graceful_stop(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "idle"]}, "k": {"command": [WORKER, "ready", "loop:50"]}})
        p = self.box.start("-c", c)
        self.box.in_unit("k@1")
        self.assertEqual(self.box.cli("abort", "w").returncode, 0)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0, self.box.err())

    def test_a_silent_one_that_is_killed_is_not_called_nothing_lost(self):
        c = self.box.config({"w": {"command": ["sleep", "1000"], "channel": "none"}, "k": {"command": ["sleep", "1000"]}})
        self.box.start("-c", c)
        r = self.box.cli("abort", "w")
        self.assertNotIn("nothing lost", r.stdout)
        self.assertIn("not known", r.stdout)

    def test_one_command_that_had_to_be_killed_is_137(self):
        p = self.box.start("--stop-timeout", "100ms", "--", WORKER, "ready", "begin:u", "work:600000")
        self.box.in_unit("worker@1")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 137)

    def test_one_command_that_left_by_itself_is_130_or_143(self):
        for signo, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            p = self.box.start("--", WORKER, "ready", "loop:100")
            self.box.in_unit("worker@1")
            p.send_signal(signo)
            self.assertEqual(p.wait(30), status)

    def test_what_a_dead_life_left_behind_is_killed(self):
        p = self.start("ready", "daemon", "exit:0")
        p.wait(30)
        pid = int(self.box.out().split()[1])
        until("the daemon is gone", lambda: not alive(pid))

    def test_a_chain_of_sessions_is_followed_to_its_end(self):
        p = self.start("ready", "daemon", "daemon", "daemon", "exit:0")
        p.wait(30)
        for line in self.box.out().splitlines():
            self.assertFalse(alive(int(line.split()[1])), line)
        self.assertEqual(self.box.err().count("left process"), 3, self.box.err())

    def test_a_log_file_that_is_a_fifo_holds_nobody_up(self):
        fifo = self.box.path("fifo")
        os.mkfifo(fifo)
        c = self.box.config({"w": {"command": ["true"], "log": {"file": fifo}, "restart": "no"}, "k": {"command": [WORKER, "ready", "idle"]}})
        p = self.box.start("-c", c)
        self.box.until_task("the other one runs", "k@1", lambda t: t["state"] == "running")
        self.check_record(self.one_record(), "unstarted")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)

    def test_a_held_journal_holds_nobody_up(self):
        import fcntl
        p = self.start("ready", "loop:50")
        self.box.in_unit("w@1")
        with open(os.path.join(self.box.state, "results.ndjson")) as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            p.send_signal(signal.SIGTERM)
            self.assertEqual(p.wait(30), 0)
        self.assertIn("not in the journal", self.box.err())

    def test_a_grandchild_of_a_living_task_is_left_alone(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "daemon", "idle"]},
                             "other": {"command": ["true"], "restart": "always", "backoff": {"initial": "1ms", "max": "1ms"},
                                       "restart_limit": {"count": 1000000, "interval": "1s"}}})
        p = self.box.start("-c", c)
        pid = until("the daemon", lambda: self.box.out() and int(self.box.out().split()[1]))
        until("many other lives", lambda: self.box.task("other@1")["restarts"] > 100)
        self.assertTrue(alive(pid))
        p.send_signal(signal.SIGTERM)
        p.wait(30)
        until("gone with its task", lambda: not alive(pid))


class Channel(Stop):
    def test_a_worker_that_closed_its_channel_is_told_by_a_signal(self):
        p = self.start("ready", "unit:u:0", "close", "work:600000", stop_timeout="1min")
        self.box.until_task("did its unit", "w@1", lambda t: t["units"]["done"] == 1)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_one_that_heard_the_stop_and_closed_its_channel_may_clean_up(self):
        """Closed without a word of acknowledgement, as an interpreter does that shuts down: what was read was heard."""
        cleaned = self.box.path("cleaned")
        c = self.box.config({"w": {"command": ["bash", "-c", f'echo \'{{"type":"ready"}}\' >&3; read -r line <&3; exec 3>&-; sleep 0.5; touch {cleaned}'],
                                   "restart": "no"}})
        p = self.box.start("-c", c)
        self.box.until_task("runs", "w@1", lambda t: t["state"] == "running")
        until("it has spoken and waits", lambda: process_state(self.box.task("w@1")["pid"]) == "S")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")
        self.assertTrue(os.path.exists(cleaned))

    def test_a_stop_reaches_one_that_has_let_its_answers_pile_up(self):
        """It asks for more than taskd keeps for it, and reads none of it until later."""
        ask = "raw:" + "\n".join(['{"type":"hello"}'] * 100)
        p = self.start("ready", *[ask] * 40, "begin:u", "work:1500", "end:u", "idle", stop_timeout="1min")
        self.box.in_unit("w@1", "u")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0)
        self.check_record(self.one_record(), "cancelled", "cooperative")
        self.assertEqual(self.one_record()["units"]["done"], 1)
        self.assertEqual(self.box.err().count("does not read"), 1, self.box.err())

    def test_a_checkpoint_is_handed_to_the_next_life(self):
        flag = self.box.path("flag")
        words = 'echo \'{"type":"hello"}\' >&3; read -r line <&3; echo "$line"'
        c = self.box.config({"w": {"command": ["bash", "-c", f'if test -e {flag}; then {words}; else touch {flag}; echo \'{{"type":"progress","unit":"u","resume":'
                                                             f'{{"at":7}}}}\' >&3; exit 1; fi'], "backoff": {"initial": "1ms"}}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(json.loads(r.stdout)["resume"], {"at": 7}, r.stderr)

    def test_taskd_is_gone_the_worker_finishes_and_leaves(self):
        done = self.box.path("done")
        p = self.start("ready", "loop:300", f"touch:{done}")
        pid = self.box.in_unit("w@1")["pid"]
        p.kill()
        p.wait()
        until("the worker left by itself", lambda: not alive(pid))
        self.assertTrue(os.path.exists(done))

    def test_the_end_that_can_be_read_counts(self):
        """The last words race with the exit: 300 lives that end right behind their `end`."""
        c = self.box.config({"w": {"command": [WORKER, "ready", "unit:u:0", "exit:0"], "restart": "always", "backoff": {"initial": "0s", "max": "0s"},
                                   "restart_limit": {"count": 299, "interval": "infinity"}, "replicas": 1}})
        self.box.cli("run", "-c", c, timeout=120)
        records = self.box.records()
        self.assertEqual(len(records), 300)
        self.assertEqual({(r["outcome"], r["units"]["done"], r["units"]["lost"]) for r in records}, {("ok", 1, 0)})


class AtATerminal(Stop):
    def test_interrupt_says_who_is_waited_for_and_that_a_second_one_aborts(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "begin:img_1.jpg", "progress:img_1.jpg:63:100", "work:2000", "end:img_1.jpg"]}})
        t = Terminal(self.box.argv("run", "-c", c), self.box.env(TERM="xterm"))
        t.until("the unit is shown", lambda s: "img_1.jpg" in s)
        t.type("\x03")
        t.until("what to expect", lambda s: "^C again aborts" in s)
        t.until("who and where", lambda s: "w@1: img_1.jpg, 63 %" in s.split("^C again aborts")[-1])
        self.assertEqual(t.wait(), 0, t.text)
        self.assertIn("nothing lost", t.text)

    def test_a_second_interrupt_aborts_and_names_the_unit(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "begin:img_1.jpg", "work:600000"]}})
        t = Terminal(self.box.argv("run", "-c", c), self.box.env(TERM="xterm"))
        t.until("the unit is shown", lambda s: "img_1.jpg" in s)
        t.type("\x03")
        t.until("what to expect", lambda s: "^C again aborts" in s)
        t.type("\x03")
        self.assertEqual(t.wait(), 1, t.text)
        self.assertIn("cut in the middle: img_1.jpg", t.text)

    def test_the_interrupt_reaches_taskd_alone(self):
        """The worker is in a group of its own: ^C does not cut it."""
        t = Terminal(self.box.argv("run", "--", WORKER, "ready", "unit:u:1000", "echo:finished"), self.box.env(TERM="xterm"))
        self.box.path("x")
        until("in its unit", lambda: (self.box.status(quiet=True) or {"tasks": [{"unit": None}]})["tasks"][0]["unit"])
        t.type("\x03")
        self.assertEqual(t.wait(), 130, t.text)
        self.assertIn("finished", t.text)


class Early(Case):
    """The signal goes out because the worker has not said a word yet, and before it arrives it has."""
    SCRIPT = """
import os, signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
open(sys.argv[1], "w").close()
while signal.SIGTERM not in signal.sigpending(): time.sleep(0.005)
os.write(int(os.environ["TASKD_FD"]), sys.argv[2].encode())
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
"""

    def record_of(self, words):
        here = self.box.path("here")
        p = self.box.start("--restart", "no", "--", sys.executable, "-c", self.SCRIPT, here, words)
        until("it blocks the signal", lambda: os.path.exists(here))
        p.send_signal(signal.SIGTERM)
        p.wait(60)
        return self.one_record()

    def test_one_that_has_only_said_hello_was_stopped(self):
        self.check_record(self.record_of('{"type":"hello","v":1}\n'), "cancelled", "cooperative")

    def test_one_that_has_begun_a_unit_was_cut(self):
        record = self.record_of('{"type":"begin","unit":"u"}\n')
        self.assertEqual((record["outcome"], record["lost"]), ("panicked", ["u"]))


if __name__ == "__main__":
    main()
