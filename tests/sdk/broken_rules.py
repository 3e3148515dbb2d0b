#!/usr/bin/env python3
"""Breaks the rule of each case in test_conformance.py, and demands that the case fails in every language.

    make broken-rules                                                in a configured build folder
    make broken-rules BROKEN='--jobs 2 "ready" "a result"'           two of them
    python3 tests/sdk/broken_rules.py --check                        only whether the table still fits the source

A case that is green says nothing unless it has been seen red. Each row of RULES has a small bug that somebody could
write: a text of the source, and what stands there instead. The source is copied and built in a temporary folder; the
bug goes in, taskd is built again, the case runs, the bug comes out. A daemon that does not work at all would fail every
case, so another case has to pass meanwhile.

Every case has a row that breaks taskd, where taskd has a part in it; where the SDKs have theirs, a row breaks all of them
at once. Where the source changes, a text may be found no more: then the row wants another one that breaks the same rule."""
import argparse, concurrent.futures, contextlib, os, queue, re, shutil, signal, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.abspath(os.environ.get("TOP_SRCDIR") or os.path.join(HERE, "..", ".."))
sys.path.insert(0, HERE)
from test_conformance import TABLE

CASES = [row.name for row in TABLE]
CONTROLS = ["its own exit status", "ready"]  # the first that is not itself the case
RESULT = re.compile(r"^(\w+): (.+) \.\.\. (ok|FAIL|ERROR)$", re.MULTILINE)
REASON = re.compile(r"^(\w+): (.+)\n-+\nTraceback (?:.*\n)+?(\w.*)$", re.MULTILINE)


class Edit:
    def __init__(self, file, old, new):
        self.file, self.old, self.new = file, old, new


class Rule:
    """case: its name. broken: what is wrong with the program now. edits: (file, its text, what stands there instead)."""
    def __init__(self, case, broken, *edits):
        self.case, self.broken, self.edits = case, broken, [Edit(*e) for e in edits]

    def control(self):
        return next(name for name in CONTROLS if name != self.case)


TALK, UNITS, LIFE, LAUNCH = "src/taskd/talk.c", "src/taskd/units.c", "src/taskd/life.c", "src/taskd/launch.c"
OUTCOME, LADDER = "src/taskd/outcome.c", "src/taskd/ladder.c"
OUTBOX, HANDLE = "src/libtaskd/outbox.c", "src/libtaskd/handle.c"
PYTHON, NODE, SHELL = "sdk/python/taskd.py", "sdk/node/index.js", "sdk/shell/taskd.sh"

