#!/usr/bin/env python3
"""broken_rules.py [CASE...]: breaks taskd in one place a case of test_conformance.py, and sees the case fail in every language.

A test that cannot fail proves nothing. For each case there is a bug here that the case exists to find: where a daemon can
break the rule the bug is in src/taskd, else in each SDK. The tree is copied, built once, and from there one file at a time.
Not part of `make check`: `make broken-rules` takes some ten minutes."""
import os, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_conformance import LANGUAGES, TABLE

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PATIENCE = "5"
TALK, MESSAGE, LIFE, LAUNCH = "src/taskd/talk.c", "src/taskd/message.c", "src/taskd/life.c", "src/taskd/launch.c"
HANDLE, INBOX, PYTHON, NODE, SHELL = "src/libtaskd/handle.c", "src/libtaskd/inbox.c", "sdk/python/taskd.py", "sdk/node/index.js", "sdk/shell/taskd.sh"


# case -> the bug: [(file, what stands there, what stands there instead)]
BUGS = {
    "what hello says": [(TALK, 'put_json(&o, "input", t->input ? t->input : t->config->input);', "")],
    "nothing is set": [(LAUNCH, "if (c->watchdog_timeout != DURATION_INFINITY)\n        env_printf(e, PROTO_ENV", "env_printf(e, PROTO_ENV")],
    "ready": [(TALK, "    (void)m;\n    talk_ready(t);\n", "    (void)m;\n    (void)t;\n")],
    "units are counted": [(TALK, "units_end(&t->life.units, m->unit, m->ok,", "units_end(&t->life.units, m->unit, true,")],
    "a unit in flight is seen": [(TALK, "m->unit, m->done, m->total, m->msg", "m->unit, m->total, m->done, m->msg")],
    "a strange name arrives whole": [(TALK, "units_begin(&t->life.units, m->unit,", "units_begin(&t->life.units, text_printable(m->unit, strlen(m->unit), (char[SHOWN]){0}, SHOWN),")],
    "several are open at once": [("src/taskd/units.c", "    if (find(u, id))\n", "    if (u->open_count)\n")],
    "an open unit is lost with the worker": [(LIFE, "    for (size_t i = 0; i < l->units.open_count; i++)\n        json_array", "    for (size_t i = 1; i < l->units.open_count; i++)\n        json_array")],
    "a stop waits for the unit, and no other begins": [("src/taskd/task.c", "DURATION_INFINITY : start + grace;", "DURATION_INFINITY : start;")],
    "a stop is acknowledged when it is seen": [(TALK, "    if (t->life.stop_pending)\n        t->life.acked = true;", "    (void)t;")],
    "a stop is a latch": [(TALK, "begin(&o, PROTO_R_STOP);", "begin(&o, PROTO_R_DRAIN);")],
    "the loop over units ends between two": [("src/taskd/ladder.c", "bool trusted = l->spoken ||", "bool trusted = !l->spoken ||")],
    "the loop over units ends with them": [(TALK, "watch_unit_end(t);\n", "watch_unit_end(t);\n    if (t->life.units.done == 3)\n        t->life.units.done = 2;\n")],
    "an error fails its unit": [(MESSAGE, "(*(bool *)(void *)at = json_is_true(value), true)", "(*(bool *)(void *)at = true, true)")],
    "nobody hands out units": [(TALK, "begin(&o, PROTO_R_DRAIN);", "begin(&o, PROTO_R_ERROR);")],
    "next after a stop": [(TALK, "return say_as(t, &o, true) == 0;", "jsonout_free(&o);\n    return true;")],
    "a result": [(TALK, "    l->value = json_incref(m->value);", "    l->value = json_true();")],
    "the last result counts": [(TALK, "    json_decref(l->value);\n", "    if (l->has_result)\n        return;\n    json_decref(l->value);\n")],
    "half a result after a stop": [(TALK, "l->result_complete = m->complete;", "l->result_complete = true;")],
    "a whole result in spite of a stop": [(TALK, "l->result_complete = m->complete;", "l->result_complete = false;")],
    "what is no result": [(LIFE, "json_incref(l->value) : json_null();", "json_incref(l->value) : json_false();")],
    "a message that is too long is not sent": [(TALK, '"max_message", t->config->max_message);', '"max_message", 1 << 20);')],
    "status and signs of life": [(TALK, "    t->life.text = text;", "    t->life.text = NULL;\n    free(text);")],
    "a line in the log": [(TALK, "[PROTO_LOG] = task_log_message", "[PROTO_LOG] = on_ignored")],
    "more grace": [(TALK, "int64_t deadline = asked < last ? asked : last;", "int64_t deadline = asked < last ? l->deadline_ms : l->deadline_ms;")],
    "a stop without a deadline": [(TALK, "ms == DURATION_INFINITY ? -1 : ms;", "ms == DURATION_INFINITY ? 0 : ms;")],
    "a checkpoint goes to the next life": [(TALK, "        t->life.resume = json_incref(m->resume);", "        t->life.resume = NULL;")],
    "a checkpoint that is none": [(LIFE, "json_incref(l->resume) : json_null();", "json_incref(l->resume) : json_false();")],
    "a unit that kills is one to avoid": [(TALK, '        put_json(o, "avoid", avoid);', "        (void)o;")],
    "a unit with a time of its own": [(TALK, "m->timeout_ms >= 0 ? m->timeout_ms : t->config->unit_timeout;", "t->config->unit_timeout;")],
    "the end of taskd is a stop": [
        (INBOX, "        latch_stop(t, from_now(t->grace_ms));\n    t->greeted", "        (void)latch_stop;\n    t->greeted"),
        (PYTHON, "            self._latch(_from_now(self._grace_ms))\n        self._gone", "            pass\n        self._gone"),
        ("sdk/node/lib/inbox.js", "    if (!this.stopping) this.#latch(fromNow(this.#grace));\n    this.lost", "    this.lost"),
        (SHELL, "  _taskd_stop=$1\n", '  if [ "$1" = asked ]; then _taskd_stop=$1; fi\n')],
    "children have no part in it": [(HANDLE, "    unsetenv(PROTO_ENV_FD);\n", ""), (PYTHON, '    del os.environ["TASKD_FD"]\n', ""),
                                    (NODE, "    delete process.env.TASKD_FD;\n", ""), (SHELL, "  unset TASKD_FD\n", "")],
    "after close": [(TALK, "[PROTO_END] = on_end", "[PROTO_END] = on_ignored")],
    "its own exit status": [(LIFE, "json_null() : json_integer(l->exit.code);", "json_null() : json_integer(1);")],
    "run by hand": [(HANDLE, "    if (!text)\n        return -ENOENT;\n    errno", "    if (!text)\n        return -EBADF;\n    errno"),
                    (PYTHON, "    if text is None:\n        return None\n    if not re", "    if text is None:\n        text = ''\n    if not re"),
                    ("sdk/node/lib/inherited.js", "if (text === undefined) return -1;\n  if (!/", "if (!/"),
                    (SHELL, '  [ -n "$_taskd_stop" ]\n}\n\n# Waits', '  [ -n "$_taskd_stop" ] || [ -z "$_taskd_fd" ]\n}\n\n# Waits')],
}


