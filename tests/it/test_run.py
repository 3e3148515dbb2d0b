"""taskd run: one command, and a configuration."""
import json, os, signal, subprocess
from harness import Case, TASKD, Terminal, WORKER, alive, main, until


class OneCommand(Case):
    def run_command(self, *command, options=(), **kw):
        return self.box.cli("run", *options, "--", *command, **kw)

    def test_ok(self):
        r = self.run_command("true")
        self.assertEqual(r.returncode, 0, r.stderr)
        record = self.one_record()
        self.check_record(record, "ok")
        self.assertEqual(record["handle"], "true@1#1")
        self.assertEqual(record["exit"], {"code": 0, "signal": None, "core": False})

    def test_failed_gives_its_own_code(self):
        r = self.run_command("sh", "-c", "exit 7")
        self.assertEqual(r.returncode, 7)
        record = self.one_record()
        self.check_record(record, "failed")
        self.assertEqual(record["error"], {"type": "failed", "message": "exit status 7"})

    def test_panicked_gives_128_and_the_signal(self):
        r = self.run_command("sh", "-c", "kill -SEGV $$")
        self.assertEqual(r.returncode, 128 + signal.SIGSEGV)
        self.check_record(self.one_record(), "panicked")

    def test_unstarted_says_why(self):
        text, noexec = self.box.path("text"), self.box.path("noexec")
        with open(text, "w") as f:
            f.write("not a program")
        with open(noexec, "w") as f:
            f.write("nonsense")
        os.chmod(noexec, 0o755)
        rows = [("/nonexistent", 127, "ENOENT"), ("no-such-program", 127, "ENOENT"), (text, 126, "EACCES"), (noexec, 126, "ENOEXEC")]
        for command, status, name in rows:
            with self.subTest(command=command):
                r = self.run_command(command)
                self.assertEqual(r.returncode, status, r.stderr)
                record = self.box.records()[-1]
                self.check_record(record, "unstarted")
                self.assertEqual(record["error"]["type"], name)
                self.assertIsNone(record["exit"])
                self.assertIn("cannot start", r.stderr)

    def test_result_goes_where_it_was_asked_for(self):
        r = self.run_command(WORKER, 'result:{"n":[1,2]}', options=["--result", "-"])
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(json.loads(r.stdout)["value"], {"n": [1, 2]})
        path = self.box.path("result.json")
        self.run_command(WORKER, "partial:3", options=["--result", path])
        with open(path) as f:
            self.assertEqual(json.load(f)["value"], 3)

    def test_stdin_is_passed_on_when_it_is_no_terminal(self):
        r = self.run_command("cat", stdin="words\n")
        self.assertEqual(r.stdout, "words\n")

    def test_restart_until_the_limit(self):
        r = self.run_command("sh", "-c", "exit 3", options=["--restart", "on-failure", "--backoff-initial", "1ms", "--backoff-max", "2ms",
                                                            "--restart-limit-count", "4"])
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertEqual([x["attempt"] for x in self.box.records()], [1, 2, 3, 4, 5])
        self.assertIn("restarted 4 times", r.stderr)

    def test_numbers_never_repeat(self):
        for _ in range(3):
            self.run_command("true")
        self.assertEqual([x["handle"] for x in self.box.records()], ["true@1#1", "true@1#2", "true@1#3"])

    def test_a_state_directory_that_cannot_be_is_an_error(self):
        with open(self.box.state, "w"):
            pass
        r = self.run_command("true")
        self.assertEqual(r.returncode, 125)
        self.assertIn("state directory", r.stderr)

    def test_usage_errors_are_125_and_say_what_is_near(self):
        for argv, words in [((["run", "--restrt", "no", "--", "true"]), "--restart"), ((["run", "--restart", "maybe", "--", "true"]), "on-failure"),
                            ((["run", "--"]), "missing"), ((["statu"]), "status"),
                            ((["run", "-c", "x.json", "--", "true"]), "not both")]:
            with self.subTest(argv=argv):
                r = self.box.cli(*argv)
                self.assertEqual(r.returncode, 125, r.stderr)
                self.assertIn(words, r.stderr)

    def test_a_program_that_knows_nothing_ends_at_once(self):
        for signo, status in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            p = self.box.start("--", "sleep", "1000")
            self.box.until_task("runs", "sleep@1", lambda t: t["state"] == "running")
            p.send_signal(signo)
            self.assertEqual(p.wait(30), status)
            self.check_record(self.box.records()[-1], "cancelled", "cooperative")

    def test_a_second_taskd_takes_a_socket_of_its_own(self):
        """TASKD_SOCKET and --socket are a choice; only the default gives way. XDG_RUNTIME_DIR makes it ours, so not as root."""
        if os.geteuid() == 0:
            as_user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            os.chmod(self.box.dir, 0o777)
        else:
            as_user = []
        argv = [*as_user, TASKD, "--state-dir", self.box.path("second"), "run", "--", "sleep", "1000"]
        env = self.box.env(XDG_RUNTIME_DIR=self.box.dir)
        for i in range(2):
            with open(self.box.path(f"err{i}"), "w") as err:
                self.box.procs.append(subprocess.Popen(argv, stderr=err, env=env))
            if i == 0:
                until("the default socket", lambda: os.path.exists(self.box.path("taskd", "taskd.sock")))
        own = self.box.path("taskd", f"taskd-{self.box.procs[1].pid}.sock")
        until("a socket beside it", lambda: os.path.exists(own))
        with open(self.box.path("err1")) as f:
            self.assertIn(own, f.read())

    def test_the_loser_of_a_double_start_changes_nothing(self):
        first = self.box.start("--", "sleep", "1000")
        before = self.box.status()["daemon"]["pid"]
        r = self.box.cli("run", "--", "true")
        self.assertEqual(r.returncode, 125, r.stderr)
        self.assertIn("another taskd", r.stderr)
        self.assertEqual(self.box.status()["daemon"]["pid"], before)
        self.assertEqual(self.box.records(), [])
        self.assertIsNone(first.poll())


