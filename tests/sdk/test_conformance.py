#!/usr/bin/env python3
"""One table of cases, run in every language under the real taskd: what a worker may rely on, whoever wrote its SDK.

A case is the operations that the worker carries out (see conform.c), what the supervisor does meanwhile, and what
both of them must have seen. "@1" in an operation is a file that the worker and this test meet at."""
import json, os, shutil, signal, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from harness import Case, main, until

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests", "sdk")
LANGUAGES = {
    "C": [os.path.join(BUILT, "conform")],
    "Python": [sys.executable, os.path.join(HERE, "conform.py")],
    "Node": [shutil.which("node") or "node", os.path.join(HERE, "conform.mjs")],
    "shell": [shutil.which("bash") or "bash", os.path.join(HERE, "conform.sh")],
}
LANGUAGES = {k: v for k, v in LANGUAGES.items() if os.path.exists(v[-1])}
DEEP = "[" * 16 + "]" * 16
ODD = 'a"b\\c\n\t\x01 ü☃ ]'


class Row:
    """ops: what the worker does. config: its keys. during: {"1": what the test does once the worker has touched @1;
    afterwards it makes @1.go}. out: the lines it prints. record, units, lost: of its (last) record."""
    def __init__(self, name, ops, out=None, config=None, during=None, gate=None, record=None, units=None, lost=None, lives=1, by_hand=False, killed=False, check=None):
        self.__dict__.update(locals())


def stop(t, box):
    box.post("/v1/workers/w/stop", {"wait": False})


def acknowledged(t, box):
    box.until_task("the stop is acknowledged", "w@1", lambda j: j["stop"] and j["stop"]["acked"])


def not_acknowledged(t, box):
    t.assertFalse(box.until_task("it is asked to stop", "w@1", lambda j: j["stop"])["stop"]["acked"])


def kill_taskd(t, box):
    """Nobody is left to end the worker that keeps taskd going."""
    t.addCleanup(os.kill, box.task("k@1")["pid"], signal.SIGKILL)
    box.procs[-1].kill()
    box.procs[-1].wait()


def sees(what, check):
    return lambda t, box: box.until_task(what, "w@1", check)


def longer(t, box):
    box.until_task("the grace is longer", "w@1", lambda j: j["stop"]["remaining_ms"] > 500000)


OK = {"outcome": "ok"}
COOPERATIVE = {"outcome": "cancelled", "how": "cooperative"}
MEET = lambda n: [f"touch|@{n}", f"await|@{n}.go"]

