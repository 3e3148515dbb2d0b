"""What the pages show is true: the workers in README.md and taskd-protocol(7) run, and the options that are named exist."""
import contextlib, glob, os, re, shlex, signal, subprocess, sys

TOP = os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("TOP_BUILDDIR", ".")
sys.path.insert(0, os.path.join(TOP, "tests", "it"))
from harness import Box, Case, alive, main, until

PAGES = ["README.md", "CONTRIBUTING.md", *(os.path.relpath(p, TOP) for p in sorted(glob.glob(os.path.join(TOP, "man", "*.[157]*"))))]

# Stands for gzip: its input may be a pipe, so that a test decides when a unit ends.
GZIP = '#!/bin/sh\nfor last; do :; done\ncat "$last" >"$last.tmp" && mv "$last.tmp" "$last.gz" && rm "$last"\n'


def text_of(page):
    with open(os.path.join(TOP, page)) as f:
        return f.read()


def fenced(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of("README.md"), re.M | re.S)


def scripts_in_protocol_page():
    blocks = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", text_of("man/taskd-protocol.7"), re.M | re.S)
    plain = [re.sub(r"^\\&", "", b, flags=re.M).replace("\\e", "\\") for b in blocks]
    return [b for b in plain if b.startswith("#!")]


def make_variable(name):
    with open(os.path.join(BUILD, "Makefile")) as f:
        return shlex.split(re.search(rf"^{name} = *(.*)$", f.read(), re.M)[1])


class Workers(Case):
    """Each worker of the pages, by hand and under taskd. Not one of them knows that it is tested."""

    def setUp(self):
        super().setUp()
        self.tools = self.box
        os.mkdir(self.tools.path("bin"))
        self.program("bin/gzip", GZIP)
        self.path = {"PATH": self.tools.path("bin") + ":" + os.environ["PATH"]}

    def program(self, name, text):
        with open(self.tools.path(name), "w") as f:
            f.write(text)
        os.chmod(f.name, 0o755)
        return f.name

    def compiled(self, source):
        path, libs = self.program("pack.c", source), os.path.abspath(os.path.join(BUILD, ".libs"))
        command = [*make_variable("CC"), "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(TOP, "src", "libtaskd"), path,
                   *make_variable("TASKD_LDFLAGS"), "-L", libs, "-ltaskd", "-Wl,-rpath," + libs, "-o", self.tools.path("pack")]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.tools.path("pack")

    def workers(self):
        c, shell, python, page = fenced("c"), fenced("bash"), fenced("python"), scripts_in_protocol_page()
        self.assertEqual([len(x) for x in (c, shell, python, page)], [1, 1, 1, 2], "the workers of README.md and of the page")
        return {"README.md, C": self.compiled(c[0]),
                "README.md, shell": self.program("pack.sh", shell[0]),
                "README.md, Python": self.program("pack.py", python[0]),
                "taskd-protocol(7), shell": self.program("page.sh", page[0]),
                "taskd-protocol(7), Python": self.program("page.py", page[1])}

    def each(self, scenario):
        for name, program in self.workers().items():
            with self.subTest(worker=name), contextlib.closing(Box()) as self.box:
                self.make_work()
                scenario(program)

    def make_work(self):
        """The files a, b and c, where b is a pipe: it is worked on until somebody has written to it."""
        self.folder = self.box.path("work")
        os.mkdir(self.folder)
        for name in "ac":
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(name)
        os.mkfifo(os.path.join(self.folder, "b"))

    def finish_b(self):
        with open(os.path.join(self.folder, "b"), "w") as f:
            f.write("b")

    def launch(self, program):
        p = self.box.start("--name", "w", "--", program, "a", "b", "c", cwd=self.folder, env=self.path)
        self.box.in_unit("w@1", "b")
        return p

    def assert_left(self, *names):
        self.assertEqual(sorted(os.listdir(self.folder)), list(names))

    def test_by_hand(self):
        def scenario(program):
            p = subprocess.Popen([program, "a", "b", "c"], cwd=self.folder, env=self.box.env(**self.path), stdin=subprocess.DEVNULL)
            self.finish_b()
            self.assertEqual(p.wait(60), 0)
            self.assert_left("a.gz", "b.gz", "c.gz")
        self.each(scenario)

    def test_to_the_end(self):
        def scenario(program):
            p = self.launch(program)
            self.finish_b()
            self.assertEqual(p.wait(60), 0, self.box.err())
            self.check_record(self.one_record(), "ok")
            self.assertEqual(self.one_record()["units"], {"done": 3, "failed": 0, "lost": 0})
            self.assert_left("a.gz", "b.gz", "c.gz")
        self.each(scenario)

    def test_a_stop_in_the_middle_of_a_unit(self):
        def scenario(program):
            p = self.launch(program)
            p.send_signal(signal.SIGINT)
            self.box.until_task("is being stopped", "w@1", lambda t: t["stop"])
            self.finish_b()
            self.assertEqual(p.wait(60), 130, self.box.err())
            record = self.one_record()
            self.check_record(record, "cancelled", "cooperative")
            self.assertEqual((record["exit"]["code"], record["stop"]["acked"]), (0, True), record)
            self.assertEqual(record["units"], {"done": 2, "failed": 0, "lost": 0})
            self.assert_left("a.gz", "b.gz", "c")
        self.each(scenario)

    def test_the_end_of_taskd_is_a_stop(self):
        def scenario(program):
            p = self.launch(program)
            pid = self.box.task("w@1")["pid"]
            p.kill()
            p.wait()
            self.finish_b()
            until("the worker has left", lambda: not alive(pid))
            self.assert_left("a.gz", "b.gz", "c")
        self.each(scenario)


