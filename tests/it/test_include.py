#!/usr/bin/env python3
"""A configuration in several files."""
import json, os, signal, unittest

from harness import WORKER, Case, main, until


class Include(Case):
    def file(self, name, content, mode=0o644):
        path = self.box.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))
        os.chmod(path, mode)
        return path

    def check(self, *words, code=1):
        r = self.box.cli("check", self.box.path("taskd.json"))
        self.assertEqual(r.returncode, code, r.stdout + r.stderr)
        for w in words:
            self.assertIn(w, r.stdout + r.stderr)
        return r.stdout + r.stderr

    def test_workers_of_all_files_with_the_defaults_of_the_first(self):
        self.file("taskd.json", {"include": ["conf.d/*.json", "more.json"], "defaults": {"stop_timeout": "7s", "start_timeout": "9s"},
                                 "workers": {"a": {"command": [WORKER, "ready", "idle"]}}})
        self.file("conf.d/20-c.json", {"workers": {"c": {"command": [WORKER, "ready", "idle"], "after": ["b"]}}})
        self.file("conf.d/10-b.json", {"$schema": "x", "workers": {"b": {"command": [WORKER, "ready", "env", "idle"]}}})
        self.file("more.json", {"workers": {"d": {"command": [WORKER, "ready", "idle"]}}})
        self.check("4 workers", code=0)
        p = self.box.start("-c", self.box.path("taskd.json"))
        until("all run", lambda: [t["id"] for t in self.box.status()["tasks"] if t["state"] == "running"] == ["a@1", "b@1", "c@1", "d@1"])
        self.assertIn("TASKD_GRACE_MS=7000", self.box.out())
        self.file("conf.d/30-e.json", {"workers": {"e": {"command": [WORKER, "ready", "idle"]}}})
        os.unlink(self.box.path("more.json"))
        self.file("more.json", {"workers": {}})
        p.send_signal(signal.SIGHUP)
        until("e has come and d has gone", lambda: [t["id"] for t in self.box.status()["tasks"] if t["state"] == "running"] == ["a@1", "b@1", "c@1", "e@1"])

    def test_only_included_workers(self):
        self.file("taskd.json", {"include": ["conf.d/*.json"]})
        self.file("conf.d/a.json", {"workers": {"a": {"command": ["true"]}}})
        self.check("1 worker", code=0)

    def test_no_worker_anywhere(self):
        self.file("taskd.json", {"include": ["conf.d/*.json"]})
        self.check("no worker is defined")

    def test_a_wildcard_may_match_nothing_a_name_may_not(self):
        self.file("taskd.json", {"include": ["conf.d/*.json", "missing.json"], "workers": {"a": {"command": ["true"]}}})
        out = self.check("missing.json", "taskd.json:1:")
        self.assertEqual(len(out.strip().splitlines()), 1, out)

    def test_mistakes_are_told_with_their_own_file_and_place_all_at_once(self):
        main = '{"include": ["conf.d/*.json"], "workers": {"a": {"command": ["true"], "replcas": 2}}}'
        self.file("taskd.json", main)
        self.file("conf.d/b.json", '{\n  "workers": {\n    "b": {"command": ["true"], "stop_timeout": "soon"}\n  },\n  "daemon": {}\n}')
        self.file("conf.d/c.json", '{"workers": ')
        self.check(f"taskd.json:1:{main.index('replcas')}: workers.a.replcas", "conf.d/b.json:3:48: workers.b.stop_timeout", "conf.d/b.json:5:3: daemon", "conf.d/c.json:1:")

    def test_a_worker_that_is_defined_twice(self):
        self.file("taskd.json", {"include": ["b.json"], "workers": {"a": {"command": ["true"]}}})
        self.file("b.json", {"workers": {"a": {"command": ["false"]}}})
        self.check("b.json:1:", "taskd.json", "workers.a")

    def test_a_circle_through_two_files(self):
        self.file("taskd.json", {"include": ["b.json"], "workers": {"a": {"command": ["true"], "after": ["b"]}}})
        self.file("b.json", {"workers": {"b": {"command": ["false"], "after": ["a"]}}})
        self.check("b.json:1:", "a -> b -> a")

    def test_a_mistake_in_the_defaults_is_told_there(self):
        self.file("taskd.json", {"include": ["b.json"], "defaults": {"timezone": "Mars/X"}, "workers": {"a": {"command": ["true"], "schedule": "@daily"}}})
        self.file("b.json", {"workers": {"b": {"command": ["false"], "schedule": "@daily"}}})
        out = self.check("taskd.json:1:", "defaults.timezone")
        self.assertEqual(len(out.strip().splitlines()), 1, out)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_file_that_anyone_can_write_is_refused(self):
        self.file("taskd.json", {"include": ["b.json"], "workers": {"a": {"command": ["true"]}}})
        self.file("b.json", {"workers": {"b": {"command": ["true"]}}}, 0o666)
        self.check("b.json", "everyone can write")

    def test_no_file_includes_within_an_included_one(self):
        self.file("taskd.json", {"include": ["b.json"]})
        self.file("b.json", {"include": ["c.json"], "workers": {"b": {"command": ["true"]}}})
        self.check("b.json:1:2: include", "workers")


if __name__ == "__main__":
    main()
