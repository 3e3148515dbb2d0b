#!/usr/bin/env python3
"""Twenty busy workers, a thousand random operations, and what must hold all the same.

What the workers did is read from diaries that they write themselves, what taskd says about it from its records. The seed
is printed; TASKD_TEST_SEED gives another one, TASKD_TEST_OPERATIONS another number."""
import collections, http.client, json, os, random, signal, time

from harness import WORKER, Case, UnixHTTP, alive, main, until

SEED = int(os.environ.get("TASKD_TEST_SEED", "20261123"))
OPERATIONS = int(os.environ.get("TASKD_TEST_OPERATIONS", "1000"))
GRACE = 8000


class Random(Case):
    def worker(self, unit_ms, **keys):
        return {"command": [WORKER, f"alone:{self.alone}", f"diary:{self.diary}", "ready", f"loop:{unit_ms}"], "stop_timeout": f"{GRACE}ms",
                "backoff": {"initial": "1ms", "max": "20ms"}, "restart_limit": {"count": 1000000, "interval": "0s"}, **keys}

    def workers(self, flavour):
        made = {}
        for i in range(20):
            keys = {}
            if i % 5 == 0:
                keys["replicas"] = 2
            if i in (3, 4, 7):
                keys["part_of"] = "g"
                keys["strategy"] = ["one_for_one", "one_for_all", "rest_for_one"][i % 3]
            if i in (8, 9):
                keys["after"] = [f"w{i - 2}"]
            if i == 11:
                keys["max_units"] = 50
            if i % 4 == flavour % 4:
                keys["env"] = {"FLAVOUR": str(flavour)}
            made[f"w{i}"] = self.worker(3 + 5 * (i % 7), **keys)
        return made

    def write(self, flavour):
        with open(self.box.path("new.json"), "w") as f:
            json.dump({"workers": self.workers(flavour)}, f)
        os.replace(self.box.path("new.json"), self.box.path("taskd.json"))

    # --- operations: each says what it did -------------------------------------------------------------------------

    def scope(self):
        w = f"w{self.dice.randrange(20)}"
        return self.dice.choice([w, w, f"{w}@1", "g"])

    def ask(self, path, body=None):
        status, answer = self.box.post(path, body)
        self.assertLess(status, 500, answer)
        return status

    def kill(self):
        t = self.dice.choice(self.box.status()["tasks"])
        if t["pid"] and t["pid"] > 1:
            try:
                os.kill(t["pid"], signal.SIGKILL)
            except ProcessLookupError:
                pass

    def stop(self): self.ask(f"/v1/workers/{self.scope()}/stop")
    def start(self): self.ask(f"/v1/workers/{self.scope()}/start")
    def restart(self): self.ask(f"/v1/workers/{self.scope()}/restart", {"max_unavailable": self.dice.randrange(1, 4)})
    def drain(self): self.ask(f"/v1/workers/{self.scope()}/drain")
    def resume(self): self.ask(f"/v1/workers/{self.scope()}/resume")
    def abort(self): self.ask(f"/v1/workers/{self.scope()}/abort")
    def scale(self): self.ask(f"/v1/workers/w{self.dice.randrange(20)}/scale", {"replicas": self.dice.randrange(0, 4)})

    def reload(self):
        self.write(self.dice.randrange(4))
        self.ask("/v1/reload")

    def spawn(self):
        self.ask("/v1/spawn", {"worker": f"w{self.dice.randrange(20)}", "detach": True})

    def spawn_command(self):
        self.ask("/v1/spawn", {"command": [WORKER, "ready", "unit:u:20", "result:1"], "name": "once", "detach": True})

    def client_death(self):
        """A client that spawned and leaves takes its task along; one that waits takes nothing."""
        for method, path, body in (("POST", "/v1/spawn", {"worker": f"w{self.dice.randrange(20)}"}),
                                   ("GET", f"/v1/tasks/w{self.dice.randrange(20)}/wait", None)):
            c = UnixHTTP(self.box.sock)
            c.request(method, path, body=json.dumps(body) if body else None)
            self.clients.append(c)
        while len(self.clients) > self.dice.randrange(8):
            self.clients.pop(self.dice.randrange(len(self.clients))).close()

    def status(self):
        self.box.status()

    # --- what must hold --------------------------------------------------------------------------------------------

    def usage(self, pid):
        with open(f"/proc/{pid}/statm") as f:
            return len(os.listdir(f"/proc/{pid}/fd")), int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

    def settle(self):
        """As it was at the beginning: everything up, no more than configured, nobody spawned."""
        while self.clients:
            self.clients.pop().close()
        self.write(0)
        self.ask("/v1/reload")
        for t in self.box.status()["tasks"]:
            if t.get("spawned"):
                self.ask(f"/v1/workers/{t['id']}/stop")
        for i in range(20):
            self.ask(f"/v1/workers/w{i}/scale", {"replicas": 2 if i % 5 == 0 else 1})
        self.ask("/v1/start", {})
        want = sum(2 if i % 5 == 0 else 1 for i in range(20))
        until("everything is as at the beginning", lambda: (lambda s: len(s) == want and all(
            t["state"] == "running" and not t["due"] for t in s))(self.box.status()["tasks"]))

    def check_diary(self):
        said, begun = set(), collections.Counter()
        with open(self.diary) as f:
            for line in f:
                handle, what = line.split()
                if what == "acknowledged":
                    said.add(handle)
                elif what == "begin":
                    self.assertNotIn(handle, said, "a unit begins after the acknowledgement")
                    begun[handle] += 1
        self.assertNotIn("after the stop was acknowledged", self.box.err())
        self.assertFalse(os.path.exists(os.path.join(self.alone, "violations")), "two lives of one task at once")
        return sum(begun.values()), len(said)

    def check_records(self):
        records = self.box.records()
        numbers = [int(r["handle"].split("#")[1]) for r in records]
        self.assertEqual(sorted(numbers), list(range(1, len(numbers) + 1)), "exactly one record a life")
        for r in records:
            if r["stop"]:
                self.assertLess(r["stop"]["waited_ms"], GRACE + 500, r)
            if r["outcome"] == "cancelled" and r["stop"]["how"] == "cooperative":
                self.assertEqual(r["lost"], [], r)
        return records

    def test_whatever_comes(self):
        self.dice, self.clients = random.Random(SEED), []
        self.alone, self.diary = self.box.path("alone"), self.box.path("diary")
        os.mkdir(self.alone)
        self.write(0)
        p = self.box.start("-c", self.box.path("taskd.json"))
        operations = [self.kill, self.stop, self.start, self.start, self.restart, self.drain, self.resume, self.resume, self.abort,
                      self.scale, self.reload, self.spawn, self.spawn_command, self.client_death, self.status]
        counts, before = collections.Counter(), None
        began = time.monotonic()
        for i in range(OPERATIONS):
            time.sleep(self.dice.random() * 0.01)   # so that what was asked for before gets somewhere, or not
            if i == OPERATIONS * 3 // 4:   # by now the events that are kept are as many as there will be
                self.settle()
                before = self.usage(p.pid)
            op = self.dice.choice(operations)
            op()
            counts[op.__name__] += 1
        took = time.monotonic() - began
        self.settle()
        until("descriptors are back", lambda: self.usage(p.pid)[0] <= before[0])
        after = self.usage(p.pid)
        self.assertLess(after[1], before[1] + 1024)
        pids = [t["pid"] for t in self.box.status()["tasks"]]
        p.send_signal(signal.SIGTERM)
        p.wait(60)
        self.assertFalse(any(map(alive, pids)))
        begun, acknowledged = self.check_diary()
        records = self.check_records()
        outcomes = collections.Counter(f"{r['outcome']}{'/' + r['stop']['how'] if r['stop'] and r['stop']['how'] else ''}" for r in records)
        print(f"\nseed {SEED}: {OPERATIONS} operations in {took:.0f} s: {dict(counts)}\n"
              f"{len(records)} lives, {len(records)} records, {begun} units begun, {acknowledged} acknowledgements, 0 units after one\n"
              f"outcomes: {dict(outcomes)}\n"
              f"longest stop {max((r['stop']['waited_ms'] for r in records if r['stop']), default=0)} ms of {GRACE}\n"
              f"descriptors {before[0]} -> {after[0]}, resident {before[1]} -> {after[1]} KiB")


if __name__ == "__main__":
    main()