class Pages(Case):
    def test_the_configuration_is_right(self):
        for text in fenced("json"):
            r = self.box.cli("check", "-", stdin=text)
            self.assertEqual(r.returncode, 0, r.stderr)

    def test_links_lead_somewhere(self):
        for page in ("README.md", "CONTRIBUTING.md"):
            for link in re.findall(r"\]\(([^)#]+)\)", text_of(page)):
                self.assertTrue(os.path.exists(os.path.join(TOP, link)), f"{page}: {link}")

    def test_commands_and_options_exist(self):
        seen = set()
        for page in PAGES:
            seen.update((page, command, option) for command, option in mentions(page))
        self.assertGreater(len(seen), 40, "far too few were found in the pages")
        commands = self.commands()
        for page, command, option in sorted(seen):
            with self.subTest(page=page, command=command, option=option):
                self.assertIn(command, commands)
                self.assertTrue(not option or option in self.options(command), f"{page}: taskd {command} {option}")

    def commands(self):
        """Those that the help lists, and their other names."""
        names = re.findall(r"^  (\w+)  ", self.box.cli("help").stdout, re.M)
        return set(names).union(*(re.findall(r"^The same as taskd (\w+)", self.box.cli(n, "--help").stdout, re.M) for n in names))

    def options(self, command):
        if command not in self.known:
            r = self.box.cli(command, "--help")
            self.known[command] = {o for line in r.stdout.splitlines() for o in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line[:30])} | {"-h"}
        return self.known[command]

    known = {}


def plain(line):
    """One line of mdoc as a reader sees it, as far as options go. Markdown stays as it is."""
    line = line.replace("\\-", "-")
    line = re.sub(r"^\.(?:Dl|Ql|It|Op|Nm|Cm|Li)\b ?", "", line)
    return re.sub(r"\bFl (\S)", r"-\1", re.sub(r"\bFl Fl ", "--", line))


def mentions(page):
    """(command, option or "") wherever a page says `taskd COMMAND --option`, or describes an option under a heading of a command."""
    section, synopsis = [], False
    for raw in text_of(page).splitlines():
        if raw.startswith((".Ss", ".Sh")):
            section, synopsis = re.findall(r"taskd (\w+)", raw), raw == ".Sh SYNOPSIS"
            yield from ((c, "") for c in section)
            continue
        line = plain(raw)
        if synopsis and raw.startswith((".Nm", ".Cm")):
            section = re.findall(r"^\.Cm (\w+)", raw)
        if raw.startswith((".It Fl", ".Op Fl")):
            yield from ((c, o) for c in section for o in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line))
        code = " ".join(re.findall(r"`([^`]+)`", line)) if page.endswith(".md") and not raw.startswith("$") else line
        for call in re.findall(r"(?:^|[ `$(])taskd ((?:(?! taskd |&&|\|\|).)*)", code) if is_code(page, raw) else ():
            words = call.partition(" -- ")[0].split()
            if words and re.fullmatch(r"[a-z]+", words[0]):
                yield words[0], ""
                yield from ((words[0], re.match(r"--?[a-z][a-z-]*", w)[0]) for w in words[1:] if re.match(r"--?[a-z]", w))


def is_code(page, raw):
    """Prose may begin with the word taskd; a call of it stands in quotes, in a display or behind a prompt."""
    if page.endswith(".md"):
        return "`" in raw or raw.startswith("$")
    return raw.startswith((".Dl", ".Ql", "taskd ", "if taskd", "$ taskd"))


if __name__ == "__main__":
    main()