RULES = [
    Rule("what hello says", "hello does not say the configuration's input",
         (TALK, "t->input ? t->input : t->config->input", "t->input")),
    Rule("nothing is set", "no watchdog is told as one that is far away",
         (LAUNCH, "if (c->watchdog_timeout != DURATION_INFINITY)", "if (c->watchdog_timeout)")),
    Rule("ready", "a ready is only a sign of life",
         (TALK, "(void)m;\n    talk_ready(t);", "(void)m;\n    watch_heard(t);")),
    Rule("units are counted", "a unit that failed counts as done",
         (UNITS, "u->failed++;", "u->done++;")),
    Rule("a unit in flight is seen", "a total that is not said is forgotten",
         (UNITS, "if (total >= 0)\n        unit->total", "unit->total")),
    Rule("a strange name arrives whole", "a unit's name ends at its first line feed",
         (UNITS, "char *copy = strdup(id);", 'char *copy = strndup(id, strcspn(id, "\\n"));')),
    Rule("several are open at once", "the unit that begins takes the place of the one before",
         (UNITS, "u->open[u->open_count++] =", "u->open_count = 1;\n    u->open[0] =")),
    Rule("an open unit is lost with the worker", "the oldest of the open units is not recorded as lost",
         (LIFE, "for (size_t i = 0; i < l->units.open_count; i++)", "for (size_t i = 1; i < l->units.open_count; i++)")),
    Rule("a stop waits for the unit, and no other begins", "the stop signal also goes to one that has spoken",
         (LADDER, "bool trusted = l->spoken || ", "bool trusted = ")),
    Rule("a stop is acknowledged when it is seen", "the acknowledgement is not taken",
         (TALK, "if (t->life.stop_pending)\n        t->life.acked = true;", "t->life.ignored++;")),
    Rule("a stop is a latch", "the stop message is written and not sent",
         (TALK, "return say_as(t, &o, true) == 0;", "jsonout_free(&o);\n    return true;")),
    Rule("the loop over units ends between two", "one that is in a unit is not told of the stop",
         (LADDER, "bool heard = talk_send_stop(t);", "bool heard = task_in_unit(t) || talk_send_stop(t);")),
    Rule("the loop over units ends with them", "the number of units that are done stays at 1",
         (UNITS, "u->done++;", "u->done = 1;")),
    Rule("an error fails its unit", "every end of a unit is a good one",
         (TALK, "m->unit, m->ok, sys->now_ms());", "m->unit, true, sys->now_ms());")),
    Rule("nobody hands out units", "the question for a unit is answered with an error",
         (TALK, "begin(&o, PROTO_R_DRAIN);", "begin(&o, PROTO_R_ERROR);")),
    Rule("next after a stop", "the end of one that has spoken is never cancelled",
         (OUTCOME, "if (in->stop_pending && !in->result_complete)", "if (in->stop_pending && !in->result_complete && in->silent)")),
    Rule("a result", "only a string is a result",
         ("src/taskd/message.c", '{PROTO_RESULT, "value", KIND_ANY,', '{PROTO_RESULT, "value", KIND_STRING,')),
    Rule("the last result counts", "the first result counts",
         (TALK, "json_decref(l->value);\n    l->value = json_incref(m->value);", "if (!l->value)\n        l->value = json_incref(m->value);")),
    Rule("half a result after a stop", "every result is a complete one",
         (LIFE, "l->has_result && l->result_complete,", "l->has_result,")),
    Rule("a whole result in spite of a stop", "a stop cancels, whatever the result",
         (OUTCOME, "if (in->stop_pending && !in->result_complete)", "if (in->stop_pending)")),
    Rule("what is no result", "no result is recorded as an empty object",
         (LIFE, "json_incref(l->value) : json_null();", "json_incref(l->value) : json_object();")),
    Rule("a message that is too long is not sent", "hello promises to take more than is taken",
         (TALK, '"max_message", t->config->max_message);', '"max_message", 2 * t->config->max_message);')),
    Rule("status and signs of life", "a sign of life takes the words away",
         (TALK, "if (m->text)\n        on_status(t, m);", "on_status(t, m);")),
    Rule("a line in the log", "a warning is logged as if it were for debugging",
         ("src/taskd/task_log.c", 'log_warn("%s: %s", t->id, shown);', 'log_debug("%s: %s", t->id, shown);')),
    Rule("more grace", "stop_timeout bounds what is granted, and not max_stop_timeout",
         (TALK, "int64_t cap = t->config->max_stop_timeout,", "int64_t cap = t->config->stop_timeout,")),
    Rule("a stop without a deadline", "no deadline goes out as one that is over",
         (TALK, "return ms == DURATION_INFINITY ? -1 : ms;", "return ms == DURATION_INFINITY ? 0 : ms;")),
    Rule("a checkpoint goes to the next life", "the checkpoint ends with the life that made it",
         ("src/taskd/turnover.c", "t->resume = json_incref(t->life.resume);", "t->resume = NULL;")),
    Rule("a checkpoint that is none", "no checkpoint is recorded as an empty object",
         (LIFE, "json_incref(l->resume) : json_null();", "json_incref(l->resume) : json_object();")),
    Rule("a unit that kills is one to avoid", "the unit is to be avoided one death too late",
         ("src/taskd/poison.c", "if (json_integer_value(deaths) < limit)", "if (json_integer_value(deaths) <= limit)")),
    Rule("a unit with a time of its own", "the time that a unit brings along is ignored",
         (TALK, "m->timeout_ms >= 0 ? m->timeout_ms : t->config->unit_timeout;", "t->config->unit_timeout;")),
    Rule("the end of taskd is a stop", "taskd's end of the channel is inherited, so nobody sees it close",
         (LAUNCH, "SOCK_STREAM | SOCK_CLOEXEC, 0, ends)", "SOCK_STREAM, 0, ends)"),
         ("src/taskd/spawn.c", "return (int)syscall(SYS_close_range, (unsigned)highest + 1, ~0U, 0);", "return 0;")),
    Rule("children have no part in it", "the channel is the worker's standard input as well",
         (LAUNCH, ".stdin_fd = l->stdin_fd,", ".stdin_fd = channel,")),
    Rule("after close", "a channel that was closed is answered with the stop signal",
         (TALK, "if (unread && t->state == TASK_STOPPING && !t->life.acked && !units_oldest(&t->life.units))",
          "(void)unread;\n    if (!units_oldest(&t->life.units))")),
    Rule("its own exit status", "every exit status that is not 0 is recorded as 1",
         (LIFE, "json_integer(l->exit.code);", "json_integer(l->exit.code != 0);")),

    # Nothing of what runs by hand is up to taskd, and of the rest a part is not: here the SDK of every language is broken.
    Rule("run by hand", "by hand, what is said fails",
         (OUTBOX, "proto_type type)\n{\n    if (t->fd < 0)\n        return 0;", "proto_type type)\n{\n    if (t->fd < 0)\n        return -EPIPE;"),
         (PYTHON, "if not self._sock:\n                return True", "if not self._sock:\n                return False"),
         (NODE, "if (!this.#channel || this.#closed) return false;",
          "if (!this.#channel) throw failure('EPIPE', 'nobody hears it');\n    if (this.#closed) return false;"),
         (SHELL, 'if [ -z "$_taskd_fd" ]; then return 0; fi\n  local LC_ALL=C\n', 'if [ -z "$_taskd_fd" ]; then _taskd_fail EPIPE || return 1; fi\n  local LC_ALL=C\n')),
    Rule("a stop waits for the unit, and no other begins", "a unit may begin after a stop",
         (OUTBOX, "if (t->stopping)\n        return -ECANCELED;\n", ""),
         (PYTHON, "if self._stopping:\n                raise Stopped", "if False:\n                raise Stopped"),
         (NODE, "if (this.#inbox.stopping) throw failure('ECANCELED'", "if (false) throw failure('ECANCELED'"),
         (SHELL, 'if [ -n "$_taskd_stop" ]; then _taskd_fail ECANCELED || return 1; fi\n', "")),
    Rule("a stop is a latch", "a stop that was seen is forgotten",
         (HANDLE, "outbox_settle(t);\n    return t->stopping;", "outbox_settle(t);\n    bool stop = t->stopping;\n    t->stopping = false;\n    return stop;"),
         (PYTHON, "if self._acked and not self._left:", "if False:"),
         (PYTHON, "self._settle()\n            return self._stopping", "self._settle()\n            stop, self._stopping = self._stopping, False\n            return stop"),
         (NODE, "this.#look();\n    return this.#inbox.stopping;", "this.#look();\n    const stop = this.#inbox.stopping;\n    this.#inbox.stopping = false;\n    return stop;"),
         (SHELL, '_taskd_poll\n  [ -n "$_taskd_stop" ]', '_taskd_poll\n  local stop=$_taskd_stop\n  _taskd_stop=\'\'\n  [ -n "$stop" ]')),
    Rule("an error fails its unit", "a unit with an error ends well",
         (OUTBOX, 'begin_end(t, unit, false);\n    jsonout_open(', 'begin_end(t, unit, true);\n    jsonout_open('),
         (PYTHON, "self.fail(name, type(error).__name__, str(error))", "self.end(name)"),
         (NODE, "this.fail(unit, error, { retry });\n      throw", "this.end(unit);\n      throw"),
         (SHELL, "if ((${2:-0})); then", "if ((0)); then")),
    Rule("what is no result", "a result may be nested as deep as a message",
         (OUTBOX, "JSONLINE_DEPTH - 1", "JSONLINE_DEPTH"),
         (PYTHON, "_MAX_DEPTH = 15 ", "_MAX_DEPTH = 16 "),
         ("sdk/node/lib/encode.js", "VALUE_DEPTH = 15;", "VALUE_DEPTH = 16;"),
         (SHELL, "REPLY > 15", "REPLY > 16")),
    Rule("a message that is too long is not sent", "nobody looks at a message's length",
         (OUTBOX, "if (len - 1 > max)", "if (len == max + len + 1)"),
         (PYTHON, "if len(line) - 1 > self._max_message - room:", "if False:"),
         (NODE, "if (bytes.length - 1 > most)", "if (false)"),
         (SHELL, "if ((${#1} > _taskd_max)); then", "if ((0)); then")),
    Rule("a checkpoint that is none", "a checkpoint is not looked at",
         (OUTBOX, "int r = one_line(json, &text);\n    if (r == 0 && t->fd >= 0) {\n        outbox_begin(t, proto_type_name(PROTO_PROGRESS));",
          "int r = 0;\n    text = strdup(json);\n    if (r == 0 && t->fd >= 0) {\n        outbox_begin(t, proto_type_name(PROTO_PROGRESS));"),
         (PYTHON, '_check(value)\n        return self._say("progress"', 'return self._say("progress"'),
         (NODE, "resume: plain(value)", "resume: value"),
         (SHELL, 'if ! _taskd_is_json "$2"; then', "if false; then")),
    Rule("the end of taskd is a stop", "the loss of taskd is not taken for a stop",
         ("src/libtaskd/inbox.c", "if (!t->stopping)\n        latch_stop(t, from_now(t->grace_ms));\n    t->greeted", "t->greeted"),
         (PYTHON, "if not self._stopping:\n            self._latch(_from_now(self._grace_ms))\n        self._gone", "self._gone"),
         ("sdk/node/lib/inbox.js", "if (!this.stopping) this.#latch(fromNow(this.#grace));\n", ""),
         (SHELL, "_taskd_stop=$1\n", 'if [ "$1" != gone ]; then _taskd_stop=$1; fi\n')),
    Rule("children have no part in it", "the variable that names the channel stays",
         (HANDLE, "unsetenv(PROTO_ENV_FD);\n", ""),
         (PYTHON, 'del os.environ["TASKD_FD"]', "pass"),
         (NODE, "delete process.env.TASKD_FD;\n", ""),
         (SHELL, "unset TASKD_FD\n", "")),
]


