#!/usr/bin/env python3
"""What examples/container says, in a root folder that holds what its images hold: taskd as process 1, with the words of their
ENTRYPOINT and CMD. TASKD_STATIC and WORKER_STATIC name static programs to look at; without them they are linked here."""
import functools, json, os, re, shlex, shutil, signal, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from container import NAMESPACES, Container, main, sanitized
from harness import TASKD, until

BUILD = os.path.abspath(os.environ.get("TOP_BUILDDIR", "."))
SOURCE = os.path.abspath(os.environ.get("TOP_SRCDIR", "."))
EXAMPLE = os.path.join(SOURCE, "examples", "container")
WORKER = os.path.join(BUILD, "examples", "patterns", "long-unit")


def stages(name):
    """{name of a stage: its ENTRYPOINT and CMD, one list}. The last stage is also called None."""
    out = {}
    with open(os.path.join(EXAMPLE, name)) as f:
        text = f.read().replace("\\\n", " ")
    for stage in re.split(r"^FROM ", text, flags=re.M)[1:]:
        words = {k: json.loads(v) for k, v in re.findall(r"^(ENTRYPOINT|CMD) (.*)$", stage, re.M)}
        out[re.match(r"\S+ AS (\S+)|", stage)[1]] = out[None] = words.get("ENTRYPOINT", []) + words.get("CMD", [])
    return out


def make_variable(name):
    with open(os.path.join(BUILD, "Makefile")) as f:
        return shlex.split(re.search(rf"^{name} = ?(.*)$", f.read(), re.M)[1])


@functools.cache
def can_link_statically():
    program = subprocess.run([*make_variable("CC"), *make_variable("TASKD_CFLAGS"), "-static", "-x", "c", "-", "-o", "/dev/null", "-levent_core", "-ljansson"],
                             input="int main(void);int main(void) { return 0; }", text=True, capture_output=True)
    return program.returncode == 0


class Image(Container):
    def setUp(self):
        super().setUp()
        self.root = self.box.path("root")
        self.box.sock = os.path.join(self.root, "run/taskd/taskd.sock")
        self.box.state = os.path.join(self.root, "var/lib/taskd")

    def put(self, source, *at):
        target = os.path.join(self.root, *at)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)

    def put_program(self, source, *at):
        """And the libraries that it is loaded with, where it looks for them."""
        self.put(source, *at)
        for library in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", source], capture_output=True, text=True).stdout):
            self.put(library, library.lstrip("/"))

    def start_image(self, words, setup=":"):
        """With nothing from this machine but, where `setup` mounts them, /proc and /dev."""
        root = shlex.quote(self.root)
        return self.start_words([*NAMESPACES, "sh", "-c", f'{setup}; exec chroot {root} "$@"', "sh", *words], {"PATH": os.environ["PATH"]})

    def stop(self, p, status):
        self.signal(p, signal.SIGTERM)
        self.assertEqual(p.wait(60), status, self.box.err())
        self.assertIn("nothing lost", self.box.err())

    def platforms_mounts(self):
        for name in ("proc", "dev"):
            os.makedirs(os.path.join(self.root, name))
        with open(os.path.join(self.root, "dev/null"), "w"):
            pass
        root = shlex.quote(self.root)
        return f"mount -t proc proc {root}/proc && mount --bind /dev/null {root}/dev/null"


class Containerfile(Image):
    def setUp(self):
        super().setUp()
        self.put_program(TASKD, "usr/bin/taskd")
        self.put_program(WORKER, "usr/local/bin/worker")
        self.put(os.path.join(EXAMPLE, "taskd.json"), "etc/taskd/taskd.json")

    def test_command(self):
        p = self.start_image(stages("Containerfile")["command"], self.platforms_mounts())
        self.ready(p)
        self.box.in_unit("worker@1")
        self.stop(p, 143)
        self.check_record(self.one_record(), "cancelled", "cooperative")

    def test_service(self):
        words = stages("Containerfile")[None]
        self.assertEqual(words, stages("Containerfile")["service"])
        p = self.start_image(words, self.platforms_mounts())
        self.ready(p)
        self.box.in_unit("resize@1")
        self.box.in_unit("resize@2")
        self.stop(p, 0)
        self.assertEqual([r["outcome"] for r in self.box.records()], ["cancelled"] * 2)

    def test_names_what_is_there(self):
        for name in ("Containerfile", "Containerfile.static"):
            with open(os.path.join(EXAMPLE, name)) as f:
                text = f.read()
            named = re.findall(r"\bexamples/[\w./-]+", text)
            for path in named:
                self.assertTrue(os.path.exists(os.path.join(SOURCE, path)) or os.path.exists(os.path.join(SOURCE, path + ".c")), path)
            self.assertIn(f"examples/container/{name}", named)

    def test_grace_periods_leave_room_for_taskds_own(self):
        with open(os.path.join(EXAMPLE, "taskd.json")) as f:
            own = json.load(f)["defaults"]["stop_timeout"]
        with open(os.path.join(EXAMPLE, "compose.yaml")) as f:
            platforms = re.search(r"stop_grace_period: (\d+)s", f.read())[1]
        self.assertLess(int(own.removesuffix("s")), int(platforms))


class Static(Image):
    """In a root folder with two files in it: no library, no /proc, no /dev, no folder to write to but what taskd makes."""

    def link(self, name, *objects):
        out = self.box.path(name)
        libtool = [os.path.join(BUILD, "libtool"), "--silent", "--tag=CC", "--mode=link", *make_variable("CC"), *make_variable("TASKD_CFLAGS"), "-all-static"]
        r = subprocess.run([*libtool, "-o", out, *(os.path.join(BUILD, o) for o in objects)], capture_output=True, text=True, cwd=self.box.dir)
        self.assertEqual(r.returncode, 0, r.stderr)
        return out

    def setUp(self):
        super().setUp()
        taskd, worker = os.environ.get("TASKD_STATIC"), os.environ.get("WORKER_STATIC")
        if not (taskd and worker):
            if not can_link_statically():
                self.skipTest("no static program can be linked here, with these flags and these libraries")
            taskd = self.link("taskd", "src/taskd/main.o", "libdaemon.la")
            worker = self.link("worker", "examples/patterns/long-unit.o", "libtaskd.la")
        self.put(taskd, "usr/bin/taskd")
        self.put(worker, "usr/local/bin/worker")

    def test_runs_on_nothing(self):
        p = self.start_image(stages("Containerfile.static")[None])
        self.ready(p)
        self.box.in_unit("worker@1")
        self.stop(p, 143)
        self.check_record(self.one_record(), "cancelled", "cooperative")
        self.assertEqual(self.box.err().count("/proc is not mounted"), 1, self.box.err())

    def test_a_user_is_a_number(self):
        p = self.start_image(["/usr/bin/taskd", "run", "--user", "nobody", "--", "/usr/local/bin/worker"])
        self.assertEqual(p.wait(60), 125)
        self.assertRegex(self.box.err(), "user.*nobody")

    def test_everything_is_linked_in(self):
        for name in ("usr/bin/taskd", "usr/local/bin/worker"):
            p = subprocess.run(["readelf", "-lW", os.path.join(self.root, name)], capture_output=True, text=True)
            self.assertIn("LOAD", p.stdout)
            self.assertNotIn("INTERP", p.stdout)


if sanitized():
    del Static

if __name__ == "__main__":
    main()
