#!/usr/bin/env python3
"""sdk/python beyond what every SDK must do: threads, asyncio, exceptions, forks, packages, old Pythons."""
import ast, base64, hashlib, importlib.util, os, re, subprocess, sys, tarfile, unittest, zipfile

TOP = os.path.abspath(os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SDK = os.path.join(TOP, "sdk", "python")
sys.path.insert(0, os.path.join(TOP, "tests", "it"))
from harness import Case, main, until

STRICT = [sys.executable, "-B", "-W", "error", "-X", "dev"]
OLDEST = (3, 9)
HEAD = """import os, sys, time
import taskd
def meet(name):
    while not os.path.exists(name): time.sleep(.01)
"""


class Worker(Case):
    """A worker of a few lines, under taskd and by hand."""

    def script(self, text):
        path = self.box.path("worker.py")
        with open(path, "w") as f:
            f.write(HEAD + text)
        return [*STRICT, path]

    def start(self, text, **keys):
        worker = {"command": self.script(text), "restart": "no", "cwd": self.box.dir, "env": {"PYTHONPATH": SDK}, **keys}
        return self.box.start("-c", self.box.config({"w": worker, "k": {"command": ["sleep", "1000"]}}))

    def record(self):
        until("its life is over", lambda: any(r["worker"] == "w" for r in self.box.records()))
        record = next(r for r in self.box.records() if r["worker"] == "w")
        self.assertNotIn("Traceback", self.box.err() if record["outcome"] in ("ok", "cancelled") else "")
        return record

    def run_to_its_end(self, text, outcome="ok", **keys):
        self.start(text, **keys)
        record = self.record()
        self.assertEqual(record["outcome"], outcome, self.box.err())
        return record

    def stopped_in(self, unit, text):
        """The stop comes while the unit is in flight; the unit goes on when the file "go" is there."""
        self.start(text)
        self.box.in_unit("w@1", unit)
        self.box.post("/v1/workers/w/stop", {"wait": False})
        self.box.until_task("it is asked to stop", "w@1", lambda t: t["stop"])
        open(self.box.path("go"), "w").close()
        record = self.record()
        self.assertEqual((record["outcome"], (record["stop"] or {}).get("how")), ("cancelled", "cooperative"), self.box.err())
        return record

    def by_hand(self, text, **env):
        return subprocess.run(self.script(text), capture_output=True, text=True, timeout=60, env=self.box.env(PYTHONPATH=SDK, **env))

    def lines(self):
        with open(self.box.path("out")) as f:
            return f.read().splitlines()


class Idioms(Worker):
    def test_the_page_s_lines(self):
        with open(os.path.join(SDK, "README.md")) as f:
            text = re.findall(r"```python\n(.*?)```", f.read(), re.S)
        sync = text[0].replace("sys.argv[1:]", "'abc'").replace("resize(path)", "print(path)")
        record = self.run_to_its_end(sync)
        self.assertEqual((record["units"]["done"], record["value"], self.lines()), (3, None, ["a", "b", "c"]))
        done = self.by_hand(sync)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "a\nb\nc\n", ""))
        with_jobs = text[1].replace("jobs()", "'abc'").replace("work(job)", "asyncio.sleep(0, print(job))")
        self.assertEqual(self.by_hand(with_jobs).stdout, "a\nb\nc\n")

    def test_an_exception_that_ends_the_program_is_why_the_unit_failed(self):
        record = self.run_to_its_end("for u in taskd.units('ab'):\n    {}['k']", "failed")
        self.assertEqual((record["units"], record["lost"]), ({"done": 0, "failed": 1, "lost": 0}, []))
        self.assertIn("unit a failed: 'k'", self.box.err())

    def test_sys_exit_in_a_unit(self):
        record = self.run_to_its_end("with taskd.worker() as w:\n    with w.unit('a'):\n        sys.exit(3)", "failed")
        self.assertEqual((record["units"]["failed"], record["exit"]["code"]), (1, 3))

    def test_the_worker_of_the_process_is_one(self):
        record = self.run_to_its_end("with taskd.unit('a'): pass\nassert taskd.worker() is taskd.worker()\nfor u in taskd.units(['b']): pass\nwith taskd.worker(): pass")
        self.assertEqual(record["units"]["done"], 2)


class Asyncio(Worker):
    def test_a_stop_ends_a_wait_for_an_item(self):
        self.start("""
import asyncio
async def jobs():
    yield 'a'
    open('waiting', 'w').close()
    await asyncio.sleep(1000)
async def main():
    with taskd.worker() as w:
        async for job in w.aunits(jobs()): pass
    print('left')
asyncio.run(main())""")
        until("it waits", lambda: os.path.exists(self.box.path("waiting")))
        self.box.post("/v1/workers/w/stop", {"wait": False})
        record = self.record()
        self.assertEqual((record["outcome"], record["units"]["done"], self.lines()), ("cancelled", 1, ["left"]))

    def test_tasks_beside_each_other_each_finish_their_unit(self):
        record = self.stopped_in("a", """
import asyncio
async def one(w, name):
    with w.unit(name):
        while not os.path.exists('go'): await asyncio.sleep(.01)
async def main():
    with taskd.worker() as w:
        both = asyncio.gather(one(w, 'a'), one(w, 'b'))
        await w.stopped()
        print(w.remaining_ms() > 0)
        await both
asyncio.run(main())""")
        self.assertEqual((record["units"]["done"], record["lost"], self.lines()), (2, [], ["True"]))

    def test_an_error_in_the_source_goes_on(self):
        done = self.by_hand("""
import asyncio
async def jobs():
    yield 'a'
    raise LookupError('dry')
async def main():
    async for job in taskd.worker().aunits(jobs()): print(job)
asyncio.run(main())""")
        self.assertEqual(done.stdout, "a\n")
        self.assertIn("LookupError: dry", done.stderr)


