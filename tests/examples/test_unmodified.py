#!/usr/bin/env python3
"""Programs that know nothing of taskd, stopped in the middle of their work by the recipes of examples/bring-your-worker.md. Each of
them finishes it. Prints a transcript of what happened when."""
import http.client, json, os, re, shutil, signal, socket, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from harness import Case, PATIENCE, UnixHTTP, alive, main, until

EXAMPLES = os.path.join(os.path.abspath(os.environ.get("TOP_SRCDIR", ".")), "examples")
PROGRAMS = os.path.join(EXAMPLES, "unmodified")
with open(os.path.join(EXAMPLES, "bring-your-worker.md")) as f:
    BLOCKS = re.findall(r"```json\n(.*?)```", f.read(), re.S)
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def needs(program):
    return unittest.skipUnless(program if os.path.isabs(program or "") else program and shutil.which(program), f"needs {program}")


def recipe(name, command, **more):
    """The worker of that name as the page has it, with another command."""
    (found,) = [w for block in BLOCKS for n, w in json.loads(block)["workers"].items() if n == name]
    return {**found, "command": command, "restart": "no", **more}


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(p) for p in f.read().split()]


class Get(threading.Thread):
    """One request, on its way."""

    def __init__(self, path, url):
        super().__init__(daemon=True)
        self.path, self.url, self.body, self.status = path, url, b"", None
        self.start()

    def run(self):
        c = UnixHTTP(self.path)
        try:
            c.request("GET", self.url)
            r = c.getresponse()
            self.status = r.status
            while data := r.read1(65536):
                self.body += data
        except (OSError, http.client.HTTPException) as e:
            self.status = repr(e)
        finally:
            c.close()


class Unmodified(Case):
    def setUp(self):
        super().setUp()
        self.began = time.monotonic()
        self.lines = []

    def note(self, text):
        self.lines.append(f"  {time.monotonic() - self.began:6.2f} s  {text}")

    def begin(self, name, command, **more):
        self.worker = name
        taskd = self.box.start("-c", self.box.config({name: recipe(name, command, **more)}))
        self.note(f"{name} starts")
        return taskd

    def until_out(self, text):
        until(f"it has printed {text}", lambda: text in self.box.out())

    def stop(self, taskd):
        """^C for taskd; returns once all is over, and nothing is left of it."""
        pids = [t["pid"] for t in self.box.tasks().values()]
        children = [child for pid in pids for child in children_of(pid)]
        self.note(f"SIGINT to taskd; processes: {pids + children}")
        taskd.send_signal(signal.SIGINT)
        self.assertEqual(taskd.wait(PATIENCE), 0, self.box.err())
        self.note("taskd has ended with status 0")
        self.assertFalse([p for p in pids + children if alive(p)])

    def tell(self):
        record = self.one_record()
        self.check_record(record, "cancelled", how="cooperative")
        self.note(f"record: {record['outcome']}, {record['stop']['how']}, waited {record['stop']['waited_ms']} ms, exit {record['exit']}, "
                  f"units {record['units']}")
        print("\n".join(["", f"--- {self.worker}"] + self.lines), flush=True)
        return record

    def until_listening(self, path):
        def listens():
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(path) == 0
        until("it listens", listens)

    @needs("node")
    def test_a_node_program_for_child_process(self):
        taskd = self.begin("orders", ["node", os.path.join(PROGRAMS, "orders.js"), "9", "1500"])
        self.box.in_unit("orders@1", "order-1")
        self.note("order-1 is being packed")
        self.stop(taskd)
        self.assertEqual(self.box.out().split("\n")[:-1], ["packing 1", "packed 1"])
        self.note("it has printed: packing 1, packed 1")
        self.assertEqual(self.tell()["units"], {"done": 1, "failed": 0, "lost": 0})

    @needs("node")
    def test_a_service_for_pm2(self):
        path = self.box.path("web.sock")
        taskd = self.begin("service", ["node", os.path.join(PROGRAMS, "pm2-service.js"), path], env={"SLOW_MS": "1500"})
        self.box.until_task("is ready", "service@1", lambda t: t["ready"])
        self.note("it has said 'ready'")
        get = Get(path, "/")
        self.until_out("request")
        self.note("a request of 1.5 s is in flight")
        self.stop(taskd)
        get.join(PATIENCE)
        self.assertEqual((get.status, get.body), (200, b"served in full\n"))
        self.assertEqual(self.box.out().split("\n")[:-1], ["request", "shutting down", "answered"])
        self.note(f"the answer: {get.status} {get.body!r}")
        self.tell()

    @needs("gunicorn")
    def test_gunicorn_with_requests_in_flight(self):
        path = self.box.path("web.sock")
        taskd = self.begin("gunicorn", ["gunicorn", "--workers", "2", "--graceful-timeout", "50", "--bind", f"unix:{path}", "app:app"],
                           cwd=PROGRAMS, env={"PYTHONDONTWRITEBYTECODE": "1"})
        self.box.until_task("is ready", "gunicorn@1", lambda t: t["ready"])
        self.note(f"it is ready: {self.box.task('gunicorn@1')['text']}")
        gets = [Get(path, "/?3") for _ in range(2)]
        until("both are in flight", lambda: self.box.out().count("request") == 2)
        self.note("two requests of 3 s are in flight, one in each of 2 workers")
        self.stop(taskd)
        for get in gets:
            get.join(PATIENCE)
            self.assertEqual((get.status, get.body), (200, b"served in full\n"))
            self.note(f"an answer: {get.status} {get.body!r}")
        self.tell()

    @needs(NGINX)
    def test_nginx_with_a_slow_transfer(self):
        os.mkdir(self.box.path("files"))
        size = 2 << 20
        with open(self.box.path("files", "large"), "wb") as f:
            f.write(os.urandom(size))
        shutil.copy(os.path.join(PROGRAMS, "nginx.conf"), self.box.path("nginx.conf"))
        user = "user root;" if os.geteuid() == 0 else ""
        taskd = self.begin("nginx", [NGINX, "-e", "stderr", "-p", self.box.dir, "-c", "nginx.conf", "-g", f"daemon off; {user}"],
                           cwd=self.box.dir)
        path = self.box.path("web.sock")
        self.until_listening(path)
        get = Get(path, "/large")
        until("some of it is there", lambda: get.body)
        self.note(f"{len(get.body)} of {size} bytes have come, at 512 KiB a second")
        self.assertLess(len(get.body), size)
        self.stop(taskd)
        get.join(PATIENCE)
        with open(self.box.path("files", "large"), "rb") as f:
            self.assertTrue(get.status == 200 and get.body == f.read(), (get.status, len(get.body)))
        self.note(f"{len(get.body)} of {size} bytes have come, and they are the right ones")
        self.tell()

    @needs("bash")
    def test_a_loop_in_bash(self):
        taskd = self.begin("loop", ["bash", os.path.join(PROGRAMS, "loop.sh"), "9", "1.5"])
        self.until_out("begins 1")
        self.note("round 1 has begun")
        self.stop(taskd)
        self.assertEqual(self.box.out().split("\n")[:-1], ["begins 1", "has done 1"])
        self.note("it has printed: begins 1, has done 1")
        self.tell()


class Page(Case):
    def test_every_recipe_is_a_configuration(self):
        self.assertEqual(len(BLOCKS), 8)
        for block in BLOCKS:
            path = self.box.path("recipe.json")
            with open(path, "w") as f:
                f.write(block)
            p = self.box.cli("check", path)
            self.assertEqual(p.returncode, 0, p.stderr + block)


if __name__ == "__main__":
    main()
