#!/usr/bin/env python3
"""What workers print: where it goes, what is known of it, and what happens when it cannot be kept."""
import contextlib, glob, gzip, json, os, re, signal, socket, subprocess, sys, threading, time, unittest

from harness import TASKD, WORKER, Case, UnixHTTP, alive, main, until

TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S+) \[(.*?)\](\+?) (.*)", re.S)
MB = 1 << 20


class Logs(Case):
    def log(self, name="w.log"):
        return self.box.path(name)

    def start(self, *command, worker=None, **log):
        log.setdefault("file", self.log())
        c = self.box.config({"w": {"command": [str(a) for a in command], "restart": "no", "log": log, **(worker or {})}})
        return self.box.start("-c", c)

    def run_to_end(self, *command, **kw):
        p = self.start(*command, **kw)
        self.assertIsNotNone(p.wait(120))
        return p

    def err(self):
        self.box.files.append(open(self.box.path("err"), "wb"))
        return self.box.files[-1]

    def read(self, name="w.log", mode="r"):
        with open(self.log(name), mode) as f:
            return f.read()

    def texts(self, name="w.log"):
        """(task, unit, more, text) of each line of a text file."""
        found = [TEXT.fullmatch(line) for line in self.read(name).split("\n")[:-1]]
        self.assertNotIn(None, found)
        return [m.groups()[1:] for m in found]

    def same(self, got, want):
        """Of thousands of lines: a difference of all would take an hour."""
        for i, (a, b) in enumerate(zip(got, want)):
            self.assertEqual(a, b, f"entry {i}")
        self.assertEqual(len(got), len(want))

    def objects(self, name="w.log"):
        return [json.loads(line) for line in self.read(name).splitlines()]


class Forms(Logs):
    def test_text_knows_task_and_unit(self):
        """Each line is looked for before the next is printed: within one look of taskd at pipe and channel this is not exact."""
        g = [self.box.path(f"go{i}") for i in range(4)]
        p = self.start(WORKER, "ready", "echo:before", "await:" + g[0], "begin:img 1.jpg", "echo:in it", "end:img 1.jpg", "await:" + g[1],
                       "echo:between", "await:" + g[2], "begin:]x", "echo:odd", "await:" + g[3], "end:]x")
        for i, name in enumerate(g):
            until("the next line", lambda: os.path.exists(self.log()) and len(self.texts()) == i + 1)
            self.box.until_task("the unit before is over", "w@1", lambda t: t["units"]["done"] == (i > 0))
            open(name, "w").close()
        p.wait(60)
        self.assertEqual(self.texts(), [("w@1", "", "", "before"), ("w@1", "img 1.jpg", "", "in it"), ("w@1", "", "", "between"), ("w@1", ")x", "", "odd")])

    def test_json_has_any_bytes(self):
        self.run_to_end("sh", "-c", r"""printf 'a\033[31m\001\377"\\z\n<3>bad\nlast'""", format="json")
        lines = self.objects()
        self.assertEqual([l["msg"] for l in lines], ["a\033[31m\x01\ufffd\"\\z", "bad", "last"])
        self.assertEqual([l.get("level") for l in lines], [None, "err", None])
        self.assertEqual({(l["task"], l["handle"]) for l in lines}, {("w@1", "w@1#1")})
        self.assertNotIn(b"\033", self.read(mode="rb"))

    def test_raw_is_what_it_wrote(self):
        self.run_to_end("sh", "-c", r"""printf 'a\000\377\n<3>b\nno end'; printf x >&2""", format="raw")
        self.assertEqual(self.read(mode="rb"), b"a\0\xff\n<3>b\nno endx")

    def test_raw_goes_behind_what_was_there(self):
        with open(self.log(), "w") as f:
            f.write("there before\n")
        self.run_to_end("echo", "and this", format="raw")
        self.assertEqual(self.read(), "there before\nand this\n")

    def test_a_long_line_comes_in_pieces_and_nothing_is_lost(self):
        for length in (16383, 16384, 16385, 32768, 100000):
            with self.subTest(length):
                name = f"{length}.log"
                self.run_to_end(sys.executable, "-c", f"print('x' * {length}); print('after')", file=self.log(name))
                *pieces, after = self.texts(name)
                self.assertEqual("".join(p[3] for p in pieces), "x" * length)
                self.assertEqual([p[2] for p in pieces], ["+"] * (len(pieces) - 1) + [""])
                self.assertLessEqual(max(len(p[3]) for p in pieces), 16384)
                self.assertEqual(after[3], "after")
                os.unlink(os.path.join(self.box.state, "results.ndjson"))

    def test_messages_have_level_and_fields(self):
        message = json.dumps({"type": "log", "level": "warning", "msg": "two\nlines", "fields": {"n": 1, "who": "me"}})
        self.run_to_end(WORKER, "ready", "begin:u", "echo:first", "raw:" + message, "end:u", format="json")
        lines = self.objects()
        self.assertEqual([(l["msg"], l.get("level"), l.get("fields"), l["unit"]) for l in lines],
                         [("first", None, None, "u"), ("two", "warning", None, "u"), ("lines", "warning", {"n": 1, "who": "me"}, "u")])

    def test_what_a_dead_worker_left_in_its_pipe_is_kept(self):
        for _ in range(20):
            self.run_to_end("sh", "-c", "seq 1 5000; kill -9 $$")
        self.same([t[3] for t in self.texts()], [str(i) for i in range(1, 5001)] * 20)

    def test_two_workers_share_a_file(self):
        job = {"command": ["seq", "1", "2000"], "replicas": 3, "restart": "no", "log": {"file": self.log()}}
        p = self.box.start("-c", self.box.config({"a": job, "b": job}))
        p.wait(60)
        lines = self.texts()
        for task in ("a@1", "a@2", "a@3", "b@1", "b@2", "b@3"):
            self.same([t[3] for t in lines if t[0] == task], [str(i) for i in range(1, 2001)])

    def test_a_file_that_cannot_be_opened_is_named(self):
        self.run_to_end("true", file="/nonexistent/x.log")
        self.check_record(self.one_record(), "unstarted")
        self.assertIn("open its log: No such file", self.box.err())


