#!/usr/bin/env python3
"""sdk/shell: what a bash script may do that no other language does (subshells, set -e), and the recipe for other shells."""
import os, re, shutil, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from harness import Case, main, until

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.join(HERE, "..", "..", "sdk", "shell")
SOURCE = f". '{os.path.join(SDK, 'taskd.sh')}'\n"
STRICT = "set -euo pipefail\n"
POSIX = [shell for shell in ("dash", "ksh", "mksh", "zsh") if shutil.which(shell)] or ["sh"]


def readme_script(language):
    with open(os.path.join(SDK, "README.md")) as f:
        return re.search(rf"```{language}\n(.*?)```", f.read(), re.S)[1]


class Shell(Case):
    def worker(self, text, shell=("bash",), **keys):
        path = self.box.path("script")
        with open(path, "w") as f:
            f.write(text)
        box_worker = {"command": [*shell, path], "restart": "no", "env": {"MEET": self.box.path("meet")}, **keys}
        return self.box.start("-c", self.box.config({"w": box_worker, "k": {"command": ["sleep", "1000"]}}))

    def by_hand(self, text, *argv, env=None, shell=("bash",)):
        return subprocess.run([*shell, "-c", text, "script", *argv], capture_output=True, text=True, timeout=60, env={**self.box.env(), **(env or {})}, cwd=self.box.dir)

    def record(self):
        until("its life is over", lambda: any(r["worker"] == "w" for r in self.box.records()))
        return next(r for r in self.box.records() if r["worker"] == "w")

    def lines(self):
        with open(self.box.path("out")) as f:
            return f.read().splitlines()

    def stop(self):
        self.box.post("/v1/workers/w/stop", {"wait": False})

    def stopped_in(self, unit, text, **more):
        """Asks for a stop while the unit is in flight. The unit goes on when $MEET is there."""
        self.worker(text, **more)
        self.box.in_unit("w@1", unit)
        self.stop()
        self.box.until_task("it is asked to stop", "w@1", lambda j: j["stop"])
        open(self.box.path("meet"), "w").close()
        return self.record()

    GATE = 'gate() { while [ ! -e "$MEET" ]; do sleep 0.01; done; }\n'
    LOOP = """while read -r unit; do
      if taskd_should_stop; then break; fi
      taskd_begin "$unit" || break
      gate
      taskd_end "$unit"
    done
    """

    def test_a_loop_behind_a_pipe_hears_the_stop_and_so_does_the_script(self):
        r = self.stopped_in("1", STRICT + SOURCE + self.GATE + "{ seq 5; sleep 0.1; } | " + self.LOOP + "taskd_should_stop && echo it knows; taskd_result 1")
        self.assertEqual((r["outcome"], r["units"]["done"], r["lost"], r["value"]), ("cancelled", 1, [], 1))
        self.assertTrue(r["stop"]["acked"])
        self.assertEqual(self.lines(), ["it knows"])

    def test_what_prints_takes_no_stop_away(self):
        r = self.stopped_in("u", SOURCE + self.GATE + 'taskd_begin u; gate; left=$(taskd_remaining_ms); taskd_end u\n[ "$left" -gt 0 ] && echo a while\ntaskd_should_stop && echo a stop')
        self.assertEqual((r["outcome"], self.lines()), ("cancelled", ["a while", "a stop"]))
        self.assertTrue(r["stop"]["acked"])

    def test_a_job_in_the_background_waits_for_the_stop(self):
        self.worker(SOURCE + '( taskd_wait; echo asked ) &\ntouch "$MEET"; wait\ntaskd_should_stop && echo so it is')
        until("it waits", lambda: os.path.exists(self.box.path("meet")))
        self.stop()
        self.record()
        self.assertEqual(self.lines(), ["asked", "so it is"])

    def test_losing_taskd_in_a_subshell_cuts_nothing(self):
        self.worker(STRICT + SOURCE + self.GATE + 'seq 5 | while read -r u; do taskd_begin "$u" || break; gate; taskd_end "$u" || echo "$TASKD_ERROR"; taskd_should_stop && break; done\necho in order')
        self.box.in_unit("w@1", "1")
        self.box.procs[-1].kill()
        self.box.procs[-1].wait()
        open(self.box.path("meet"), "w").close()
        until("it has left", lambda: self.lines() == ["EPIPE", "in order"])

    def test_a_child_dies_of_a_broken_pipe_as_ever(self):
        self.worker(SOURCE + 'yes | head -n 1; echo "${PIPESTATUS[*]}"')
        self.record()
        self.assertEqual(self.lines(), ["y", "141 0"])

    def test_a_trap_of_the_scripts_own_stays(self):
        self.worker("trap 'echo mine' PIPE\n" + SOURCE + "taskd_heartbeat; kill -PIPE $$")
        self.record()
        self.assertEqual(self.lines(), ["mine"])

    def test_sourced_twice_it_is_still_one_worker(self):
        self.worker(SOURCE + "taskd_begin a\n" + SOURCE + "taskd_end a; (" + SOURCE.strip() + "; taskd_begin b; taskd_end b)")
        r = self.record()
        self.assertEqual((r["outcome"], r["units"], r["lost"]), ("ok", {"done": 2, "failed": 0, "lost": 0}, []))

    def test_a_failed_command_is_a_failed_unit(self):
        self.worker(SOURCE + "taskd_begin u; (exit 3); taskd_end u $?")
        r = self.record()
        self.assertEqual((r["outcome"], r["units"]["failed"]), ("ok", 1))

    def test_the_strict_mode_of_a_script_by_hand(self):
        r = self.by_hand(STRICT + SOURCE + "taskd_ready; taskd_begin u; taskd_progress u 1 -1; taskd_end u; taskd_log 6 hi; taskd_input; taskd_result null; echo done")
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "null\ndone\n", ""))

    def test_a_descriptor_that_is_none(self):
        for fd in ("", "x", "9999", "2; touch oops", "1"):
            with self.subTest(fd=fd):
                r = self.by_hand(SOURCE + 'echo "$TASKD_ERROR"; taskd_begin u && echo on', env={"TASKD_FD": fd})
                self.assertEqual((r.stdout, r.stderr), ("EBADF\non\n", ""))
        self.assertFalse(os.path.exists(self.box.path("oops")))

    def test_what_is_json(self):
        good = ["1", "-0.5e+3", '"a\\u00e9\\""', "[]", "{}", '[1,{"a":[null,true]}, "]"]', ' {"a" : 1}\n', '"[1"', '{"true":false}']
        bad = ["", "01", "1.", "+1", "nul", '"', "[1,]", "{,}", '{"a"}', '{1:2}', "[1 2]", "1 2", '"a\nb"', '"\\x"', "tru e", "[" * 17 + "]" * 17, '"\\u12"', "s", "v", "[v]"]
        for want, texts in (("yes", good), ("no", bad)):
            for text in texts:
                with self.subTest(text=text):
                    r = self.by_hand(SOURCE + 'if taskd_result "$1"; then echo yes; else echo no; fi', text)
                    self.assertEqual((r.stdout, r.stderr), (want + "\n", ""))

    def test_the_page_s_script(self):
        for name in ("a b.txt", "'\"$(touch oops).txt", "ü.txt"):
            with open(self.box.path(name), "w") as f:
                f.write(name)
        self.worker(readme_script("bash").replace("/usr/share/taskd/taskd.sh", os.path.join(SDK, "taskd.sh")), cwd=self.box.dir)
        r = self.record()
        self.assertEqual((r["outcome"], r["units"]), ("ok", {**r["units"], "done": 3, "failed": 0}))
        self.assertTrue(os.path.exists(self.box.path("ü.txt.gz")))

    def test_the_recipe_by_hand(self):
        r = self.by_hand(readme_script("sh").replace("sleep 1\n", 'echo "$unit"\n'), shell=POSIX[:1])
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "a\nb\nc\nd\n", ""))


def add_recipe(shell):
    def test(self):
        r = self.stopped_in("a", readme_script("sh").replace("sleep 1\n", 'while [ ! -e "$MEET" ]; do sleep 0.01; done\n'), shell=[shell])
        self.assertEqual((r["outcome"], r["units"]["done"], r["lost"]), ("cancelled", 1, []))
        self.assertTrue(r["stop"]["acked"])
    setattr(Shell, f"test_the_recipe_for_{shell}", test)


for posix in POSIX:
    add_recipe(posix)

if __name__ == "__main__":
    main()