class Failed(Exception):
    pass


def read(path):
    with open(path) as f:
        return f.read()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def fitting(rule, tree):
    """What is wrong with the row, as a list of sentences."""
    wrong = [] if rule.case in CASES else [f"{rule.case}: there is no such case"]
    for edit in rule.edits:
        found = read(os.path.join(tree, edit.file)).count(edit.old)
        if found != 1:
            wrong.append(f"{rule.case}: {edit.file} has {edit.old!r} {found} times, not once")
    return wrong


def table_faults(tree):
    ruled = {rule.case for rule in RULES}
    return [fault for rule in RULES for fault in fitting(rule, tree)] + [f"{case}: no rule breaks it" for case in CASES if case not in ruled]


def run(argv, cwd, what):
    # A make that runs this has flags and a job server of its own.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    r = subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if r.returncode:
        raise Failed(f"{what}: {r.stdout[-4000:]}")


def configure_flags():
    """Those of the build that make runs in. A function that nobody calls any more is no error in here."""
    status = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "config.status")
    flags = subprocess.run([status, "--config"], capture_output=True, text=True, check=True).stdout if os.path.exists(status) else ""
    return flags.strip() + " --disable-werror"


def not_source(folder, names):
    """Build folders, and what no compiler reads."""
    built = [name for name in names if os.path.exists(os.path.join(folder, name, "config.status"))]
    return [".git", "autom4te.cache", *built]