class Files(Logs):
    def all(self, *names):
        text = b""
        for n in names:
            text += gzip.open(self.log(n)).read() if n.endswith(".gz") else self.read(n, "rb")
        return text

    def test_rotation_loses_nothing_and_keeps_so_many(self):
        self.run_to_end("seq", "1", "4000", max_size="16K", keep=100)
        names = glob.glob(self.log() + "*")
        self.assertGreater(len(names), 5)
        for n in names:
            self.assertLessEqual(os.path.getsize(n), 16 * 1024)
        names.sort(key=lambda n: -int("0" + n.rpartition(".log")[2].lstrip(".")))
        lines = [TEXT.fullmatch(l).group(5) for n in names for l in self.read(n).splitlines()]
        self.same(lines, [str(i) for i in range(1, 4001)])

    def test_older_ones_go(self):
        self.run_to_end("seq", "1", "20000", max_size="4K", keep=2)
        self.assertEqual(sorted(os.path.basename(n) for n in glob.glob(self.log() + "*")), ["w.log", "w.log.1", "w.log.2"])
        self.assertEqual(self.texts()[-1][3], "20000")

    def test_keep_nothing(self):
        self.run_to_end("seq", "1", "20000", max_size="4K", keep=0)
        self.assertEqual(len(glob.glob(self.log() + "*")), 1)

    def test_raw_is_rotated_byte_by_byte(self):
        self.run_to_end("seq", "1", "100000", format="raw", max_size="100K", keep=20)
        names = [f"w.log.{i}" for i in range(20, 0, -1) if os.path.exists(self.log(f"w.log.{i}"))] + ["w.log"]
        self.assertGreater(len(names), 4)
        self.assertTrue(self.all(*names) == b"".join(b"%d\n" % i for i in range(1, 100001)))

    def test_older_ones_are_compressed(self):
        """While further ones come, and by a process that is nobody's zombie."""
        p = self.start("sh", "-c", "seq 1 30000; exec sleep 1000", max_size="256K", keep=50, compress="gzip")
        def done():
            rest = [n for n in glob.glob(self.log() + ".*") if not n.endswith(".gz")]
            return not rest and os.path.exists(self.log("w.log.1.gz")) and len(self.texts()) and self.texts()[-1][3] == "30000"
        until("all are compressed", done)
        n = len(glob.glob(self.log() + ".*"))
        text = self.all(*[f"w.log.{i}.gz" for i in range(n, 0, -1)], "w.log").decode()
        self.same([TEXT.fullmatch(l).group(5) for l in text.splitlines()], [str(i) for i in range(1, 30001)])
        self.assertEqual(os.stat(self.log("w.log.1.gz")).st_mode & 0o777, os.stat(self.log()).st_mode & 0o777)
        def kids():
            with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
                return f.read().split()
        until("only the worker is left", lambda: len(kids()) == 1)

    def test_usr1_opens_it_anew(self):
        go = self.box.path("go")
        p = self.start("sh", "-c", f"echo one; until [ -e {go} ]; do sleep 0.01; done; echo two; exec sleep 1000")
        until("the first line", lambda: os.path.exists(self.log()) and self.texts())
        os.rename(self.log(), self.log("moved"))
        p.send_signal(signal.SIGUSR1)
        until("there is a new one", lambda: os.path.exists(self.log()))
        open(go, "w").close()
        until("the second line", lambda: self.texts())
        self.assertEqual(([t[3] for t in self.texts("moved")], [t[3] for t in self.texts()]), (["one"], ["two"]))

    def test_a_reload_changes_size_and_form(self):
        command = ["sh", "-c", "while :; do echo line; sleep 0.02; done"]
        def config(**log):
            return self.box.config({"w": {"command": command, "stop_timeout": "5s", "log": {"file": self.log(), **log}}})
        p = self.box.start("-c", config())
        until("lines", lambda: os.path.exists(self.log()) and self.texts())
        pid = self.box.task("w@1")["pid"]
        config(max_size="4K", keep=1)
        self.assertEqual(self.box.cli("reload").returncode, 0)
        until("it is rotated", lambda: os.path.exists(self.log("w.log.1")))
        self.assertEqual(self.box.task("w@1")["pid"], pid, "no new process for that")
        config(format="json")
        self.assertEqual(self.box.cli("reload").returncode, 0)
        self.box.until_task("replaced", "w@1", lambda t: t["pid"] not in (None, pid))
        until("objects", lambda: self.read().rstrip().endswith("}"))


