#!/usr/bin/env python3
"""Workers that speak sd_notify(3): what they say is heard, and only from them."""
import os, shutil, signal, socket, sys, textwrap, unittest

from harness import main, until
from programs import Programs, fresh_box

NOTIFY = """
import os, signal, socket, sys, time
def say(*lines, fds=(),):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        socket.send_fds(s, ["\\n".join(lines).encode()], fds)
def barrier():
    r, w = os.pipe()
    say("BARRIER=1", fds=[w])
    os.close(w)
    assert os.read(r, 1) == b""
def put(*what):
    print(*what, flush=True)
def wait():
    while True:
        time.sleep(1000)
"""


class Notify(Programs):
    """Programs that were written for systemd's Type=notify."""

    def python(self, text, **keys):
        path = self.write("w.py", NOTIFY + textwrap.dedent(text))
        return self.begin([sys.executable, path], channel="sd_notify", **keys)

    def sockets(self):
        folder = self.box.sock + ".notify"
        return [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []

    def test_ready_status_stopping(self):
        taskd = self.python("""
            def stop(*a):
                say("STOPPING=1", "STATUS=on its way")
                put("stopping")
                time.sleep(0.3)
                put("finished")
                sys.exit(0)
            signal.signal(signal.SIGTERM, stop)
            say("STATUS=Zähle bis drei")
            put("up")
            while not os.path.exists(sys.argv[0] + ".go"):
                time.sleep(0.01)
            say("READY=1")
            wait()
            """)
        self.until_out("up")
        self.box.until_task("shows its words", "w@1", lambda t: t["text"] == "Zähle bis drei")
        self.assertEqual(self.box.task("w@1")["state"], "starting")
        self.write("w.py.go", "")
        self.until_state("running")
        record = self.stop(taskd)
        self.check_record(record, "cancelled", "cooperative")
        self.assertTrue(record["stop"]["acked"])
        self.assertIn("stopping\nfinished", self.box.out())
        self.assertEqual(self.sockets(), [])

    def test_an_end_by_the_stop_signal_is_cooperative(self):
        taskd = self.python("say('READY=1'); wait()", stop_signal="INT")
        self.until_state("running")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")

    def test_one_that_is_never_ready(self):
        taskd = self.python("say('STATUS=hm'); wait()", start_timeout="300ms")
        self.assertEqual(taskd.wait(60), 1)
        self.check_record(self.one_record(), "panicked", cause="start_timeout")

    def test_more_time_to_start(self):
        taskd = self.python("say('EXTEND_TIMEOUT_USEC=60000000'); barrier(); time.sleep(3.5); say('READY=1'); wait()",
                            start_timeout="3s")
        self.until_state("running")
        self.stop(taskd)

    def test_more_time_to_stop(self):
        taskd = self.python("""
            def stop(*a):
                say("EXTEND_TIMEOUT_USEC=60000000"); barrier(); time.sleep(3.5); put("finished"); sys.exit(0)
            signal.signal(signal.SIGTERM, stop)
            say("READY=1")
            wait()
            """, stop_timeout="3s")
        self.until_state("running")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")
        self.assertIn("finished", self.box.out())

    def test_strangers_are_not_heard(self):
        taskd = self.python("put('up'); wait()", start_timeout="infinity")
        self.until_out("up")
        (path,) = self.sockets()
        for _ in range(3):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.sendto(b"READY=1\nSTATUS=taken over\nMAINPID=%d" % os.getpid(), path)
        until("it is said", lambda: f"process {os.getpid()}" in self.box.err())
        task = self.box.task("w@1")
        self.assertEqual((task["state"], task["text"]), ("starting", None))
        self.stop(taskd)
        self.assertEqual(self.box.err().count("NOTIFY_SOCKET"), 1)

    def test_all_of_its_own_are_heard(self):
        """A child, one in a session of its own, and an orphan that has left it."""
        for how in ("pass", "os.setsid()", "os.setsid(); os.fork() and os._exit(0)"):
            with self.subTest(how), fresh_box(self):
                taskd = self.python(f"""
                    if os.fork() == 0:
                        first = os.getpid()
                        {how}
                        while os.getppid() == first:
                            time.sleep(0.01)
                        say("READY=1", "STATUS=from below")
                        wait()
                    wait()
                    """)
                self.until_state("running")
                self.assertEqual(self.box.task("w@1")["text"], "from below")
                self.stop(taskd)

    @unittest.skipUnless(shutil.which("systemd-notify"), "needs systemd-notify")
    def test_a_script_with_systemd_notify(self):
        """Each call is a process that is gone soon; it waits for the barrier."""
        taskd = self.begin(["sh", "-c", "systemd-notify --status=soon; systemd-notify --ready --status=up; exec sleep 1000"],
                           channel="sd_notify")
        self.until_state("running")
        self.assertEqual(self.box.task("w@1")["text"], "up")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_one_that_becomes_another_user(self):
        os.chmod(self.box.dir, 0o711)
        taskd = self.python("os.setgid(65534); os.setuid(65534); say('READY=1'); wait()")
        self.until_state("running")
        self.stop(taskd)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_user_that_cannot_get_there_is_told_of(self):
        taskd = self.begin(["sleep", "1000"], channel="sd_notify", user="65534", group="65534")
        self.assertIn("may not be able to reach its NOTIFY_SOCKET", self.box.err())
        self.stop(taskd)

    def test_the_main_process_gets_the_signal(self):
        """The wrapper would die of it and leave its program to be killed in mid-work."""
        self.write("main.py", NOTIFY + textwrap.dedent("""
            def stop(*a):
                time.sleep(0.3); put("finished"); sys.exit(0)
            signal.signal(signal.SIGTERM, stop)
            say("READY=1", f"MAINPID={os.getpid()}")
            wait()
            """))
        taskd = self.begin(["sh", "-c", f"{sys.executable} {self.box.path('main.py')}; echo after; exit 0"], channel="sd_notify")
        self.until_state("running")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")
        self.assertIn("finished\nafter", self.box.out())

    def test_a_main_process_of_somebody_elses_is_refused(self):
        taskd = self.python(f"say('READY=1', 'MAINPID={os.getpid()}'); barrier(); say('MAINPID=1'); barrier(); put('up'); wait()")
        self.until_out("up")
        self.assertIn(f"MAINPID={os.getpid()}", self.box.err())
        self.check_record(self.stop(taskd), "cancelled", "cooperative")

    def test_the_watchdog(self):
        self.python("""
            put("env", os.environ["WATCHDOG_USEC"], os.environ["WATCHDOG_PID"] == str(os.getpid()))
            say("READY=1")
            for _ in range(30):
                time.sleep(0.1); say("WATCHDOG=1")
            put("silent"); say("STATUS=alive, and no sign of it"); wait()
            """, watchdog_timeout="2s").wait(60)
        self.assertIn("env 2000000 True\nsilent", self.box.out())
        self.check_record(self.one_record(), "panicked", cause="watchdog")

    def test_silence_counts_from_ready_on(self):
        taskd = self.python("""
            time.sleep(2.5)
            say("READY=1")
            time.sleep(0.5)
            say("WATCHDOG_USEC=0")
            barrier(); put("up"); wait()
            """, watchdog_timeout="2s")
        self.until_out("up")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")

    def test_a_watchdog_of_its_own_choice(self):
        self.python("say('READY=1', 'WATCHDOG_USEC=300000'); wait()").wait(60)
        self.check_record(self.one_record(), "panicked", cause="watchdog")

    def test_a_watchdog_that_is_switched_off(self):
        taskd = self.python("say('READY=1', 'WATCHDOG_USEC=0'); time.sleep(1); put('up'); wait()", watchdog_timeout="300ms")
        self.until_out("up")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")

    def test_it_pulls_the_trigger_itself(self):
        self.python("say('READY=1'); say('WATCHDOG=trigger'); wait()").wait(60)
        record = self.one_record()
        self.check_record(record, "panicked", cause="watchdog")
        self.assertEqual(record["exit"]["signal"], signal.SIGABRT)

    def test_while_it_stops_only_the_grace_counts(self):
        taskd = self.python("""
            def stop(*a):
                time.sleep(2.5); put("finished"); sys.exit(0)
            signal.signal(signal.SIGTERM, stop)
            say("READY=1", "WATCHDOG=1")
            while True:
                time.sleep(0.1); say("WATCHDOG=1")
            """, watchdog_timeout="2s")
        self.until_state("running")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")
        self.assertIn("finished", self.box.out())

    def test_its_last_words(self):
        self.python("say('READY=1'); say('STATUS=no room', 'ERRNO=28'); sys.exit(3)").wait(60)
        record = self.one_record()
        self.check_record(record, "failed")
        self.assertEqual(record["error"]["message"], "exit status 3; it says: No space left on device")

    def test_hostile_bytes_and_descriptors(self):
        """Nothing is kept open, nothing is believed, and the rest of it is still heard."""
        taskd = self.python("""
            import random
            random.seed(1)
            name = os.environ["NOTIFY_SOCKET"]
            def raw(data, fds=()):
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                    s.connect(name)
                    socket.send_fds(s, [data], fds)
            for data in (b"", b"\\0", b"READY=1\\0STATUS=x", b"=" * 4096, b"A\\n" * 2048, b"STATUS=" + b"x" * 5000,
                         b"READY=1\\n" + b"x" * 4096, b"STATUS=\\xff", b"MAINPID=99999999999999999999",
                         b"WATCHDOG_USEC=18446744073709551616", b"EXTEND_TIMEOUT_USEC=-1"):
                raw(data)
            for _ in range(300):
                raw(bytes(random.choice(b"READY=STAU\\n\\0\\xff") for _ in range(random.randrange(100))))
            raw(b"X_MINE=1", [0] * 253)
            raw(b"FDSTORE=1", [0, 1, 2])
            barrier()
            put("up")
            while not os.path.exists(sys.argv[0] + ".go"):
                time.sleep(0.01)
            say("READY=1", "STATUS=well")
            wait()
            """)
        self.until_out("up")
        self.assertEqual(self.box.task("w@1")["state"], "starting")
        self.assertLess(len(os.listdir(f"/proc/{taskd.pid}/fd")), 40)
        self.write("w.py.go", "")
        self.until_state("running")
        self.box.until_task("shows its words", "w@1", lambda t: t["text"] == "well")
        self.stop(taskd)

    def test_the_path_is_absolute_private_and_cleared(self):
        """Also what a taskd that was killed has left."""
        self.box.sock = "t.sock"
        run = lambda: self.box.start("-c", self.box.config(
            {"w": {"command": ["sh", "-c", "echo $NOTIFY_SOCKET; exec sleep 1000"], "channel": "sd_notify", "cwd": "/"}}),
            cwd=self.box.dir, ready=False)
        first = run()
        until("it has printed its path", lambda: self.box.out().strip())
        folder, name = os.path.split(self.box.out().strip())
        self.assertEqual((folder, name), (self.box.path("t.sock.notify"), "1"))
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o711)
        self.write("t.sock.notify/keep", "")
        os.rename(os.path.join(folder, "1"), os.path.join(folder, "left"))
        first.kill()
        first.wait()
        second = run()
        until("the second has begun", lambda: self.box.out().count("notify/1"))
        until("what was left is gone", lambda: sorted(os.listdir(folder)) == ["1", "keep"])
        os.unlink(os.path.join(folder, "keep"))
        second.send_signal(signal.SIGTERM)
        second.wait(60)
        self.assertFalse(os.path.exists(folder))

    def test_a_folder_of_somebody_elses_is_refused(self):
        os.symlink("/tmp", self.box.sock + ".notify")
        taskd = self.python("wait()")
        taskd.wait(60)
        self.assertIn("open its NOTIFY_SOCKET", self.one_record()["error"]["message"])
        self.check_record(self.one_record(), "unstarted")

    def test_a_path_that_is_too_long_is_told(self):
        self.box.sock = self.box.path("x" * (100 - len(self.box.dir)))
        self.python("wait()").wait(60)
        self.assertIn("File name too long", self.one_record()["error"]["message"])


if __name__ == "__main__":
    main()