class Tree:
    """A copy of the source, with a build folder of its own in it."""

    def __init__(self, dir, patience):
        self.dir, self.build, self.patience = dir, os.path.join(dir, "build"), patience

    def make(self, *targets):
        run(["make", "-s", "-j2", *targets], self.build, "make")

    def first_build(self):
        if os.path.exists(os.path.join(SOURCE, "config.status")):
            raise Failed(f"{SOURCE} is a build folder, too: configure in a folder of its own")
        if not os.path.exists(os.path.join(SOURCE, "configure")):
            raise Failed(f"{SOURCE} has no configure yet: autoreconf -fi")
        shutil.copytree(SOURCE, self.dir, symlinks=True, ignore=not_source)
        os.mkdir(self.build)
        run(["sh", "-c", f"../configure -q {configure_flags()}"], self.build, "configure")
        self.make("taskd", "tests/sdk/conform")

    def copy(self, dir):
        shutil.copytree(self.dir, dir, symlinks=True)
        return Tree(dir, self.patience)

    @contextlib.contextmanager
    def broken(self, edits):
        whole = {}
        try:
            for edit in edits:
                path = os.path.join(self.dir, edit.file)
                text = read(path)
                whole.setdefault(path, text)
                write(path, text.replace(edit.old, edit.new))
            self.make("taskd", "tests/sdk/conform")
            yield
        finally:
            for path, text in whole.items():
                write(path, text)

    def results(self, cases):
        boxes = self.dir + ".boxes"
        os.mkdir(boxes)
        env = {**os.environ, "TASKD": os.path.join(self.build, "taskd"), "TOP_BUILDDIR": self.build, "TOP_SRCDIR": self.dir,
               "TASKD_TEST_PATIENCE": str(self.patience), "TMPDIR": boxes, "PYTHONDONTWRITEBYTECODE": "1"}
        only = [arg for case in cases for arg in ("-k", f"_{CASES.index(case):02}_")]
        r = subprocess.run([sys.executable, os.path.join(self.dir, "tests", "sdk", "test_conformance.py"), *only], env=env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end_left_over(boxes)
        shutil.rmtree(boxes, ignore_errors=True)
        return Results(r.stdout)


class Results:
    """What unittest has printed: (language, case) -> ok, FAIL or ERROR, and why."""
    def __init__(self, text):
        self.verdicts = {(language, case): verdict for language, case, verdict in RESULT.findall(text)}
        self.reasons = {(language, case): reason for language, case, reason in REASON.findall(text)}

    def those(self, case, *verdicts):
        return [language for (language, name), verdict in self.verdicts.items() if name == case and verdict in verdicts]


def environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return f.read().split(b"\0")
    except OSError:
        return []


def end_left_over(boxes):
    """A worker whose taskd is gone may wait for ever. Its HOME is the folder of its test."""
    home = b"HOME=" + os.fsencode(boxes) + b"/"
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if pid > 1 and any(entry.startswith(home) for entry in environment(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def look(tree, rule, languages, verbose):
    """(was it seen to fail everywhere?, the words that say so)"""
    with tree.broken(rule.edits):
        seen = tree.results([rule.case, rule.control()])
    fails = seen.those(rule.case, "FAIL", "ERROR")
    passes = [l for l in languages if l not in fails]
    useless = [l for l in languages if l not in seen.those(rule.control(), "ok")]
    words = f"{rule.case}: {rule.broken}: " + (f"fails in {' '.join(fails)}" if fails else "fails nowhere")
    words += f", NOT in {' '.join(passes)}" if passes else ""
    words += f"; NOTHING is proved in {' '.join(useless)}, where '{rule.control()}' fails as well" if useless else ""
    if verbose or passes or useless:
        words += "".join(f"\n    {l}, {case}: {why[:200]}" for (l, case), why in seen.reasons.items())
    return not passes and not useless, words


def whole_first(tree, rules):
    """The languages, in which every case passes as long as nothing is broken."""
    cases = sorted({name for rule in rules for name in (rule.case, rule.control())})
    seen = tree.results(cases)
    languages = sorted({language for language, _ in seen.verdicts})
    failed = [f"{l}: {case}: {seen.reasons.get((l, case))}" for case in cases for l in languages if l not in seen.those(case, "ok")]
    if failed or not languages:
        raise Failed("\n".join(["with nothing broken, these do not pass:", *failed]))
    return languages


def look_at_all(rules, dir, args):
    """How many rules were not seen to fail."""
    first = Tree(os.path.join(dir, "0"), args.patience)
    first.first_build()
    languages = whole_first(first, rules)
    trees = queue.SimpleQueue()
    for tree in [first, *(first.copy(os.path.join(dir, str(n))) for n in range(1, args.jobs))]:
        trees.put(tree)

    def one(rule):
        tree = trees.get()
        try:
            seen, words = look(tree, rule, languages, args.verbose)
        except Failed as e:
            seen, words = False, f"{rule.case}: {rule.broken}: {e}"
        finally:
            trees.put(tree)
        print(words, flush=True)
        return seen

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        missed = list(pool.map(one, rules)).count(False)
    all_of_them = f"{len(rules)} rules of {len({rule.case for rule in rules})} cases"
    print(f"{missed} of {all_of_them} NOT seen to fail" if missed else f"{all_of_them}, each seen to fail in {len(languages)} languages")
    return missed


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("case", nargs="*", help="only these")
    p.add_argument("--jobs", type=int, default=1, help="so many copies of the source at a time")
    p.add_argument("--patience", type=float, default=4, help="seconds after which a test gives up (TASKD_TEST_PATIENCE)")
    p.add_argument("-v", "--verbose", action="store_true", help="also say why each case fails")
    p.add_argument("--check", action="store_true", help="only check that each case has a rule and each rule its text")
    args = p.parse_args()
    unknown = [name for name in args.case if name not in CASES]
    if unknown:
        p.error(f"there is no case named {', '.join(unknown)}")
    args.jobs = max(args.jobs, 1)
    return args


def main():
    args = arguments()
    faults = table_faults(SOURCE)
    if faults:
        sys.exit("\n".join(faults))
    if args.check:
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the folder goes, too
    rules = [rule for rule in RULES if not args.case or rule.case in args.case]
    try:
        with tempfile.TemporaryDirectory(prefix="taskd-broken.") as dir:
            sys.exit(look_at_all(rules, dir, args) > 0)
    except Failed as e:
        sys.exit(str(e))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