class Trouble(Logs):
    """Disks that are full, and readers that do not read."""
    COUNT = 3000

    def counting(self, go):
        """Numbered lines; after each hundredth it waits until the test has seen them."""
        return (sys.executable, "-uc", f"""
import os, time
for i in range({self.COUNT}):
    print('number', i, 'x' * 100)
    if i == {self.COUNT} // 3 or i == 2 * {self.COUNT} // 3:
        open({str(go)!r} + str(i), 'w').close()
        while os.path.exists({str(go)!r} + str(i)): time.sleep(0.005)
""")

    def check_gap(self, form):
        """The file system has room for a part; then there is room again; the gap is counted to the line."""
        self.need_root("a file system of its own")
        mount = self.box.path("disk")
        os.mkdir(mount)
        # The file system ends with its namespace, so what is in it is copied in there, when taskd has ended.
        script = ('mount -t tmpfs -o size=128k none "$1" && dd if=/dev/zero of="$1/ballast" bs=1k count=64 status=none || exit; '
                  'disk=$1 copy=$2; shift 2; "$@"; status=$?; cp "$disk/w.log" "$copy"; exit $status')
        go = self.box.path("go")
        c = self.box.config({"w": {"command": list(self.counting(go)), "restart": "no", "log": {"file": mount + "/w.log", "format": form, "max_size": "infinity"}}})
        p = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", mount, self.box.path("copy"), *self.box.argv("run", "-c", c)], stderr=self.err(), env=self.box.env())
        self.box.procs.append(p)
        inside = f"/proc/{p.pid}/root{mount}"
        first, second = go + str(self.COUNT // 3), go + str(2 * self.COUNT // 3)
        until("a third has been printed", lambda: os.path.exists(first))
        until("the disk is full", lambda: self.box.tasks()["w@1"]["log"]["lost"]["bytes"] > 0)
        self.assertRegex(self.box.cli("status").stdout, r"\nw@1 log: \d+ lines, \d+ bytes could not be written\n")
        os.unlink(first)
        until("two thirds have been printed", lambda: os.path.exists(second))
        os.unlink(inside + "/ballast")
        time.sleep(1.1)      # the pause after which it is tried again
        os.unlink(second)
        self.assertEqual(p.wait(60), 0)
        return self.box.err()

    def test_a_full_disk_is_a_gap_that_is_counted_to_the_line(self):
        err = self.check_gap("json")
        told = re.findall(r"(\d+) lines? \(\d+ bytes\) were lost: No space left", err)
        self.assertTrue(told, err)
        with open(self.box.path("copy")) as f:
            lines = [json.loads(l) for l in f]
        kept = [int(l["msg"].split()[1]) for l in lines if l["task"] == "w@1"]
        self.assertEqual(len(kept) + sum(map(int, told)), self.COUNT, err)
        self.assertEqual(kept, sorted(set(kept)))
        said = [l["msg"].split()[0] for l in lines if l["task"] == "taskd"]
        self.assertEqual(said, told[:len(said)], "a gap up to the end is in the log alone")
        for i, l in enumerate(lines):
            if l["task"] == "taskd":    # it stands where the others are missing
                self.assertEqual(int(lines[i + 1]["msg"].split()[1]) - int(lines[i - 1]["msg"].split()[1]) - 1, int(l["msg"].split()[0]))

    def test_a_full_disk_and_raw_output(self):
        err = self.check_gap("raw")
        told = re.findall(r"(\d+) bytes were lost: No space left", err)
        self.assertTrue(told, err)
        size = os.path.getsize(self.box.path("copy"))
        self.assertEqual(size + sum(map(int, told)), sum(len(f"number {i} {'x' * 100}\n") for i in range(self.COUNT)))

    def test_a_file_size_limit_does_not_end_taskd(self):
        c = self.box.config({"w": {"command": ["seq", "1", "10000"], "restart": "no", "log": {"file": self.log(), "max_size": "infinity"}}})
        r = subprocess.run(["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *self.box.argv("run", "-c", c)], capture_output=True, text=True, env=self.box.env(), timeout=60)
        self.assertEqual(r.returncode, 0, r.stderr)
        told = re.search(r"(\d+) lines .* were lost: File too large", r.stderr)
        self.assertEqual(len(self.texts()) + int(told[1]), 10000)

    def test_a_device_without_room(self):
        p = self.run_to_end("seq", "1", "1234", file="/dev/full")
        self.assertEqual(p.returncode, 0)
        self.assertRegex(self.box.err(), r"log file /dev/full: 1234 lines \(\d+ bytes\) were lost: No space left on device")

    def test_a_fifo_without_a_reader_that_reads(self):
        for form in ("text", "raw"):
            with self.subTest(form):
                fifo = self.log(form)
                os.mkfifo(fifo)
                fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
                self.run_to_end("seq", "1", "200000", file=fifo, format=form)
                os.close(fd)
                self.assertRegex(self.box.err(), rf"log file {fifo}: .*were lost: Resource temporarily unavailable")

    def test_the_death_of_taskd_cuts_no_unit(self):
        """What it prints then finds no reader, and no SIGPIPE."""
        for form in ("text", "raw"):
            with self.subTest(form):
                gone, done = self.box.path("gone" + form), self.box.path("done" + form)
                script = f"echo begun; until [ -e {gone} ]; do sleep 0.01; done; for i in $(seq 1 200); do echo line $i || exit 3; done; touch {done}"
                p = self.start("bash", "-c", script, format=form, file=self.log(form))
                until("it has begun", lambda: os.path.exists(self.log(form)) and self.read(form))
                pid = self.box.task("w@1")["pid"]
                p.kill()
                p.wait()
                open(gone, "w").close()
                until("it has finished", lambda: os.path.exists(done) and not alive(pid))


class Asked(Logs):
    def ask(self, *a):
        r = self.box.cli("logs", "--json", *a)
        self.assertEqual(r.returncode, 0, r.stderr)
        return [json.loads(l) for l in r.stdout.splitlines()]

    def setUp(self):
        super().setUp()
        go = self.box.path("go")
        job = [WORKER, "ready", "echo:hello", "await:" + go + "1", "begin:u1", "echo:<4>in u1", "end:u1", "await:" + go + "2", "begin:u2", "echo:in u2", "end:u2", "idle"]
        self.box.start("-c", self.box.config({"a": {"command": job, "log": {"file": self.log("a.log")}},
                                              "b": {"command": ["sh", "-c", "echo last words; echo '\033[2Jreally' >&2; exit 3"], "restart": "no", "log": {"file": self.log("b.log")}}}))
        self.box.until_task("failed", "b@1", lambda t: t["state"] == "failed")
        for i in (1, 2):
            until("the next line", lambda: len(self.ask("a")) == i)
            self.box.until_task("the unit before is over", "a@1", lambda t: t["units"]["done"] == i - 1)
            open(f"{go}{i}", "w").close()
        until("everything is said", lambda: len(self.ask()) == 5)

    def said(self, *a):
        return [l["msg"] for l in self.ask(*a)]

    def test_who_what_and_when(self):
        self.assertEqual(self.said("a"), ["hello", "in u1", "in u2"])
        self.assertEqual(self.said("a@1"), ["hello", "in u1", "in u2"])
        self.assertEqual(self.said(self.ask("a")[0]["handle"]), ["hello", "in u1", "in u2"])
        self.assertEqual(self.said("--unit", "u2"), ["in u2"])
        self.assertEqual(self.said("-l", "warning"), ["in u1"])
        self.assertEqual(self.said("-n", "1", "a"), ["in u2"])
        self.assertEqual(self.said("--since", "1h", "a"), ["hello", "in u1", "in u2"])
        self.assertEqual(self.said("--since", self.ask("a")[-1]["time"], "a")[-1:], ["in u2"])
        self.assertEqual(self.said("--since", "2999-01-01T00:00:00.000Z"), [])
        self.assertEqual([l["time"] for l in self.ask()], sorted(l["time"] for l in self.ask()))

    def test_for_people(self):
        out = self.box.cli("logs", "b").stdout
        self.assertRegex(out, r"^\w{3} \d\d \d\d:\d\d:\d\d\.\d{3} b@1  last words\n.* b@1  \\x1B\[2Jreally\n$")
        self.assertIn("a@1 [u1]  warning: in u1", self.box.cli("logs", "a").stdout)

    def test_mistakes(self):
        for args, status, word in ((["nobody"], 1, 'nothing here is called "nobody"'), (["--level", "loud"], 125, "level"), (["--since", "tea"], 125, "--since tea"), (["-n", "x"], 125, "--lines x")):
            r = self.box.cli("logs", *args)
            self.assertEqual((r.returncode, word in r.stderr), (status, True), r.stderr)

    def test_the_last_words_of_what_failed_are_in_status(self):
        self.assertEqual(self.box.task("b@1")["said"], ["last words", "\033[2Jreally"])
        self.assertNotIn("said", self.box.task("a@1"))
        self.assertEqual(self.box.task("b@1")["log"], {"to": "file", "file": self.log("b.log"), "format": "text", "lost": {"lines": 0, "bytes": 0}})
        self.assertTrue(self.box.cli("status").stdout.endswith("\nb@1 said: last words\nb@1 said: \\x1B[2Jreally\n"))

    def test_follow(self):
        p = subprocess.Popen(self.box.argv("logs", "-f", "-n", "1", "--json", "a"), stdout=subprocess.PIPE, text=True, env=self.box.env())
        self.box.procs.append(p)
        self.assertEqual(json.loads(p.stdout.readline())["msg"], "in u2")
        self.assertEqual(self.box.cli("restart", "a").returncode, 0)
        self.assertEqual(json.loads(p.stdout.readline())["msg"], "hello")
        self.box.procs[0].send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 0, "the end of taskd is the end of the stream")
        p.stdout.close()


class Flood(Logs):
    def test_a_slow_reader_costs_only_itself(self):
        go = self.box.path("go")
        self.start("sh", "-c", f"until [ -e {go} ]; do sleep 0.01; done; seq 1 300000; exec sleep 1000", max_size="infinity")
        c = UnixHTTP(self.box.sock)
        c.request("GET", "/v1/logs?follow=1")
        r = c.getresponse()
        open(go, "w").close()
        until("all is written", lambda: os.path.exists(self.log()) and self.read().count("\n") == 300000)
        seen, left_out = 0, 0
        while seen + left_out < 300000:
            line = json.loads(r.readline() or "{}")
            left_out += line.get("left_out", 0)
            seen += "msg" in line
        self.assertGreater(left_out, 0)
        self.assertEqual(seen + left_out, 300000)
        c.close()

    MEGABYTES = int(os.environ.get("LOG_MEGABYTES", "32"))
    LINE = b"x" * 99 + b"\n"

    @classmethod
    def printer(cls, size):
        return [sys.executable, "-c", f"import sys\nw = sys.stdout.buffer.write\nfor i in range({size // 10000}): w({cls.LINE!r} * 100)"]

    def cat(self, workers, each):
        """MB/s of the same bytes from as many printers through one cat into a file: what there is to compare with."""
        began = time.monotonic()
        with open(self.log(), "wb") as f, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=f) as cat:
            printers = [subprocess.Popen(self.printer(each), stdout=cat.stdin) for _ in range(workers)]
            cat.stdin.close()
            self.assertEqual({p.wait(600) for p in printers}, {0})
        rate = os.path.getsize(self.log()) / (time.monotonic() - began) / 1e6
        os.unlink(self.log())
        return rate

    def check_flood(self, workers, megabytes, form):
        """Everything arrives, and taskd does not grow. LOG_MEGABYTES=1024 in the environment makes it a gigabyte."""
        each = megabytes * MB // workers // 10000 * 10000
        job = {"command": self.printer(each), "replicas": workers, "restart": "no", "log": {"file": self.log(), "format": form, "max_size": "infinity"}}
        most, floor, began = 0, self.cat(workers, each), time.monotonic()
        p = self.box.start("-c", self.box.config({"w": job}))
        while p.poll() is None:
            with contextlib.suppress(OSError, IndexError), open(f"/proc/{p.pid}/statm") as f:
                most = max(most, int(f.read().split()[1]) * 4096)
            time.sleep(0.02)
        took = time.monotonic() - began
        with open(self.log(), "rb") as f:
            lines = sum(line.endswith(self.LINE) for line in f)
        self.assertEqual(lines * len(self.LINE), each * workers)
        rate = each * workers / took / 1e6
        print(f"\n{megabytes} MiB from {workers} as {form}: 0 bytes lost, {rate:.0f} MB/s, with cat {floor:.0f} MB/s; taskd has {most >> 10} KiB at most", end=" ")
        os.unlink(self.log())
        return most

    def test_one_worker(self):
        for form in ("text", "raw"):
            with self.subTest(form):
                self.check_flood(1, self.MEGABYTES, form)

    def test_a_hundred_workers(self):
        self.check_flood(100, self.MEGABYTES, "text")


class Journal(Logs):
    """A journal of our own, in a mount namespace of its own."""
    def setUp(self):
        super().setUp()
        self.need_root("a mount namespace")
        self.dir = self.box.path("journal")
        os.mkdir(self.dir)
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.journal.settimeout(60)

    def tearDown(self):
        self.journal.close()
        super().tearDown()

    def listen(self):
        self.journal.bind(self.dir + "/socket")
        os.chmod(self.dir + "/socket", 0o666)

    def run_taskd(self, *command):
        c = self.box.config({"w": {"command": [str(a) for a in command], "restart": "no", "log": {"to": "journal"}}})
        script = 'mkdir -p /run/systemd/journal 2>/dev/null || { mount -t tmpfs none /run && mkdir -p /run/systemd/journal; }; mount --bind "$1" /run/systemd/journal && shift && exec "$@"'
        p = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", self.dir, *self.box.argv("run", "-c", c)], stderr=self.err(), env=self.box.env())
        self.box.procs.append(p)
        return p

    @staticmethod
    def fields(datagram):
        found, rest = {}, datagram
        while rest:
            name, _, rest = rest.partition(b"\n")
            key, eq, value = name.partition(b"=")
            if not eq:
                n = int.from_bytes(rest[:8], "little")
                value, rest = rest[8:8 + n], rest[9 + n:]
            found[key.decode()] = value.decode()
        return found

    def test_fields(self):
        self.listen()
        go = self.box.path("go")
        p = self.run_taskd(WORKER, "ready", "begin:u 1", "echo:<4>careful", "end:u 1", "await:" + go, "echo:plain")
        got = [self.fields(self.journal.recv(65536))]
        self.box.until_task("the unit is over", "w@1", lambda t: t["units"]["done"] == 1)
        open(go, "w").close()
        got.append(self.fields(self.journal.recv(65536)))
        p.wait(60)
        self.assertEqual(got[0], {"PRIORITY": "4", "SYSLOG_IDENTIFIER": "w", "TASKD_TASK": "w@1", "TASKD_HANDLE": "w@1#1", "TASKD_UNIT": "u 1", "MESSAGE": "careful"})
        self.assertEqual((got[1]["MESSAGE"], got[1]["PRIORITY"], "TASKD_UNIT" in got[1]), ("plain", "6", False))

    def test_one_that_does_not_read_is_a_gap_that_is_counted(self):
        self.listen()
        p = self.run_taskd("seq", "1", "5000")
        p.wait(60)
        told = re.search(r"the journal: (\d+) lines could not be written", self.box.err())
        self.assertTrue(told, self.box.err())
        self.journal.setblocking(False)
        got = 0
        try:
            while self.journal.recv(65536):
                got += 1
        except BlockingIOError:
            pass
        self.assertEqual(got + int(told[1]), 5000)

    def test_without_a_journal(self):
        p = self.run_taskd("seq", "1", "50")
        self.assertEqual(p.wait(60), 0)
        self.assertIn("the journal: 50 lines could not be written", self.box.err())


if __name__ == "__main__":
    main()