class Child(Case):
    """What a worker finds when it wakes up."""

    def setUp(self):
        super().setUp()
        self.dump = self.box.path("dump")

    def worker_env(self, env, options=()):
        r = self.box.cli("run", *options, "--", WORKER, "env", env=env)
        self.assertEqual(r.returncode, 0, r.stderr)
        return dict(line.split("=", 1) for line in r.stdout.splitlines())

    def test_the_managers_variables_stay_behind(self):
        env = {"NOTIFY_SOCKET": "/nonexistent", "WATCHDOG_USEC": "1000000000", "LISTEN_FDS": "1", "JOURNAL_STREAM": "1:2", "MINE": "yes"}
        got = self.worker_env(env)
        self.assertEqual(got["MINE"], "yes")
        for name in env:
            if name != "MINE":
                self.assertNotIn(name, got)

    def test_env_inherit_false_leaves_the_definition_alone(self):
        got = self.worker_env({"MINE": "yes"}, ["--env-inherit", "false", "--env", "A=b"])
        own = {k for k in got if not k.startswith("TASKD_")}
        self.assertEqual(own - {"LSAN_OPTIONS"}, {"A"})

    def test_env_inherit_list(self):
        got = self.worker_env({"MINE": "yes", "OTHER": "no"}, ["--env-inherit", "MINE,PATH"])
        self.assertEqual(got["MINE"], "yes")
        self.assertNotIn("OTHER", got)

    def test_the_protocols_variables(self):
        got = self.worker_env({}, ["--name", "w", "--stop-timeout", "7s"])
        self.assertEqual({k: v for k, v in got.items() if k.startswith("TASKD_") and k != "TASKD_FD"},
                         {"TASKD_ID": "w@1", "TASKD_HANDLE": "w@1#1", "TASKD_ATTEMPT": "1", "TASKD_PROTO": "1", "TASKD_GRACE_MS": "7000"})

    def test_input_is_handed_over(self):
        r = self.box.cli("run", "--input", '{"any": ["JSON", 1]}', "--", WORKER, "input")
        self.assertEqual(json.loads(r.stdout), {"any": ["JSON", 1]})

    def test_cwd_umask_limits(self):
        r = self.box.cli("run", "--cwd", "/usr", "--umask", "027", "--limits", "nofile=77", "--channel", "none", "--",
                         "sh", "-c", "pwd; umask; ulimit -n; exec ls /proc/self/fd")
        self.assertEqual(r.stdout, "/usr\n0027\n77\n0\n1\n2\n3\n", r.stderr)   # 3 is ls's own

    def test_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: switches to another user")
        r = self.box.cli("run", "--user", "nobody", "--channel", "none", "--", "sh", "-c", "id -un; id -Gn; echo $HOME $USER")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stdout.split()[0], "nobody")
        self.assertEqual(r.stdout.split()[-1], "nobody")


