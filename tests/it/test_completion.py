#!/usr/bin/env python3
"""What a shell offers at Tab: what `taskd complete` says, and what bash, zsh and fish make of it on a real line."""
import json, os, re, shutil, socket, subprocess, sys, threading, unittest

from harness import TASKD, Case, Terminal, main, until

TOP = os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPTS = os.path.abspath(os.path.join(TOP, "etc", "completions"))


def plain_help(*command):
    return subprocess.run([TASKD, *command, "--help"], capture_output=True, text=True).stdout


class Complete(Case):
    def ask(self, *words, env=None):
        r = subprocess.run([TASKD, "complete", "--", *words], capture_output=True, text=True, timeout=60, env=self.box.env(**{"TASKD_SOCKET": self.box.sock, **(env or {})}))
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        return r.stdout.splitlines()

    def values(self, *words, **kw):
        return [line.split("\t")[0] for line in self.ask(*words, **kw)]


class Tables(Complete):
    def commands(self):
        return re.findall(r"^  ([a-z]+) ", plain_help(), re.M)

    def test_every_command_and_no_hidden_one(self):
        self.assertGreater(len(self.commands()), 15)
        self.assertEqual(self.values(""), self.commands())
        self.assertEqual(self.values("help", ""), self.commands())
        self.assertEqual(self.values("st"), ["start", "stop", "status"])
        self.assertNotIn("complete", plain_help())

    def test_every_option_of_every_command(self):
        for command in self.commands():
            with self.subTest(command=command):
                options = re.findall(r"^  (?:-\w,|   ) (--[a-z-]+)", plain_help(command), re.M)
                self.assertIn("--socket", options)
                self.assertEqual(self.values(command, "-"), options)
        self.assertEqual(self.values("--v"), ["--version"])
        self.assertEqual(self.values("logs", "--fo"), ["--follow"])

    def test_what_a_value_may_be(self):
        for words, values in ((["run", "--restart", ""], ["no", "on-failure", "always"]), (["run", "--restart=on"], ["--restart=on-failure"]), (["spawn", "--channel", "n"], ["node-ipc", "none"]),
                              (["logs", "-l", "e"], ["emerg", "err"]), (["logs", "-fl", "e"], ["emerg", "err"]), (["run", "--stop-signal", "U"], ["USR1", "USR2"]), (["events", "--since", ""], ["first"]), (["events", "--units", ""], ["all"]),
                              (["run", "-c", "x"], [":files"]), (["run", "--config=x"], [":files"]), (["stop", "--state-dir", ""], [":dirs"]), (["stop", "--timeout", ""], []),
                              (["stop", "--nonsense=", ""], []), (["stop", "--now=x"], []), (["check", ""], [":files"]), (["schema", ""], []), (["run", ""], ["--"]), (["nonsense", ""], []), (["-"], ["--version", "--socket", "--state-dir", "--help"])):
            with self.subTest(words=words):
                self.assertEqual(self.values(*words), values)

    def test_another_command_line(self):
        for words, line in ((["run", "--", ""], ":command 2"), (["run", "--restart", "no", "--", "ls", "-l"], ":command 4"), (["--socket", "s", "spawn", "--", "x"], ":command 4"), (["spawn", "resize", "--", ""], ":command 3")):
            with self.subTest(words=words):
                self.assertEqual(self.ask(*words), [line])
        self.assertEqual(self.values("stop", "--", "--no"), [])

    def test_words_are_described_in_a_line(self):
        self.assertEqual([line for line in self.ask("run", "-") if not re.fullmatch(r"--[a-z-]+\t[^\t]{1,80}", line)], [])


class Names(Complete):
    def setUp(self):
        super().setUp()
        self.box.start("-c", self.box.config({"resize": {"command": ["sleep", "1000"], "replicas": 2}, "upload": {"command": ["sleep", "1000"]}}))

    def test_workers_tasks_and_lives(self):
        handles = {t["id"]: t["handle"] for t in self.box.tasks().values()}
        self.assertEqual(self.values("stop", ""), ["resize", "resize@1", "resize@2", "upload", "upload@1"])
        self.assertEqual(self.values("status", "resize@"), ["resize@1", "resize@2"])
        self.assertEqual(self.values("wait", "up"), ["upload", "upload@1", handles["upload@1"]])
        self.assertEqual(self.values("scale", ""), ["resize=", "upload="])
        self.assertEqual(self.values("spawn", ""), ["resize", "upload", "--"])
        self.assertEqual(self.values("logs", "-f", "--", "u"), ["upload", "upload@1", handles["upload@1"]])

    def test_of_the_daemon_that_is_meant(self):
        other = {"TASKD_SOCKET": self.box.path("nobody")}
        self.assertEqual(self.values("stop", "u", env=other), [])
        self.assertEqual(self.values("stop", "--socket", self.box.sock, "u", env=other), ["upload", "upload@1"])
        self.assertEqual(self.values("--socket=" + self.box.sock, "stop", "u", env=other), ["upload", "upload@1"])


