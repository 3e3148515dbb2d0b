"""Runs the real taskd in a folder of its own, asks it over its socket, and waits for what must come true.

Nothing here sleeps and hopes: until() looks again and again until a condition holds, and fails with what it saw last."""
import contextlib, http.client, json, os, pty, select, shutil, signal, socket, subprocess, sys, tempfile, time, unittest

TASKD = os.environ.get("TASKD") or os.path.abspath("taskd")
WORKER = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests", "it", "worker")
# A shell starts its background jobs with SIGINT ignored, nohup what it runs with SIGHUP; what is ignored is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
PATIENCE = float(os.environ.get("TASKD_TEST_PATIENCE", "60"))


def until(what, check, timeout=PATIENCE):
    """check() until it is true; returns what it returned."""
    end, value = time.monotonic() + timeout, None
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"never came true: {what}; last: {value!r}")


def process_state(pid):
    """The letter of proc(5), "" for nobody."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def alive(pid):
    return process_state(pid) not in ("", "Z", "X")


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE):
        super().__init__("taskd", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Box:
    """A folder with a socket, a state directory and whatever runs in it. Everything that was started here ends with it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="taskd-it.")
        self.sock, self.state = self.path("t.sock"), self.path("state")
        self.procs, self.files = [], []

    def path(self, *a):
        return os.path.join(self.dir, *a)

    def env(self, **extra):
        keep = {k: v for k, v in os.environ.items() if not k.startswith("TASKD") and k not in ("NOTIFY_SOCKET", "JOURNAL_STREAM")}
        for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if k in os.environ:
                keep[k] = os.environ[k]
        # A sanitizer keeps what was freed: little of it, so that memory can still be measured.
        keep["ASAN_OPTIONS"] = ":".join(filter(None, [keep.get("ASAN_OPTIONS"), "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"]))
        return {**keep, "HOME": self.dir, "NO_COLOR": "1", **extra}

    def config(self, workers, name="taskd.json", **top):
        p = self.path(name)
        with open(p, "w") as f:
            json.dump({"workers": workers, **top}, f)
        return p

    def argv(self, *a):
        return [TASKD, "--socket", self.sock, "--state-dir", self.state, *map(str, a)]

    def start(self, *a, ready=True, stdin=subprocess.DEVNULL, stdout=None, env=None, **kw):
        """taskd run …, with its standard error in the file err."""
        err = open(self.path("err"), "ab")
        out = stdout or open(self.path("out"), "ab")
        self.files += [err, out]
        p = subprocess.Popen(self.argv("run", *a), stdin=stdin, stdout=out, stderr=err, env=self.env(**(env or {})), **kw)
        self.procs.append(p)
        if ready:
            until("taskd answers", lambda: p.poll() is not None or self.get("/v1/version", quiet=True))
        return p

    def cli(self, *a, timeout=PATIENCE, stdin=None, env=None):
        return subprocess.run(self.argv(*a), capture_output=True, text=True, timeout=timeout, env=self.env(**(env or {})), input=stdin)

    def request(self, method, path, body=None, timeout=PATIENCE):
        c = UnixHTTP(self.sock, timeout)
        try:
            c.request(method, path, body=None if body is None else json.dumps(body))
            r = c.getresponse()
            text = r.read().decode()
            return r.status, json.loads(text) if text[:1] in "{[" else text
        finally:
            c.close()

    def get(self, path, quiet=False):
        try:
            return self.request("GET", path)[1]
        except (OSError, http.client.HTTPException):
            if quiet:
                return None
            raise

    def post(self, path, body=None, timeout=PATIENCE):
        return self.request("POST", path, {} if body is None else body, timeout)

    def status(self, quiet=False):
        return self.get("/v1/status", quiet)

    def tasks(self):
        return {t["id"]: t for t in self.status()["tasks"]}

    def task(self, id):
        return self.tasks()[id]

    def until_task(self, what, id, check):
        return until(f"{id}: {what}", lambda: (lambda t: t if check(t) else None)(self.task(id)))

    def in_unit(self, id, unit=None):
        return self.until_task(f"in unit {unit}", id, lambda t: t["unit"] and unit in (None, t["unit"]["id"]))

    def records(self):
        try:
            with open(os.path.join(self.state, "results.ndjson")) as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []

    def err(self):
        with open(self.path("err"), errors="replace") as f:
            return f.read()

    def out(self):
        with open(self.path("out"), errors="replace") as f:
            return f.read()

    def close(self):
        for p in self.procs:
            if p.poll() is None and p.pid > 1:
                p.send_signal(signal.SIGQUIT)   # abort: its workers go with it
                with contextlib.suppress(subprocess.TimeoutExpired):
                    p.wait(20)
                if p.poll() is None:
                    p.kill()
                    p.wait()
        for f in self.files:
            f.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, argv, env, size=(40, 120)):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        import fcntl, struct, termios
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))

    def read(self, timeout=0.05):
        while select.select([self.fd], [], [], timeout)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.text += data.decode(errors="replace")
        return True

    def until(self, what, check, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            more = self.read()
            if check(self.text):
                return self.text
            if not more:
                break
        raise AssertionError(f"never on the terminal: {what}\n{self.text}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self.read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.01)
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"still runs\n{self.text}")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def need_root(self, why):
        if os.geteuid() != 0:
            self.skipTest(f"needs root: {why}")

    def one_record(self):
        records = self.box.records()
        self.assertEqual(len(records), 1, records)
        return records[0]

    def check_record(self, record, outcome, how=None, cause=None):
        self.assertEqual(record["outcome"], outcome, record)
        self.assertEqual((record["stop"] or {}).get("how"), how, record)
        self.assertEqual(record["cause"], cause, record)


def main():
    """unittest, with its counts in a line of their own: N passed, N failed."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    r = program.result
    bad = len(r.failures) + len(r.errors)
    print(f"{r.testsRun - bad - len(r.skipped)} passed, {bad} failed, {len(r.skipped)} skipped")
    if bad:
        sys.exit(1)
    if r.skipped and os.environ.get("CI") == "true":
        sys.exit("a skipped test is a failure here")