class Configuration(Case):
    def test_ends_when_every_worker_has_ended_ok(self):
        c = self.box.config({"a": {"command": ["true"], "replicas": 3}, "b": {"command": [WORKER, "ready", "unit:x:1"]}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(sorted(x["id"] for x in self.box.records()), ["a@1", "a@2", "a@3", "b@1"])
        self.assertIn("1 unit done, 0 failed, nothing lost", r.stderr)

    def test_ends_with_1_when_one_failed_for_good(self):
        c = self.box.config({"a": {"command": ["true"]}, "b": {"command": ["sh", "-c", "exit 2"], "restart": "no"}})
        self.assertEqual(self.box.cli("run", "-c", c).returncode, 1)

    def test_a_worker_that_crashes_is_restarted_and_its_unit_done_again(self):
        flag = self.box.path("flag")
        c = self.box.config({"w": {"command": ["sh", "-c", f'if test -e {flag}; then exec {WORKER} ready unit:x:1; '
                                                           f'else exec {WORKER} ready touch:{flag} begin:x raise:9; fi'],
                                   "backoff": {"initial": "1ms"}}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 0, r.stderr)
        first, second = self.box.records()
        self.check_record(first, "panicked")
        self.assertEqual(first["unit"]["id"], "x")
        self.assertEqual(first["lost"], ["x"])
        self.check_record(second, "ok")
        self.assertIn("nothing lost", r.stderr)

    def test_a_unit_nobody_does_again_is_named(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "begin:precious.jpg", "raise:9"], "restart": "no"}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 1)
        self.assertIn("cut in the middle: precious.jpg (w@1#1)", r.stderr)

    def test_log_to_a_file_and_to_null(self):
        log = self.box.path("w.log")
        c = self.box.config({"w": {"command": ["sh", "-c", "echo out; echo err >&2"], "log": {"to": "file", "file": log}},
                             "n": {"command": ["echo", "nothing"], "log": {"to": "null"}}})
        r = self.box.cli("run", "-c", c)
        with open(log) as f:
            self.assertRegex(f.read(), r"^\S+Z w@1 \[\] out\n\S+Z w@1 \[\] err\n$")
        self.assertEqual(r.stdout, "")

    def test_at_a_terminal_lines_carry_the_name(self):
        c = self.box.config({"w": {"command": ["echo", "hello"], "replicas": 2}})
        t = Terminal(self.box.argv("run", "-c", c), self.box.env(TERM="xterm"))
        self.assertEqual(t.wait(), 0, t.text)
        self.assertIn("w@1 │ hello", t.text)
        self.assertIn("w@2 │ hello", t.text)

    def test_start_timeout_without_ready_is_a_panic(self):
        c = self.box.config({"w": {"command": ["sleep", "1000"], "start_timeout": "50ms", "restart": "no"}})
        self.assertEqual(self.box.cli("run", "-c", c).returncode, 1)
        self.check_record(self.one_record(), "panicked", None, "start_timeout")

    def test_start_timeout_with_ready_is_none(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "idle"], "start_timeout": "30s"}})
        p = self.box.start("-c", c)
        self.assertTrue(self.box.until_task("ready", "w@1", lambda t: t["ready"])["state"] == "running")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(30), 0)

    def test_unit_timeout_ends_the_life_and_names_the_unit(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "begin:slow", "work:100000"], "unit_timeout": "50ms", "restart": "no"}})
        self.assertEqual(self.box.cli("run", "-c", c).returncode, 1)
        record = self.one_record()
        self.check_record(record, "panicked", None, "unit_timeout")
        self.assertEqual(record["unit"]["id"], "slow")

    def test_a_bad_configuration_starts_nothing(self):
        c = self.box.config({"w": {"command": ["touch", self.box.path("started")], "replcas": 2}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 125)
        self.assertIn("replicas", r.stderr)
        self.assertFalse(os.path.exists(self.box.path("started")))


class Protocol(Case):
    """A worker that talks nonsense costs nobody but itself, and not even that by default."""

    def test_garbage_is_counted_and_answered(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "raw:garbage", 'raw:{"type":"x-mine"}', "unit:u:0", "result:1"]}})
        r = self.box.cli("run", "-c", c)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stderr.count("protocol error"), 1, r.stderr)
        self.check_record(self.one_record(), "ok")

    def test_escapes_do_not_reach_the_log(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "raw:\x1b[31mred\x07"]}})
        r = self.box.cli("run", "-c", c)
        self.assertNotIn("\x1b", r.stderr)
        self.assertIn("\\x1B[31mred\\x07", r.stderr)

    def test_on_protocol_error_stop(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", *["raw:bad"] * 12, "idle"], "on_protocol_error": "stop", "restart": "no"}})
        r = self.box.cli("run", "-c", c)
        self.check_record(self.one_record(), "cancelled", "cooperative")
        self.assertEqual(self.one_record()["stop"]["reason"], "protocol")

    def test_unit_ids_of_any_bytes(self):
        name = b"\xff\xfe odd \"name\".jpg".decode("utf-8", "surrogateescape")
        c = self.box.config({})
        r = self.box.cli("run", "--", WORKER, "ready", f"begin:{name}", "raise:9")
        self.assertEqual(self.one_record()["unit"]["id"], "\ufffd\ufffd odd \"name\".jpg", r.stderr)
        del c

    def test_descriptors_come_back(self):
        c = self.box.config({"w": {"command": [WORKER, "ready", "exit:0"], "restart": "always", "backoff": {"initial": "1ms", "max": "1ms"},
                                   "restart_limit": {"count": 100000, "interval": "1s"}}, "idle": {"command": ["sleep", "1000"]}})
        p = self.box.start("-c", c)
        count = lambda: len(os.listdir(f"/proc/{p.pid}/fd"))
        until("a few lives", lambda: self.box.task("w@1")["restarts"] > 20)
        before = max(count() for _ in range(10))
        until("many lives", lambda: self.box.task("w@1")["restarts"] > 200)
        until("no more descriptors than before", lambda: count() <= before)
        self.assertTrue(alive(p.pid))


if __name__ == "__main__":
    main()