class Stranger(Complete):
    """Somebody else listens at the socket."""
    def listen(self, answer):
        s = socket.socket(socket.AF_UNIX)
        s.bind(self.box.sock)
        s.listen()
        self.addCleanup(s.close)
        def serve():
            c = s.accept()[0]
            self.addCleanup(c.close)
            if answer:
                c.recv(4096)
                c.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
                c.shutdown(socket.SHUT_RDWR)
        t = threading.Thread(target=serve, daemon=True)
        t.start()
        return t

    def test_a_name_that_would_be_more_than_a_word_is_not_offered(self):
        names = ["good", "$(touch oops)", "`id`", "a b", "a;b", "a\nb", ":files", "--now", "\x1b[2J", "a'b", ""]
        tasks = [{"worker": n, "id": n, "handle": n, "state": "running"} for n in names]
        self.listen(json.dumps({"tasks": tasks}).encode())
        self.assertEqual(self.values("wait", "")[:1], ["good"])
        self.assertLessEqual(set(self.values("wait", "")), {"good", "--now"})

    def test_one_who_lets_nobody_in(self):
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.bind(self.box.sock)
        s.listen(0)
        waiting = []
        with self.assertRaises(BlockingIOError):
            while True:
                c = socket.socket(socket.AF_UNIX)
                self.addCleanup(c.close)
                c.setblocking(False)
                c.connect(self.box.sock)
                waiting.append(c)
        self.assertEqual(self.values("stop", ""), [])

    def test_one_who_never_answers(self):
        self.listen(None)
        self.assertEqual(self.values("stop", ""), [])


# In zsh complete-word, since Tab would otherwise expand the word first, and run what is in it, whatever is completed.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1='' HISTFILE=; bind 'set bell-style none'; source {scripts}/bash/taskd; bind -x '\"\\C-x\": printf %s \"$READLINE_LINE\" >line.new; mv line.new line'\n"),
    "zsh": (["zsh", "-f", "-i"], "PS1=''; fpath=({scripts}/zsh $fpath); autoload -Uz compinit; compinit -u -D; dump() {{ print -rn -- $BUFFER >line.new; mv line.new line }}; zle -N dump; bindkey '^X' dump; bindkey '^I' complete-word; setopt no_beep\n"),
    "fish": (["fish", "--no-config", "-i"], "function fish_prompt; end; source {scripts}/fish/taskd.fish; function dump; printf %s (commandline) >line.new; mv line.new line; end; bind \\cx dump\n"),
}


class Line(Case):
    """A line is typed, Tab is pressed, and this is what stands there."""
    LINES = [
        ("taskd stat\t", "taskd status "),
        ("taskd status --wat\t", "taskd status --watch "),
        ("taskd run --restart=al\t", "taskd run --restart=always "),
        ("taskd run --restart al\t", "taskd run --restart always "),
        ("taskd logs -l war\t", "taskd logs -l warning "),
        ("taskd stop up\t", "taskd stop upload"),
        ("taskd stop upload@\t", "taskd stop upload@1 "),
        ("taskd scale up\t", "taskd scale upload="),
        ("taskd check unus\t", "taskd check unusual.json "),
        ("taskd run -c unus\t", "taskd run -c unusual.json "),
        ("taskd run --config=unus\t", "taskd run --config=unusual.json "),
        ("taskd run --state-dir fol\t", "taskd run --state-dir folder/"),
        ("taskd run -- cat unus\t", "taskd run -- cat unusual.json "),
        ("taskd run --replicas 2 -- unlikely-\t", "taskd run --replicas 2 -- unlikely-command "),
        ("taskd nonsense \t", "taskd nonsense "),
        ("taskd check od\t", r"taskd check odd\ name.json "),
        ("taskd run --config=od\t", r"taskd run --config=odd\ name.json "),
        ("taskd check wic\t", r"taskd check wicked\$\(touch\ oops\)\;.json "),
        ("taskd run -- cat wic\t", r"taskd run -- cat wicked\$\(touch\ oops\)\;.json "),
        ("taskd stop $(touch oops)\t", None),
        ("taskd --socket `touch oops` stop \t", None),
    ]

    def setUp(self):
        super().setUp()
        self.box.start("-c", self.box.config({"upload": {"command": ["sleep", "1000"]}}))
        self.there = self.box.path("there")
        os.makedirs(self.there + "/folder")
        os.mkdir(self.box.path("bin"))
        os.symlink(TASKD, self.box.path("bin", "taskd"))
        for path in (self.there + "/unusual.json", self.there + "/odd name.json", self.there + "/wicked$(touch oops);.json", self.box.path("bin", "unlikely-command")):
            with open(path, "w") as f:
                f.write("#!/bin/sh\n")
            os.chmod(path, 0o755)

    def line(self):
        try:
            with open(self.there + "/line") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def check_lines(self, shell):
        argv, setup = SHELLS[shell]
        env = self.box.env(TASKD_SOCKET=self.box.sock, TERM="xterm", PATH=self.box.path("bin") + ":" + os.environ["PATH"], PWD=self.there)
        os.chdir(self.there)
        t = Terminal([shutil.which(shell), *argv[1:]], env, size=(40, 300))
        try:
            t.type(setup.format(scripts=SCRIPTS) + "touch ready\n")
            t.until("it is set up", lambda _: os.path.exists(self.there + "/ready"))
            for typed, want in self.LINES:
                with self.subTest(typed=typed):
                    t.type(typed + "\x18")
                    t.until("the line", lambda _: self.line() is not None)
                    line = self.line()
                    os.unlink(self.there + "/line")
                    self.assertIn(want, (line, None))
                    self.assertFalse(os.path.exists(self.there + "/oops"))
                t.type("\x15")
        finally:
            t.type("\x15exit\n")
            t.wait()
            os.chdir("/")


def add(shell):
    def test(self):
        self.check_lines(shell)
    if not shutil.which(shell):
        test = unittest.skip(f"{shell} is not here: its completion was NOT tested")(test)
    setattr(Line, "test_" + shell, test)


for one in SHELLS:
    add(one)

if __name__ == "__main__":
    main()
