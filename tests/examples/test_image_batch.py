#!/usr/bin/env python3
"""The image batch keeps its promise: an image exactly where there is a row, whatever ends it, and whenever."""
import os, random, shutil, signal, sqlite3, subprocess, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from harness import Case, PATIENCE, alive, main, until

BUILT = os.path.join(os.path.abspath(os.environ.get("TOP_BUILDDIR", ".")), "examples", "image-batch")
BATCH, MAKE = os.path.join(BUILT, "image-batch"), os.path.join(BUILT, "make-pictures")
SEED = int(os.environ.get("TASKD_TEST_SEED", "0")) or random.randrange(1, 1 << 32)
STOPS, KILLS = int(os.environ.get("TASKD_TEST_MOMENTS", "50")), 20
PICTURES = 12


def whole_jpeg(path):
    with open(path, "rb") as f:
        data = f.read()
    return data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"


class Batch(Case):
    def setUp(self):
        super().setUp()
        self.pictures, self.out, self.db = (self.box.path(n) for n in ("in", "small", "results.db"))
        subprocess.run([MAKE, self.pictures, str(PICTURES), "160", "120"], check=True, timeout=PATIENCE)
        self.random = random.Random(SEED)

    def argv(self, *more):
        return [BATCH, "--db", self.db, "--out", self.out, "--width", "40", *more, self.pictures]

    def by_hand(self, *more):
        return subprocess.run(self.argv(*more), capture_output=True, text=True, timeout=PATIENCE, env=self.box.env())

    def start(self, replicas=2, slow=0, **keys):
        more = ["--slow", str(slow)] if slow else []
        return self.box.start("-c", self.box.config({"resize": {"command": self.argv(*more), "replicas": replicas,
                                                                "backoff": {"initial": "10ms"}, **keys}}))

    def rows(self, table="images"):
        if not os.path.exists(self.db):
            return set()
        with sqlite3.connect(self.db, timeout=30) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                return set()
            return {path for path, in db.execute(f"SELECT path FROM {table}")}

    def images(self):
        return {n for n in os.listdir(self.out) if not n.startswith(".")} if os.path.isdir(self.out) else set()

    def hidden(self):
        return {n for n in os.listdir(self.out) if n.startswith(".")} if os.path.isdir(self.out) else set()

    def check_whole(self):
        if os.path.exists(self.db):
            with sqlite3.connect(self.db, timeout=30) as db:
                self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        for name in self.images():
            self.assertTrue(whole_jpeg(os.path.join(self.out, name)), f"{name} is cut off (seed {SEED})")

    def check_exact(self):
        """What every orderly stop must leave behind."""
        self.check_whole()
        self.assertEqual(self.images(), self.rows(), f"images and rows differ (seed {SEED})")
        self.assertEqual(self.hidden(), set(), f"unfinished files (seed {SEED})")

    def begin_again(self):
        shutil.rmtree(self.out, ignore_errors=True)
        for name in os.listdir(self.box.dir):
            if name.startswith("results.db"):
                os.unlink(self.box.path(name))

    def clear_records(self):
        shutil.rmtree(self.box.state, ignore_errors=True)

    # --- by hand

    def test_by_hand_does_everything_once(self):
        p = self.by_hand()
        self.assertEqual((p.returncode, p.stdout.splitlines()[-1]), (0, f"{PICTURES} done, 0 failed"), p.stderr)
        self.check_exact()
        self.assertEqual(len(self.rows()), PICTURES)
        self.assertEqual(self.by_hand().stdout, "0 done, 0 failed\n")
        self.assertEqual(self.by_hand("--report").stdout, f"{PICTURES} pictures, {PICTURES} images, {PICTURES} rows, 0 failures, 0 left\n")

    def test_copies_have_the_width_and_the_proportions(self):
        self.by_hand()
        with sqlite3.connect(self.db) as db:
            self.assertEqual(set(db.execute("SELECT width, height FROM images")), {(40, 30)})
            for path, size in db.execute("SELECT path, bytes FROM images"):
                self.assertEqual(os.path.getsize(os.path.join(self.out, path)), size)

    def test_broken_pictures_are_failures_and_not_tried_again(self):
        victim = os.path.join(self.pictures, "view_0003.jpg")
        with open(victim, "rb") as f:
            data = f.read()
        for broken in (b"no picture", b"", data[:len(data) // 2]):
            with self.subTest(size=len(broken)):
                self.begin_again()
                with open(victim, "wb") as f:
                    f.write(broken)
                p = self.by_hand()
                self.assertEqual((p.returncode, p.stdout.splitlines()[-1]), (0, f"{PICTURES - 1} done, 1 failed"))
                self.assertIn("view_0003.jpg", p.stderr)
                self.assertEqual(self.rows("failures"), {"view_0003.jpg"})
                self.check_exact()
                self.assertEqual(self.by_hand().stdout, "0 done, 0 failed\n")
        with open(victim, "wb") as f:
            f.write(data)
        self.assertEqual(self.by_hand().stdout.splitlines()[-1], "1 done, 0 failed")
        self.assertEqual(self.rows("failures"), set())
        self.check_exact()

    def test_wrong_use_is_refused(self):
        for args in ([], ["--db", self.db, self.pictures], ["--db", self.db, "--out", self.out, "--width", "0", self.pictures],
                     ["--db", self.db, "--out", self.out, "--width", "9x", self.pictures], ["--strange"]):
            with self.subTest(args):
                self.assertEqual(subprocess.run([BATCH, *args], capture_output=True, timeout=PATIENCE).returncode, 2)
        p = subprocess.run([BATCH, "--db", self.db, "--out", self.pictures, self.pictures], capture_output=True, timeout=PATIENCE)
        self.assertEqual(p.returncode, 1)

    def test_interrupted_by_hand_finishes_the_picture(self):
        p = subprocess.Popen(self.argv("--slow", "200"), stdout=subprocess.PIPE, text=True, env=self.box.env())
        until("a picture is done", self.images)
        p.send_signal(signal.SIGINT)
        out, _ = p.communicate(timeout=PATIENCE)
        self.assertEqual(p.returncode, 0)
        self.assertIn("stopped", out)
        self.check_exact()
        self.assertLess(len(self.rows()), PICTURES)

    def test_a_full_disk_costs_neither_row_nor_image(self):
        """A limit on the size of a file stands in for the full disk: the copy cannot be written."""
        big = self.box.path("big")
        subprocess.run([MAKE, big, "1", "1600", "1200"], check=True, timeout=PATIENCE)
        shutil.copy(os.path.join(big, "view_0001.jpg"), os.path.join(self.pictures, "a.jpg"))
        p = subprocess.run(["sh", "-c", 'trap "" XFSZ; ulimit -f 128; exec "$@"', "sh", *self.argv("--width", "1600")],
                           capture_output=True, text=True, timeout=PATIENCE, env=self.box.env())
        self.assertEqual(p.returncode, 1, p.stdout)
        self.assertIn("a.jpg: File too large", p.stderr)
        self.assertEqual(self.images(), set())
        self.check_exact()
        self.assertEqual(self.by_hand().returncode, 0)
        self.assertEqual(len(self.rows()), PICTURES + 1)
        self.check_exact()

    # --- under taskd

    def test_replicas_share_the_work(self):
        p = self.start(replicas=4, slow=50)
        self.assertEqual(p.wait(PATIENCE), 0, self.box.err())
        self.check_exact()
        records = self.box.records()
        self.assertEqual([r["outcome"] for r in records], ["ok"] * 4)
        self.assertEqual(sum(r["value"]["done"] for r in records), PICTURES, "done twice, or not at all")
        self.assertEqual(sum(r["units"]["done"] for r in records), PICTURES)
        self.assertGreater(len({r["id"] for r in records if r["value"]["done"]}), 1, "one did it all")

    def test_progress_and_status_are_shown(self):
        self.start(replicas=1, slow=500)
        t = self.box.until_task("progress and a total", "resize@1",
                                lambda t: t["text"] and t["unit"] and t["unit"].get("done", 0) and t["unit"]["done"] > 1)
        self.assertEqual(t["unit"]["total"], 14)
        self.assertRegex(t["text"], rf"^\d+/{PICTURES}$")

    def test_failed_units_are_reported(self):
        with open(os.path.join(self.pictures, "broken.png"), "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n and no more")
        p = self.start(replicas=1)
        self.assertEqual(p.wait(PATIENCE), 0, self.box.err())
        record = self.one_record()
        self.assertEqual((record["outcome"], record["value"]), ("ok", {"done": PICTURES, "failed": 1}))
        self.assertEqual(record["units"], {"done": PICTURES, "failed": 1, "lost": 0})

    def test_a_stop_at_any_moment_loses_nothing(self):
        """Stops at many random moments, the batch going on after each and beginning anew when it is through."""
        for i in range(STOPS):
            p = self.start(slow=self.random.choice((0, 0, 50)))
            end = time.monotonic() + self.random.uniform(0, 0.25)
            while time.monotonic() < end and p.poll() is None:
                time.sleep(0.001)
            if p.poll() is None:
                p.send_signal(self.random.choice((signal.SIGINT, signal.SIGTERM)))
            self.assertEqual(p.wait(PATIENCE), 0, f"stop {i}, seed {SEED}: {self.box.err()[-2000:]}")
            self.check_exact()
            if len(self.rows()) == PICTURES:
                self.begin_again()
            for record in self.box.records():
                self.assertIn(record["outcome"], ("ok", "cancelled"), f"stop {i}, seed {SEED}: {record}")
                self.assertIsNone(record["unit"], f"stop {i}, seed {SEED}: {record}")
            self.clear_records()

    def test_killed_workers_leave_a_whole_database_and_their_picture_is_done_again(self):
        for i in range(KILLS):
            p = self.start(slow=50, restart_limit={"count": 1000, "interval": "1min"})
            until("a worker runs", lambda: p.poll() is not None or any(t["pid"] for t in (self.box.status(quiet=True) or {"tasks": []})["tasks"]))
            time.sleep(self.random.uniform(0, 0.2))   # the moment is the point
            for task in (self.box.status(quiet=True) or {"tasks": []})["tasks"]:
                if (task["pid"] or 0) > 1:
                    try:
                        os.kill(task["pid"], signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            self.check_whole()
            self.assertEqual(p.wait(PATIENCE), 0, f"kill {i}, seed {SEED}: {self.box.err()[-2000:]}")
            self.check_exact()
            self.assertEqual(len(self.rows()), PICTURES, f"kill {i}, seed {SEED}")
            self.begin_again()
            self.clear_records()

    def test_a_claim_dies_with_its_holder(self):
        """A worker is frozen with a picture in its hands: the others leave that one alone; killed, and it is done at once."""
        holder = subprocess.Popen(self.argv("--slow", "60000"), stdout=subprocess.DEVNULL, env=self.box.env())
        try:
            until("it has a picture", lambda: self.claimed(holder.pid))
            self.assertEqual(self.by_hand().stdout.splitlines()[-1], f"{PICTURES - 1} done, 0 failed")
            self.assertEqual(len(self.rows()), PICTURES - 1)
        finally:
            holder.kill()
            holder.wait()
        self.assertFalse(alive(holder.pid))
        self.assertEqual(self.by_hand().stdout.splitlines()[-1], "1 done, 0 failed")
        self.check_exact()

    def claimed(self, pid):
        inode = os.stat(self.db + ".claims").st_ino if os.path.exists(self.db + ".claims") else 0
        with open("/proc/locks") as f:
            return any("OFDLCK" in line and f":{inode} " in line for line in f)

    def test_killed_between_the_name_and_the_commit(self):
        """The worst moment: the image has its name, the row is not committed."""
        if not shutil.which("strace"):
            self.skipTest("needs strace")
        p = subprocess.run(["strace", "-f", "-qq", "-o", self.box.path("trace"), "-e", "trace=renameat,renameat2,rename", "-e",
                            "inject=renameat,renameat2,rename:signal=KILL:when=3", *self.argv()], capture_output=True, timeout=PATIENCE)
        self.assertNotEqual(p.returncode, 0)
        self.check_whole()
        self.assertTrue(self.rows() <= self.images(), "a row without its image")
        self.assertEqual(self.by_hand().stdout.splitlines()[-1], f"{PICTURES - 2} done, 0 failed")
        self.check_exact()
        self.assertEqual(len(self.rows()), PICTURES)


if __name__ == "__main__":
    main()