class Processes(Worker):
    def test_threads_share_it(self):
        record = self.run_to_its_end("""
import threading
w = taskd.worker()
def work(n):
    for u in w.units(range(n, n + 50)): w.progress(u, 1, 2, 'x' * 500)
threads = [threading.Thread(target=work, args=(n * 50,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
w.result(w.id)""")
        self.assertEqual((record["units"], record["value"]), ({"done": 400, "failed": 0, "lost": 0}, "w@1"))

    def test_a_child_made_by_fork_has_no_part_in_it(self):
        record = self.run_to_its_end("""
w = taskd.worker()
with w.unit('a'):
    pid = os.fork()
    if not pid:
        with w.unit('never'): w.result('of the child')
        print(w.fileno(), w.should_stop(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
w.result('mine')""")
        self.assertEqual((record["units"]["done"], record["value"], self.lines()), (1, "mine", ["-1 False"]))

    def test_multiprocessing(self):
        record = self.run_to_its_end("""
import multiprocessing
def double(n):
    with taskd.unit(n): return 2 * n
with taskd.worker() as w:
    with w.unit('all'), multiprocessing.get_context('fork').Pool(2) as pool: w.result(pool.map(double, [1, 2, 3]))""")
        self.assertEqual((record["units"]["done"], record["value"]), (1, [2, 4, 6]))

    def test_signals_and_output_are_the_programs_own(self):
        done = self.by_hand("""
import signal, threading
before = [signal.getsignal(n) for n in signal.valid_signals()], threading.active_count()
with taskd.worker() as w:
    for u in w.units('ab'): pass
print(before == ([signal.getsignal(n) for n in signal.valid_signals()], threading.active_count()))""")
        self.assertEqual((done.stdout, done.stderr), ("True\n", ""))


class Package(Worker):
    def backend(self):
        spec = importlib.util.spec_from_file_location("backend", os.path.join(SDK, "backend.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_the_wheel_is_whole_and_works(self):
        wheel = self.box.path(self.backend().build_wheel(self.box.dir))
        self.assertRegex(wheel, r"/taskd-[0-9.]+-py3-none-any\.whl$")
        with zipfile.ZipFile(wheel) as z:
            rows = dict(line.split(",")[:2] for line in z.read(next(n for n in z.namelist() if n.endswith("/RECORD"))).decode().splitlines())
            self.assertEqual(set(rows), set(z.namelist()))
            for name, digest in rows.items():
                if digest:
                    self.assertEqual(digest, "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(z.read(name)).digest()).rstrip(b"=").decode())
            self.assertIn("taskd/py.typed", rows)
        done = subprocess.run([*STRICT, "-c", "import taskd; print(taskd.__file__); [print(u) for u in taskd.units('ab')]"],
                              capture_output=True, text=True, timeout=60, env=self.box.env(PYTHONPATH=wheel), cwd=self.box.dir)
        self.assertEqual((done.stdout.splitlines()[1:], done.stderr), (["a", "b"], ""))
        self.assertIn(".whl", done.stdout)

    def test_the_wheel_is_the_same_each_time(self):
        data = []
        for folder in ("one", "two"):
            os.mkdir(self.box.path(folder))
            with open(self.box.path(folder, self.backend().build_wheel(self.box.path(folder))), "rb") as f:
                data.append(f.read())
        self.assertEqual(*data)

    def test_the_source_archive_builds_the_same_wheel(self):
        with tarfile.open(self.box.path(self.backend().build_sdist(self.box.dir))) as t:
            names = [n.split("/", 1)[1] for n in t.getnames()]
        self.assertEqual(sorted(names), sorted(["PKG-INFO", *self.backend().SOURCES]))

    def test_nothing_in_it_is_newer_than_the_oldest_python_it_promises(self):
        with open(os.path.join(SDK, "taskd.py")) as f:
            text = f.read()
        tree = ast.parse(text, feature_version=OLDEST)
        self.assertIn("from __future__ import annotations", text)  # "X | None" would not be evaluated
        imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names} | {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        self.assertLessEqual({m.split(".")[0] for m in imported}, set(sys.stdlib_module_names) if hasattr(sys, "stdlib_module_names") else imported)
        for node in ast.walk(tree):  # what has appeared since
            self.assertNotIn(type(node).__name__, ("Match", "TryStar"))

    def test_all_that_is_public_has_types_and_words(self):
        with open(os.path.join(SDK, "taskd.py")) as f:
            tree = ast.parse(f.read())
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                with self.subTest(function=node.name):
                    args = [a for a in node.args.args + node.args.kwonlyargs if a.arg != "self"]
                    self.assertTrue(node.returns and all(a.annotation for a in args))
                    self.assertTrue(node.name.startswith("_") or node.name in ("fd",) or ast.get_docstring(node))


if __name__ == "__main__":
    main()
