"""The conformance driver of sdk/python: each argument is an operation, its fields separated by '|'."""
import errno, json, math, os, select, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "sdk", "python"))
import taskd

TICK = 0.005
w = taskd.open()


def show(text):
    print(text, flush=True)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def value(text):
    """json takes the same key twice, where there is nothing to refuse any more."""
    def once(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)
    return json.loads(text, object_pairs_hook=once)


def next_unit():
    unit = w.next()
    show(f"next: {unit.id} {compact(unit.data)}" if unit else "next: stop")


def wait():
    poll = select.poll()
    while w.supervised and not w.should_stop():
        poll.register(w, select.POLLIN)
        poll.poll()


def touch(path):
    with open(path, "w"):
        pass


def await_path(path, over=lambda: False):
    while not os.path.exists(path) and not over():
        time.sleep(TICK)


def units(*items):
    for unit in w.units(items):
        show(f"unit {unit}")
        while os.path.exists(f"{os.environ.get('GATE')}.{unit}"):
            time.sleep(TICK)


class Raised(Exception):
    pass


def raise_in(unit):
    try:
        with w.unit(unit):
            raise Raised("raised")
    except Raised:
        pass


def remaining():
    left = w.remaining_ms()
    return {-1: "-1", 0: "zero", math.inf: "none"}.get(left, "positive")


SAYS = {
    "supervised": lambda: compact(w.supervised), "should_stop": lambda: compact(w.should_stop()), "id": lambda: w.id or "null",
    "input": lambda: compact(w.input), "resume": lambda: compact(w.resume), "remaining": remaining,
    "watchdog": lambda: -1 if w.watchdog_ms is None else w.watchdog_ms,
}


def say(what, unit=None):
    show(f"avoids {unit}: {compact(w.avoids(unit))}" if what == "avoids" else f"{what}: {SAYS[what]()}")


def environment():
    """Under whatever number a child has the channel. Only what the kernel keeps from it counts, not that Python would close
    descriptors as well."""
    script = 'echo "${TASKD_FD+TASKD_FD}"; for fd in /proc/$$/fd/*; do if [ -S "$fd" ]; then echo open; exit; fi; done; echo closed'
    name, fd = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True, close_fds=False).stdout.splitlines()
    show(f"env: {name or '-'}")
    show(f"fd: {fd}")


OPERATIONS = {
    "ready": lambda: w.ready(),
    "begin": lambda unit: w.begin(unit),
    "begin_within": lambda unit, ms: w.begin(unit, int(ms)),
    "end": lambda unit: w.end(unit),
    "fail": lambda unit, type, msg, retry: w.fail(unit, type, msg, retry == "true"),
    "progress": lambda unit, done, total, msg: w.progress(unit, int(done), int(total), msg or None),
    "checkpoint": lambda unit, text: w.checkpoint(unit, value(text)),
    "heartbeat": lambda: w.heartbeat(),
    "status": lambda text: w.status(text),
    "extend": lambda ms: w.extend(int(ms)),
    "log": lambda level, msg: w.log(int(level), msg),
    "result": lambda text, complete: w.result(value(text), complete == "true"),
    "next": next_unit,
    "wait": wait,
    "touch": touch,
    "await": await_path,
    "await_stop": lambda path: await_path(path, w.should_stop),
    "units": units,
    "raise": raise_in,
    "say": say,
    "env": environment,
    "print": show,
    "close": lambda: w.close(),
    "exit": lambda status: os._exit(int(status)),
}


def carry_out(name, *fields):
    """The errno of what failed, or 0."""
    try:
        return errno.EPIPE if OPERATIONS[name](*fields) is False else 0
    except OSError as e:
        return e.errno
    except (ValueError, RecursionError):
        return errno.EINVAL


for argument in sys.argv[1:]:
    name, *fields = argument.split("|")
    failed = carry_out(name, *fields)
    if failed:
        show(f"{name}: {errno.errorcode[failed]}")
w.close()