TABLE = [
    Row("what hello says", ["say|supervised", "say|id", "say|should_stop", "say|remaining", "say|watchdog", "say|input", "say|resume", "say|avoids|x"],
        ["supervised: true", "id: w@1", "should_stop: false", "remaining: -1", "watchdog: 60000", 'input: {"a":[1,"ü"]}', "resume: null", "avoids x: false"],
        config={"input": {"a": [1, "ü"]}, "watchdog_timeout": "60s"}, record=OK),
    Row("nothing is set", ["say|watchdog", "say|input"], ["watchdog: -1", "input: null"], record=OK),
    Row("ready", ["touch|@1", "await|@1.go", "ready", "touch|@2", "await|@2.go"], config={"start_timeout": "1min"}, record=OK,
        during={"1": sees("it is starting", lambda j: j["state"] == "starting"), "2": sees("it is running", lambda j: j["state"] == "running")}),
    Row("units are counted", ["begin|a", "end|a", "begin|b", "fail|b|Oops|why|true", "begin|c", "end|c"], [], units={"done": 2, "failed": 1}, lost=[], record=OK),
    Row("a unit in flight is seen", ["begin|a", "progress|a|3|10|half way", *MEET(1), "progress|a|4|-1|", *MEET(2), "end|a"], [], units={"done": 1, "failed": 0},
        during={"1": sees("its progress", lambda j: j["unit"] and (j["unit"]["id"], j["unit"]["done"], j["unit"]["total"], j["unit"]["msg"]) == ("a", 3, 10, "half way")),
                "2": sees("what is not said stays", lambda j: (j["unit"]["done"], j["unit"]["total"], j["unit"]["msg"]) == (4, 10, "half way"))}),
    Row("a strange name arrives whole", [f"begin|{ODD}", *MEET(1), f"end|{ODD}"], during={"1": sees("the unit", lambda j: j["unit"] and j["unit"]["id"] == ODD)}, units={"done": 1, "failed": 0}),
    Row("several are open at once", ["begin|a", "begin|b", *MEET(1), "end|a", "end|b"], during={"1": sees("two", lambda j: j["unit"] and j["unit"]["open"] == 2)}, units={"done": 2, "failed": 0}),
    Row("an open unit is lost with the worker", ["begin|a", "begin|b", "end|b", "exit|3"], record={"outcome": "failed"}, lost=["a"], units={"done": 1, "failed": 0}),
    Row("a stop waits for the unit, and no other begins", ["begin|a", *MEET(1), "end|a", "say|should_stop", "begin|b", "end|b"], ["should_stop: true", "begin: ECANCELED"],
        during={"1": lambda t, box: (stop(t, box), not_acknowledged(t, box))}, record=COOPERATIVE, lost=[]),
    Row("a stop is acknowledged when it is seen", [*MEET(1), "wait", *MEET(2)], during={"1": stop, "2": acknowledged}, record=COOPERATIVE),
    Row("a stop is a latch", [*MEET(1), "wait", "say|should_stop", "say|should_stop", "begin|a"], ["should_stop: true", "should_stop: true", "begin: ECANCELED"], during={"1": stop}, record=COOPERATIVE),
    Row("the loop over units ends between two", ["units|a|b|c"], ["unit a", "unit b"], gate="b", during={"gate": stop}, units={"done": 2, "failed": 0}, lost=[], record=COOPERATIVE),
    Row("the loop over units ends with them", ["units|a|b|c", "print|done"], ["unit a", "unit b", "unit c", "done"], units={"done": 3, "failed": 0}, record=OK),
    Row("an error fails its unit", ["raise|a", "print|on"], ["on"], units={"done": 0, "failed": 1}, lost=[], record=OK),
    Row("nobody hands out units", ["next"], ["next: stop"], record=OK),
    Row("next after a stop", [*MEET(1), "wait", "next"], ["next: stop"], during={"1": stop}, record=COOPERATIVE),
    Row("a result", ['result|{"n":[1,"ü"]}|true'], [], record={"outcome": "ok", "value": {"n": [1, "ü"]}}),
    Row("the last result counts", ["result|1|false", "result|2|true"], record={"outcome": "ok", "value": 2}),
    Row("half a result after a stop", [*MEET(1), "wait", "result|7|false"], during={"1": stop}, record={**COOPERATIVE, "value": 7}),
    Row("a whole result in spite of a stop", [*MEET(1), "wait", "result|7|true"], during={"1": stop}, record={"outcome": "ok", "value": 7}),
    Row("what is no result", ["result|{|true", f"result|{DEEP}|true", "begin|a", "end|a"], ["result: EINVAL", "result: EINVAL"], units={"done": 1, "failed": 0}, record={"outcome": "ok", "value": None}),
    Row("a message that is too long is not sent", ["status|" + "x" * 66000, "begin|a", "end|a"], ["status: EMSGSIZE"], units={"done": 1, "failed": 0}, record=OK),
    Row("status and signs of life", ["status|busy with it", "heartbeat", *MEET(1)], during={"1": sees("its words", lambda j: j["text"] == "busy with it")}, record=OK),
    Row("a line in the log", ["log|4|be careful", *MEET(1)], during={"1": lambda t, box: until("the line", lambda: "w@1: be careful" in box.err())}, record=OK),
    Row("more grace", [*MEET(1), "wait", "say|remaining", "extend|600000", *MEET(2), "say|remaining"], ["remaining: positive", "remaining: positive"],
        config={"stop_timeout": "1min", "max_stop_timeout": "1h"}, during={"1": stop, "2": longer}, record=COOPERATIVE),
    Row("a stop without a deadline", [*MEET(1), "wait", "say|remaining"], ["remaining: none"], config={"stop_timeout": "infinity", "max_stop_timeout": "infinity"}, during={"1": stop}, record=COOPERATIVE),
    Row("a checkpoint goes to the next life", ["say|resume", 'checkpoint|u|{"at":5}', "exit|1"], ["resume: null", 'resume: {"at":5}'], lives=2,
        config={"restart": "on-failure", "restart_limit": {"count": 1, "interval": "1h"}, "backoff": {"initial": "1ms", "max": "1ms"}}),
    Row("a checkpoint that is none", ["checkpoint|u|{", f"checkpoint|u|{DEEP}"], ["checkpoint: EINVAL", "checkpoint: EINVAL"], record={"outcome": "ok", "resume": None}),
    Row("a unit that kills is one to avoid", ["say|avoids|bad", "begin|bad", "exit|9"], ["avoids bad: false", "avoids bad: true"], lives=2, lost=["bad"],
        config={"poison_limit": 1, "restart": "on-failure", "restart_limit": {"count": 1, "interval": "1h"}, "backoff": {"initial": "1ms", "max": "1ms"}}),
    Row("a unit with a time of its own", ["begin_within|a|100", "await|@never"], record={"outcome": "panicked", "cause": "unit_timeout"}, lost=["a"]),
    Row("the end of taskd is a stop", ["begin|a", *MEET(1), "end|a", "wait", "say|should_stop", "status|x", "begin|b", "print|left in order"],
        ["end: EPIPE", "should_stop: true", "status: EPIPE", "begin: ECANCELED", "left in order"], during={"1": kill_taskd}, killed=True),
    Row("children have no part in it", ["env"], ["env: -", "fd: closed"], record=OK),
    Row("after close", ["begin|a", "end|a", "close", *MEET(1), "print|on"], ["on"], units={"done": 1, "failed": 0}, record=OK,
        during={"1": sees("it goes on", lambda j: j["state"] == "running" and not j["stop"])}),
    Row("its own exit status", ["ready", "exit|7"], record={"outcome": "failed"}, check=lambda t, r: t.assertEqual(r["exit"]["code"], 7)),
    Row("run by hand", ["say|supervised", "ready", "say|should_stop", "units|a|b", "begin|c", "progress|c|1|2|x", "end|c", "checkpoint|c|1", "heartbeat", "status|s", "log|6|l", "extend|5", "result|1|true",
                        "next", "say|remaining", "say|input", "say|avoids|x", "env", "print|done"],
        ["supervised: false", "should_stop: false", "unit a", "unit b", "next: stop", "remaining: -1", "input: null", "avoids x: false", "env: -", "fd: closed", "done"], by_hand=True),
]


