"""Holds every #include of src/ against the list of allowed arrows in ARCHITECTURE.md: none that is not listed, none that is listed in
vain, no circle, and every file in exactly one room."""
import os, re, sys, unittest

TOP = os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(__file__), "..", "..")


def rooms():
    """{room: (files, allowed rooms)} out of the fenced block that follows the words "allowed arrows"."""
    with open(os.path.join(TOP, "ARCHITECTURE.md")) as f:
        block = re.search(r"allowed arrows.*?```text\n(.*?)```", f.read(), re.S | re.I).group(1)
    out = {}
    for line in block.splitlines():
        m = re.fullmatch(r"(\S+)\s*:\s*(.*?)\s*->\s*(.*)", line)
        if not m:
            raise ValueError(f"ARCHITECTURE.md: not an arrow line: {line!r}")
        out[m[1]] = (m[2].split(), m[3].split())
    return out


def sources():
    for folder in ("common", "libtaskd", "taskd"):
        for name in sorted(os.listdir(os.path.join(TOP, "src", folder))):
            if name.endswith((".c", ".h")):
                yield folder, name


def includes(folder, name):
    with open(os.path.join(TOP, "src", folder, name)) as f:
        return re.findall(r'#include "((?:common|libtaskd|taskd)/\w+)\.h"', f.read())


class Arrows(unittest.TestCase):
    def setUp(self):
        self.rooms = rooms()
        self.room_of = {}
        for room, (files, _) in self.rooms.items():
            for f in files:
                self.assertNotIn(f, self.room_of, "in two rooms")
                self.room_of[f] = room

    def find(self, folder, stem):
        return folder if folder != "taskd" else self.room_of.get(stem)

    def arrows(self):
        for folder, name in sources():
            here = self.find(folder, name.rsplit(".", 1)[0])
            for inc in includes(folder, name):
                there = self.find(*inc.split("/"))
                if there != here:
                    yield here, there, f"{folder}/{name} includes {inc}.h"

    def test_every_file_has_a_room(self):
        for folder, name in sources():
            self.assertIsNotNone(self.find(folder, name.rsplit(".", 1)[0]), f"src/{folder}/{name} is in no room of ARCHITECTURE.md")
        known = {name.rsplit(".", 1)[0] for folder, name in sources() if folder == "taskd"}
        self.assertEqual(set(self.room_of) - known, set(), "files that are not there")

    def test_every_arrow_is_allowed(self):
        for here, there, what in self.arrows():
            self.assertIn(there, self.rooms[here][1], f"{what}: {here} -> {there} is not in ARCHITECTURE.md")

    def test_every_allowed_arrow_is_used(self):
        used = {(here, there) for here, there, _ in self.arrows()}
        listed = {(room, to) for room, (_, tos) in self.rooms.items() for to in tos}
        self.assertEqual(listed - used, set())

    def test_no_circles(self):
        done, way = set(), []

        def walk(room):
            self.assertNotIn(room, way, " -> ".join([*way, room]))
            if room in done:
                return
            way.append(room)
            for to in self.rooms[room][1]:
                walk(to)
            way.pop()
            done.add(room)
        for room in self.rooms:
            walk(room)

    def test_the_library_lives_in_somebody_elses_process(self):
        words = re.compile(r"\b(abort|exit|_exit|printf|fprintf|puts|syslog|signal|sigaction|pthread_create)\s*\(|#include <event2")
        for folder, name in sources():
            if folder in ("common", "libtaskd"):
                with open(os.path.join(TOP, "src", folder, name)) as f:
                    code = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
                self.assertIsNone(words.search(code), f"src/{folder}/{name}: {words.search(code)}")

    def test_state_changes_in_one_place(self):
        changes = []
        for folder, name in sources():
            if folder == "taskd":
                with open(os.path.join(TOP, "src", folder, name)) as f:
                    changes += [f"{name}: {line.strip()}" for line in f if re.search(r"\bt->state = ", line)]
        self.assertEqual(changes, ["task.c: t->state = step.next;", "task.c: t->state = TASK_STOPPED;"])


if __name__ == "__main__":
    r = unittest.main(exit=False).result
    sys.exit(not r.wasSuccessful())
