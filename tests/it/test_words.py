"""What workers say besides their units, and what taskd says to a service manager."""
import os, re, signal, socket
from harness import Case, WORKER, main, until


class FromWorkers(Case):
    def run_worker(self, *steps, **settings):
        c = self.box.config({"w": {"command": [WORKER, *steps], "restart": "no", **settings}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r

    def test_log_lines_carry_the_name(self):
        r = self.run_worker("ready", *[f'raw:{{"type":"log","level":"{level}","msg":"as {level}"}}' for level in ("error", "warning", "info", "debug")])
        for level in ("error", "warning", "info"):
            self.assertIn(f"taskd: w@1: as {level}\n", r.stderr)
        self.assertNotIn("as debug", r.stderr)

    def test_a_flood_of_log_lines_is_thinned_and_counted(self):
        one = '{"type":"log","msg":"flood"}'
        r = self.run_worker("ready", *["raw:" + "\n".join([one] * 500)] * 4, "work:100", f"raw:{one}")
        shown = r.stderr.count("w@1: flood")
        dropped = sum(map(int, re.findall(r"(\d+) log messages were dropped", r.stderr)))
        self.assertLess(shown, 400)
        self.assertEqual(shown + dropped, 2001)

    def test_status_text_and_heartbeat(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "status:warming up", 'raw:{"type":"heartbeat"}', "idle"]}})
        self.box.start("-c", c)
        self.box.until_task("says so", "w@1", lambda t: t["text"] == "warming up")

    def test_a_worker_that_asks_for_units_gets_the_end_of_them(self):
        r = self.run_worker("ready", "next", "echo:no more")
        self.assertEqual(r.stdout, "no more\n")

    def test_a_released_unit_is_not_lost(self):
        self.run_worker("ready", "begin:u", 'raw:{"type":"release","unit":"u"}', "work:50", "exit:0")
        self.assertEqual(self.one_record()["units"], {"done": 0, "failed": 0, "lost": 0})

    def test_a_failed_unit_is_counted_and_named(self):
        r = self.run_worker("ready", "begin:u", "fail:u", "result:null")
        self.assertEqual(self.one_record()["units"], {"done": 0, "failed": 1, "lost": 0})
        self.assertIn("unit u failed: as asked", r.stderr)

    def test_a_worker_may_ask_to_be_replaced(self):
        flag = self.box.path("flag")
        stop_me = '{"type":"stop_me","reason":"leaks"}'
        c = self.box.config({"w": {"command": ["sh", "-c", f"if test -e {flag}; then exec {WORKER} ready; fi; touch {flag}; exec {WORKER} ready 'raw:{stop_me}' idle"],
                                   "backoff": {"initial": "1ms"}}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 0, r.stderr)
        first, second = self.box.records()
        self.check_record(first, "cancelled", "cooperative")
        self.assertEqual(first["stop"]["reason"], "self")
        self.check_record(second, "ok")
        self.assertIn("leaks", r.stderr)

    def test_metrics_and_the_users_own_types_are_ignored(self):
        r = self.run_worker("ready", 'raw:{"type":"metric","name":"n","value":1}', 'raw:{"type":"x-y"}', "unit:u:0")
        self.assertNotIn("protocol error", r.stderr)


class ToTheServiceManager(Case):
    def listen(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.box.path("notify")
        s.bind(path)
        s.settimeout(0.2)
        self.addCleanup(s.close)
        self.said = ""

        def read():
            try:
                self.said += s.recv(4096).decode() + "\n"
            except TimeoutError:
                pass
            return self.said
        return path, read

    def test_ready_stopping_extend_and_status(self):
        path, read = self.listen()
        c = self.box.config({"w": {"command": [WORKER, "work:300", "ready", "loop:300"], "start_timeout": "30s", "stop_timeout": "40s"}})
        p = self.box.start("-c", c, env={"NOTIFY_SOCKET": path})
        self.box.until_task("up", "w@1", lambda t: t["pid"])
        if self.box.task("w@1")["state"] == "starting":
            self.assertNotIn("READY", self.said)
        until("READY=1", lambda: "READY=1\nSTATUS=1 task\n" in read())
        self.box.in_unit("w@1")
        p.send_signal(signal.SIGTERM)
        until("STOPPING=1", lambda: "STOPPING=1" in read())
        until("more time", lambda: "EXTEND_TIMEOUT_USEC=" in read())
        usec = int(re.search(r"EXTEND_TIMEOUT_USEC=(\d+)", self.said)[1])
        self.assertTrue(40e6 < usec <= 51e6, usec)
        self.assertRegex(self.said, r"STATUS=Stopping: w@1: \d+, ")
        self.assertEqual(p.wait(30), 0)

    def test_watchdog(self):
        path, read = self.listen()
        p = self.box.start("--", "sleep", "1000", env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
        until("a few beats", lambda: read().count("WATCHDOG=1") >= 3)
        self.assertIsNone(p.poll())

    def test_somebody_elses_watchdog_is_left_alone(self):
        path, read = self.listen()
        self.box.start("--", "sleep", "1000", env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
        until("READY=1", lambda: "READY=1" in read())
        for _ in range(3):
            read()
        self.assertNotIn("WATCHDOG", self.said)

    def test_a_manager_that_does_not_listen_costs_one_line(self):
        for where in ("/nonexistent/notify", "relative", "@taskd-test-nobody"):
            with self.subTest(where=where):
                r = self.box.cli("run", "--", "true", env={"NOTIFY_SOCKET": where})
                self.assertEqual(r.returncode, 0, r.stderr)
                self.assertEqual(r.stderr.count("does not listen"), 1, r.stderr)

    def test_hangup_is_a_stop_for_one_command_and_a_reload_for_a_daemon(self):
        p = self.box.start("--", "sleep", "1000")
        self.box.until_task("runs", "sleep@1", lambda t: t["state"] == "running")
        p.send_signal(signal.SIGHUP)
        self.assertEqual(p.wait(30), 129)
        q = self.box.start("-c", self.box.config({"w": {"command": ["sleep", "1000"]}}))
        q.send_signal(signal.SIGHUP)
        until("it reads its configuration again", lambda: "1 unchanged" in self.box.err())
        self.assertEqual(self.box.task("w@1")["state"], "running")


if __name__ == "__main__":
    main()