class Conformance(Case):
    def lines(self):
        try:
            with open(self.box.path("out"), errors="replace") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def ops(self, row):
        return [op.replace("@", self.box.path("meet")) if op.startswith(("touch|", "await")) else op for op in row.ops]

    def meet(self, n):
        until(f"the worker has come to {n}", lambda: os.path.exists(self.box.path("meet" + n)))

    def go_on(self, n):
        open(self.box.path(f"meet{n}.go"), "w").close()

    def through_the_gate(self, row):
        self.box.in_unit("w@1", row.gate)
        row.during["gate"](self, self.box)
        os.unlink(self.box.path("gate." + row.gate))

    def supervise(self, row, command):
        worker = {"command": [*command, *self.ops(row)], "restart": "no", "env": {"GATE": self.box.path("gate")}, **(row.config or {})}
        p = self.box.start("-c", self.box.config({"w": worker, "k": {"command": ["sleep", "1000"]}}))
        if row.gate:
            self.through_the_gate(row)
        for n in sorted(row.during or {}):
            if n != "gate":
                self.meet(n)
                row.during[n](self, self.box)
                self.go_on(n)
        if row.killed:
            until("it has said everything", lambda: self.lines()[-1:] == row.out[-1:])
            return
        until("its lives are over", lambda: len([r for r in self.box.records() if r["worker"] == "w"]) == row.lives)
        self.check_end(row, [r for r in self.box.records() if r["worker"] == "w"][-1])

    def check_end(self, row, r):
        for key, want in (row.record or {}).items():
            got = (r["stop"] or {}).get("how") if key == "how" else r[key]
            self.assertEqual(got, want, f"{key} of {r}")
        if row.units:
            self.assertEqual({k: r["units"][k] for k in row.units}, row.units)
        if row.lost is not None:
            self.assertEqual([u["unit"] if isinstance(u, dict) else u for u in r["lost"]], row.lost)
        if row.check:
            row.check(self, r)

    def run_by_hand(self, row, command):
        r = subprocess.run([*command, *self.ops(row)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=self.box.env())
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        with open(self.box.path("out"), "w") as f:
            f.write(r.stdout)

    def check_row(self, row, command):
        if row.gate:
            open(self.box.path("gate." + row.gate), "w").close()
        (self.run_by_hand if row.by_hand else self.supervise)(row, command)
        if row.out is not None:
            self.assertEqual(self.lines(), row.out)


def add(row, language, command):
    def test(self):
        self.check_row(row, command)
    test.__doc__ = f"{language}: {row.name}"
    setattr(Conformance, f"test_{language}_{TABLE.index(row):02}_{''.join(c if c.isalnum() else '_' for c in row.name)}", test)


for name, argv in LANGUAGES.items():
    for one in TABLE:
        add(one, name, argv)

if __name__ == "__main__":
    print(f"{len(TABLE)} cases in {', '.join(LANGUAGES)}")
    main()