class Tree:
    """A copy of the sources and a build of them."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="taskd-broken.")
        self.top, self.build = os.path.join(self.dir, "src"), os.path.join(self.dir, "build")
        shutil.copytree(TOP, self.top, ignore=shutil.ignore_patterns(".git", "build", "build-asan", "build-clang", "autom4te.cache"))
        os.mkdir(self.build)
        self.run([os.path.join(self.top, "configure"), "-q", "CFLAGS=-g -O1"])

    def run(self, argv):
        r = subprocess.run(argv, cwd=self.build, capture_output=True, text=True)
        if r.returncode:
            sys.exit(f"{' '.join(argv)}:\n{r.stdout[-3000:]}{r.stderr[-3000:]}")

    def make(self):
        self.run(["make", "-s", f"-j{os.cpu_count()}", "taskd", "tests/sdk/conform"])

    def write(self, path, text):
        """Later than what was built of it, also where time stamps are coarse."""
        path = os.path.join(self.top, path)
        with open(path, "w") as f:
            f.write(text)
        at = time.time() + 2
        os.utime(path, (at, at))

    def read(self, path):
        with open(os.path.join(self.top, path)) as f:
            return f.read()

    def end_all(self):
        """A worker that has been broken may not notice that its taskd is gone."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    ours = any(word.startswith(self.dir.encode()) for word in f.read().split(b"\0"))
                if ours and int(pid) > 1:
                    os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass

    def failing(self, case):
        """The languages in which the case fails."""
        number = next(i for i, row in enumerate(TABLE) if row.name == case)
        names = [f"Conformance.test_{language}_{number:02}_{''.join(c if c.isalnum() else '_' for c in case)}" for language in LANGUAGES]
        env = {**os.environ, "TASKD": self.build + "/taskd", "TOP_BUILDDIR": self.build, "TOP_SRCDIR": self.top, "TASKD_TEST_PATIENCE": PATIENCE}
        r = subprocess.run([sys.executable, os.path.join(self.top, "tests", "sdk", "test_conformance.py"), *names], capture_output=True, text=True, env=env)
        seen = dict(re.findall(r"^(\w+): .*? \.\.\. (\w+)$", r.stderr, re.M))
        if set(seen) != set(LANGUAGES):
            sys.exit(f"{case}: not every language was run:\n{r.stderr[-3000:]}")
        return [language for language in LANGUAGES if seen[language] in ("FAIL", "ERROR")]


def break_it(tree, case):
    """Breaks, builds, looks, mends. The languages that have not noticed."""
    whole = {path: tree.read(path) for path, _, _ in BUGS[case]}
    for path, there, instead in BUGS[case]:
        if tree.read(path).count(there) != 1:
            sys.exit(f"{case}: {path} has not once: {there!r}")
        tree.write(path, tree.read(path).replace(there, instead))
    try:
        tree.make()
        return [language for language in LANGUAGES if language not in tree.failing(case)]
    finally:
        tree.end_all()
        for path, text in whole.items():
            tree.write(path, text)


def main():
    cases = sys.argv[1:] or [row.name for row in TABLE]
    unknown = [c for c in cases if c not in BUGS] + [c for c in BUGS if c not in {row.name for row in TABLE}]
    if unknown:
        sys.exit(f"no such case, or no bug for it: {', '.join(unknown)}")
    tree, unnoticed = Tree(), 0
    try:
        tree.make()
        for case in cases:
            blind = break_it(tree, case)
            unnoticed += bool(blind)
            where = ", ".join(sorted({path for path, _, _ in BUGS[case]}))
            print(f"{case}: broken in {where}: {'NOT SEEN in ' + ', '.join(blind) if blind else 'seen in ' + ', '.join(LANGUAGES)}", flush=True)
    finally:
        shutil.rmtree(tree.dir, ignore_errors=True)
    print(f"{len(cases)} rules broken, {len(cases) - unnoticed} seen in each of {len(LANGUAGES)} languages")
    sys.exit(1 if unnoticed else 0)


if __name__ == "__main__":
    main()
