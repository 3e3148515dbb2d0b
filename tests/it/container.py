"""Starts taskd as process 1, in pid and mount namespaces of its own, as a container does. Needs a machine that gives namespaces, to root
or to a user: main() skips loudly without."""
import os, subprocess, sys

import harness
from harness import TASKD, Case, until

SPACE = ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--mount-proc", "--propagation", "private"]
AS_USER = ["--user", "--map-root-user"]
# A tmpfs, so that nothing of the machine's own is written; a folder that is not there cannot be covered.
WRITABLE = "for d in /run /var/lib; do mount -t tmpfs none $d; done"
READ_ONLY = "mount -o remount,bind,ro /; for d in /run /var/lib; do mount -t tmpfs -o ro none $d; done"


def space():
    """The words that make the namespaces, or None. First those in which root is nobody outside."""
    for extra in (AS_USER, []):
        words = [SPACE[0], *extra, *SPACE[1:]]
        check = subprocess.run([*words, "sh", "-c", WRITABLE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if check.returncode == 0:
            return words
    return None


class Container(Case):
    """start_one() is a container's start: a shell arranges the mounts and becomes taskd, which stays process 1."""

    def words(self, *argv, setup=WRITABLE, own=True):
        taskd = self.box.argv() if own else [TASKD]
        return [*NAMESPACES, "sh", "-c", f'{setup}; cd /; exec "$@"', "sh", *taskd, *map(str, argv)]

    def start_one(self, *argv, env=None, **kw):
        return self.start_words(self.words(*argv, **kw), env)

    def start_words(self, words, env=None):
        err, out = open(self.box.path("err"), "ab"), open(self.box.path("out"), "ab")
        self.box.files += [err, out]
        env = dict(self.box.env() if env is None else env)
        # A sanitizer's search for leaks needs a tracer, and nobody may trace process 1 from within.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        p = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)
        self.box.procs.append(p)
        return p

    def run_one(self, *argv, **kw):
        """Its exit status. When it has come, the kernel has emptied the namespace."""
        return self.start_one(*argv, **kw).wait(60)

    def ready(self, p):
        until("taskd answers", lambda: p.poll() is not None or self.box.get("/v1/version", quiet=True))
        self.assertIsNone(p.poll(), self.box.err())

    def one(self, p):
        """The number that process 1 has out here."""
        def child():
            with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
                return [int(x) for x in f.read().split()]
        return until("the namespace has its process 1", child)[0]

    def signal(self, p, signo):
        pid = self.one(p)
        self.assertGreater(pid, 1)
        os.kill(pid, signo)


NAMESPACES = space()


def sanitized():
    """A sanitizer does not begin without /proc, and cannot be linked statically: what needs that is left out with one."""
    with open(TASKD, "rb") as f:
        program = f.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def main():
    if NAMESPACES:
        harness.main()
        return
    print("SKIPPED: this machine allows no new pid and mount namespaces")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)
