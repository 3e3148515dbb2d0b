"""sdk/node under the real taskd: what is Node's own. What every language's SDK has in common is in test_conformance.py."""
import contextlib, json, os, re, shutil, signal, subprocess, sys

TOP = os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "it"))
from harness import PATIENCE, Case, alive, main, process_state, unittest, until

SDK = os.path.abspath(os.path.join(TOP, "sdk", "node"))
NODE = os.environ.get("NODE") or shutil.which("node")
HEAD = f"""import {{ worker, open }} from {json.dumps(SDK + "/index.js")};
import fs from 'node:fs';
const touch = (name) => fs.writeFileSync(name, '');
const busy = (ms) => {{ for (const end = Date.now() + ms; Date.now() < end;); }};
"""


@unittest.skipUnless(NODE, "SKIPPED, LOUDLY: there is no node on this machine, and sdk/node has not been tested")
class NodeCase(Case):
    def script(self, text):
        path = self.box.path("worker.mjs")
        with open(path, "w") as f:
            f.write(HEAD + text)
        return path

    def start(self, text, **settings):
        """One task w@1 that runs this module, in the box's folder."""
        worker = {"command": [NODE, self.script(text)], "cwd": self.box.dir, "restart": "no"}
        worker.update(settings)
        p = self.box.start("-c", self.box.config({"w": worker}))
        self.assertNotEqual(p.poll(), 125, self.box.err())
        return p

    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.box.path("out")) as f:
            return f.read()
        return ""

    def lines(self):
        return self.log().splitlines()

    def until_touched(self, name):
        until(name, lambda: os.path.exists(self.box.path(name)) or self.box.records())
        self.assertTrue(os.path.exists(self.box.path(name)), self.log())

    def outcome(self, p, outcome="ok", how=None):
        p.wait(60)
        record = self.one_record()
        self.assertEqual((record["outcome"], (record["stop"] or {}).get("how")), (outcome, how), (record, self.log()))
        return record

    def stopped(self, p, outcome="cancelled"):
        p.send_signal(signal.SIGTERM)
        return self.outcome(p, outcome, "cooperative")


class Stops(NodeCase):
    WAYS = {
        "a loop that never returns to the event loop": """
            let n = 0;
            while (!w.shouldStop()) { w.begin(++n); w.end(n); if (n === 1) touch('began'); }
            w.result(n);""",
        "units() around a body without an await": """
            let n = 0;
            const numbers = function* () { for (;;) yield ++n; };
            for await (const u of w.units(numbers())) { busy(2); touch('began'); }
            w.result(w.done);""",
        "units() that waits for an asynchronous iterator": """
            let n = 0, left = false;
            const source = { next: () => n++ ? new Promise(() => {}) : Promise.resolve({ value: 'one' }),
                             return: async () => { left = true; return {}; }, [Symbol.asyncIterator]() { return this; } };
            for await (const u of w.units(source)) setTimeout(touch, 1, 'began');
            if (left) w.result(w.done);""",
        "units() around an asynchronous generator that never goes on": """
            const numbers = async function* () { yield 1; await new Promise(() => {}); };
            for await (const u of w.units(numbers())) setTimeout(touch, 1, 'began');
            w.result(w.done);""",
        "a source that sees the stop itself": """
            let n = 0;
            const source = { next: () => { if (!n++) return Promise.resolve({ value: 1 }); touch('began'); while (!w.shouldStop()); return new Promise(() => {}); },
                             [Symbol.asyncIterator]() { return this; } };
            for await (const u of w.units(source));
            w.result(w.done);""",
        "a timer with the AbortSignal": """
            w.begin('one'); w.end('one');
            const waited = sleep(1e9, null, { signal: w.signal }).catch((e) => e.name);
            touch('began');
            if (await waited === 'AbortError' && w.shouldStop()) w.result(1);""",
        "the promise, with nothing else to do": """
            w.begin('one'); w.end('one');
            setTimeout(touch, 1, 'began');
            await w.stopped;
            w.result(1);""",
    }

    def test_every_way_of_waiting_ends_between_two_units(self):
        for name, text in self.WAYS.items():
            with self.subTest(name=name):
                self.setUp()
                head = "import { setTimeout as sleep } from 'node:timers/promises'; const w = worker(); w.ready();"
                p = self.start(head + text)
                self.until_touched("began")
                record = self.stopped(p)
                self.assertTrue(record["stop"]["acked"], record)
                self.assertEqual(record["units"], {"done": record["value"], "failed": 0, "lost": 0})
                self.assertGreater(record["value"], 0)

    def test_a_unit_under_way_is_finished_and_none_begins(self):
        p = self.start("""const w = worker();
            for await (const u of w.units(['a', 'b'])) { touch('began'); while (!fs.existsSync('go')) busy(1); console.log(u); }
            try { w.begin('c'); } catch (e) { console.log(e.code); }
            console.log(w.remainingMs() > 0, w.signal.aborted);""")
        self.until_touched("began")
        p.send_signal(signal.SIGTERM)
        self.box.until_task("stopping", "w@1", lambda t: t["state"] == "stopping")
        open(self.box.path("go"), "w").close()
        record = self.outcome(p, "cancelled", "cooperative")
        self.assertEqual(record["units"]["done"], 1)
        self.assertEqual(self.lines(), ["a", "ECANCELED", "true true"])

    def test_the_acknowledgement_names_the_unit_as_soon_as_the_event_loop_runs(self):
        p = self.start("""const w = worker();
            await w.unit('long', async () => { touch('began'); while (!fs.existsSync('go')) await new Promise((r) => setTimeout(r, 5)); });
            w.result(null, { complete: true });""")
        self.until_touched("began")
        p.send_signal(signal.SIGTERM)
        self.box.until_task("acknowledged", "w@1", lambda t: t.get("stop_acked") or "long" in json.dumps(t.get("finishing", t["unit"])))
        open(self.box.path("go"), "w").close()
        self.outcome(p, "ok", "cooperative")

    def test_the_stop_listener_may_use_the_handle(self):
        p = self.start("""const w = worker();
            w.signal.addEventListener('abort', () => { w.status('leaving'); console.log(w.shouldStop()); w.end('x'); });
            w.begin('x'); touch('began');
            await w.stopped; w.result(w.done);""")
        self.until_touched("began")
        self.assertEqual(self.stopped(p)["value"], 1)
        self.assertEqual(self.lines(), ["true"])


class Units(NodeCase):
    LOOPS = {  # what stands in the loop over a, b and c -> done, failed, and what the log of taskd says
        "busy(0);": (3, 0, None),
        "if (u === 'b') break;": (1, 1, "unit b failed: the loop was left within this unit"),
        "if (u === 'b') { w.end(u); break; }": (2, 0, None),
        "if (u === 'b') throw new Error('no');": (1, 1, "unit b failed: the loop was left within this unit"),
        "try { if (u === 'b') throw new RangeError('odd'); } catch (e) { w.fail(u, e); }": (2, 1, "unit b failed: odd"),
        "if (u === 'b') { w.fail(u, 'words'); continue; }": (2, 1, "unit b failed: words"),
    }

    def test_what_becomes_of_the_unit_that_a_loop_leaves(self):
        for body, (done, failed, said) in self.LOOPS.items():
            with self.subTest(body=body):
                self.setUp()
                p = self.start("const w = worker();"
                               "try { for await (const u of w.units(['a', 'b', 'c'])) { %s } } catch (e) { console.log(e.message); }" % body)
                self.assertEqual(self.outcome(p)["units"], {"done": done, "failed": failed, "lost": 0})
                if said:
                    self.assertIn(said, self.box.err())
                if "throw new Error" in body:
                    self.assertEqual(self.log(), "no\n")

    def test_a_source_is_left_as_by_any_loop(self):
        p = self.start("""const w = worker();
            let n, returned;
            const source = { next: () => { if (n === 2) throw new Error('dry'); return { value: n++, done: n > 3 }; },
                             return: () => { returned++; return {}; }, [Symbol.iterator]() { return this; } };
            for (const [first, leave] of [[3, false], [0, true], [1, false]]) {
              n = first; returned = 0;
              try { for await (const u of w.units(source)) if (leave) break; } catch (e) { console.log(e.message); }
              console.log(returned);
            }""")
        self.assertEqual(self.outcome(p)["units"], {"done": 1, "failed": 1, "lost": 0})
        self.assertEqual(self.lines(), ["0", "1", "dry", "0"])

    def test_timers_run_between_units_that_never_wait(self):
        p = self.start("""const w = worker();
            let ticks = 0;
            setInterval(() => ticks++, 1).unref();
            for await (const u of w.units(Array(10).keys())) busy(3);
            console.log(ticks >= 5);""")
        self.outcome(p)
        self.assertEqual(self.lines(), ["true"])

    def test_unit_hands_on_the_value_and_the_error(self):
        p = self.start("""class OutOfPaper extends Error {}
            const w = worker();
            console.log(await w.unit(1, () => 42), w.done);
            for (const error of [new OutOfPaper('tray 2'), 'a word', null])
              await w.unit(2, async () => { throw error; }, { retry: true }).catch((e) => console.log(e === error));
            await w.unit(3, () => w.fail(3, new Error('by itself')));
            await w.unit('x'.repeat(70000), () => console.log('never')).catch((e) => console.log(e.code));""")
        self.assertEqual(self.outcome(p)["units"], {"done": 1, "failed": 4, "lost": 0})
        self.assertEqual(self.lines(), ["42 1", "true", "true", "true", "EMSGSIZE"])
        self.assertIn("unit 2 failed: tray 2", self.box.err())

    def test_names_of_units_and_limits_of_their_own(self):
        p = self.start("""const w = worker();
            const rows = [{ n: 7 }];
            for await (const row of w.units(rows, { id: (r) => r.n, timeoutMs: 50 })) { row.n++; await new Promise((r) => setTimeout(r, 60000)); }""",
                       unit_timeout="1h")
        record = self.outcome(p, "panicked")
        self.assertEqual((record["cause"], record["unit"]["id"]), ("unit_timeout", "7"))


class Ends(NodeCase):
    """What was said arrives, whatever the end is, and though taskd reads nothing until it is half over."""
    COUNT = 300   # units with long names: three times what the socket holds
    WAYS = {"await w.close(); process.exit(0);": 0, "": 0, "process.exit(0);": 0, "process.exitCode = 3;": 3, "throw new Error('x');": 1}

    def test_nothing_of_what_was_said_is_lost(self):
        for end, status in self.WAYS.items():
            with self.subTest(end=end):
                self.setUp()
                p = self.start("""const w = worker(); touch('greeted');
                    while (!fs.existsSync('go')) busy(1);
                    for (let n = 0; n < %d; n++) { const u = n + 'x'.repeat(900); w.begin(u); w.end(u); }
                    w.result(w.done);
                    touch('said'); %s""" % (self.COUNT, end))
                self.until_touched("greeted")
                worker = self.box.task("w@1")["pid"]
                p.send_signal(signal.SIGSTOP)
                until("taskd stands still", lambda: process_state(p.pid) == "T")
                open(self.box.path("go"), "w").close()
                self.addCleanup(lambda: alive(p.pid) and p.send_signal(signal.SIGCONT))
                until("all is said", lambda: os.path.exists(self.box.path("said")))
                self.assertTrue(alive(worker), "it waits until it has been heard")
                p.send_signal(signal.SIGCONT)
                record = self.outcome(p, "failed" if status else "ok")
                self.assertEqual(record["exit"]["code"], status)
                self.assertEqual((record["value"], record["units"]["done"]), (self.COUNT, self.COUNT))

    def test_a_result_longer_than_the_socket_holds(self):
        p = self.start("const w = worker(); w.result('x'.repeat(1000000)); process.exit(0);", max_message=1 << 20)
        self.assertEqual(len(self.outcome(p)["value"]), 1000000)

    def test_a_finished_program_ends_by_itself(self):
        for opening in ("worker()", "await open()"):
            with self.subTest(opening=opening):
                self.setUp()
                self.outcome(self.start(f"const w = {opening}; w.ready(); w.begin('a'); w.end('a');"))

    def test_a_supervisor_that_dies_is_a_stop_and_no_crash(self):
        p = self.start("""const w = worker();
            let n = 0;
            const numbers = function* () { for (;;) yield ++n; };
            for await (const u of w.units(numbers())) { w.status('x'.repeat(1000)); touch('began'); }
            let code; try { w.begin('late'); } catch (e) { code = e.code; }
            console.log(w.shouldStop(), w.signal.aborted, code, w.status('anybody?'), w.end('late'), w.result(1), await w.next());
            await w.stopped; await w.close();
            process.on('exit', (status) => console.log('exit', status));""", stop_timeout="1h")
        self.until_touched("began")
        worker = self.box.task("w@1")["pid"]
        p.kill()
        p.wait()
        until("the worker has left", lambda: not alive(worker))
        self.assertEqual(self.lines(), ["true true ECANCELED false false false null", "exit 0"])


class Said(NodeCase):
    def test_texts_are_cleaned_and_values_checked(self):
        p = self.start(r"""const w = worker();
            const nested = (depth) => depth ? [nested(depth - 1)] : 1;
            const circle = {}; circle.circle = circle;
            const refused = [nested(16), circle, 1n, () => 1, Symbol('s'), 2 ** 63, -(2 ** 63), { toJSON() { throw new Error('no'); } }];
            console.log(refused.map((v) => { try { w.result(v); return 'sent'; } catch (e) { return e.code; } }).join());
            console.log(w.result(nested(15)), w.result(1e300), w.result(2 ** 62), w.result(undefined));
            w.begin('half \ud83d, whole \ud83d\ude00, nul \0, \\ud83d'); w.end('half \ud83d, whole \ud83d\ude00, nul \0, \\ud83d');
            w.result({ '\ud800': '\udfff', '\ud801': '\\u0000', nul: '\0', when: new Date(0), gone: undefined, nan: NaN });
            w.log('warning', 'caf\u00e9 \udc00');""")
        record = self.outcome(p)
        self.assertEqual(self.lines(), [",".join(["EINVAL"] * 8), "true true true true"])
        self.assertEqual(record["units"], {"done": 1, "failed": 0, "lost": 0})
        self.assertEqual(record["value"], {"\ufffd": "\\u0000", "nul": "\ufffd", "when": "1970-01-01T00:00:00.000Z", "nan": None})
        self.assertIn("caf\u00e9 \ufffd", self.box.err())
        self.assertNotIn("not understood", self.box.err())

    def test_what_is_too_long_is_refused_and_a_reason_is_cut(self):
        p = self.start("""const w = worker();
            const long = 'x'.repeat(65536 - 30);
            const codes = [() => w.status('x'.repeat(65536)), () => w.status(long), () => w.begin('x'.repeat(65536)), () => w.result(long + long)];
            console.log(codes.map((f) => { try { return f(); } catch (e) { return e.code; } }).join());
            w.begin('u'); w.fail('u', new Error('\u00e9'.repeat(5000)));""")
        self.assertEqual(self.outcome(p)["units"]["failed"], 1)
        self.assertEqual(self.log(), "EMSGSIZE,true,EMSGSIZE,EMSGSIZE\n")
        self.assertIn("unit u failed: " + "\u00e9" * 50, self.box.err())

    def test_what_the_next_life_is_told(self):
        p = self.start("""const w = worker();
            console.log(JSON.stringify([w.id, w.input, w.resume, w.watchdogMs, w.avoids('x'), w.supervised]));
            w.begin(1); w.end(1); w.checkpoint(1, { at: 1 });
            process.exit(w.resume ? 0 : 1);""", input={"a": [1, None]}, restart="on-failure", backoff={"initial": "1ms"}, watchdog_timeout="1h")
        p.wait(60)
        self.assertEqual([json.loads(line) for line in self.lines()],
                         [["w@1", {"a": [1, None]}, resume, 3600000, False, True] for resume in (None, {"at": 1})])


class Children(NodeCase):
    def test_no_child_has_the_channel(self):
        p = self.start("""import cp from 'node:child_process';
            const w = worker();
            const plain = { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' };
            console.log(cp.execFileSync('sh', ['-c', '[ ! -e /proc/$$/fd/3 ] && echo closed'], plain).trim());
            for (const method of ['fork', 'spawn']) {
              const child = method === 'fork' ? cp.fork(process.argv[1], ['child'], { execArgv: ['-e', ''], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
                : cp.spawn('sleep', ['1000']);
              await new Promise((resolve) => child.once('spawn', resolve));
              const inode = fs.readlinkSync('/proc/self/fd/3');
              const target = (fd) => { try { return fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`); } catch { return ''; } };
              const theirs = fs.readdirSync(`/proc/${child.pid}/fd`).map(target);
              console.log(method, inode.startsWith('socket:'), theirs.includes(inode), 'TASKD_FD' in process.env);
              child.kill('SIGKILL');
              await new Promise((resolve) => child.once('exit', resolve));
            }""")
        self.outcome(p)
        self.assertEqual(self.lines(), ["closed", "fork true false false", "spawn true false false"])


class ByHand(NodeCase):
    def run_by_hand(self, text, **env):
        return subprocess.run([NODE, self.script(text)], capture_output=True, text=True, timeout=60, cwd=self.box.dir, env=self.box.env(**env))

    def test_everything_is_allowed_and_does_nothing(self):
        r = self.run_by_hand("""const w = worker();
            w.ready(); w.status('x'); w.heartbeat(); w.extend(1); w.log(3, 'x'); w.progress('a', 1); w.checkpoint('a', 1); w.result(1);
            for await (const u of w.units(['a', 'b'])) console.log(u);
            try { w.result(1n); } catch (e) { console.log(e.code); }
            console.log(await w.unit('c', () => 'c'), w.done, w.shouldStop(), w.remainingMs(), w.id, w.input, w.resume, w.watchdogMs, w.avoids('a'),
              w.supervised, await w.next(), w.signal.aborted);
            await w.close(); await (await open()).close();""", TASKD_WATCHDOG_MS="5")
        self.assertEqual(r.stdout.splitlines(), ["a", "b", "EINVAL", "c 3 false -1 null null null -1 false false null false"], r.stderr)
        self.assertEqual((r.returncode, r.stderr), (0, ""))

    def test_who_waits_for_the_stop_waits_for_the_signal(self):
        text = "const w = worker(); process.once('SIGTERM', () => w.close()); touch('waits'); await w.stopped; console.log('left');"
        p = subprocess.Popen([NODE, self.script(text)], stdout=subprocess.PIPE, text=True, cwd=self.box.dir, env=self.box.env())
        self.addCleanup(lambda: p.poll() is None and p.kill())
        until("it waits", lambda: os.path.exists(self.box.path("waits")))
        p.send_signal(signal.SIGTERM)
        self.assertEqual((p.communicate(timeout=60)[0], p.returncode), ("left\n", 0))

    def test_a_descriptor_that_is_none(self):
        for fd, code in {"": "EBADF", "x": "EBADF", "99": "EBADF", "99999999999": "EBADF", "0": "ENOTSOCK"}.items():
            with self.subTest(fd=fd):
                r = subprocess.run([NODE, self.script("try { worker(); } catch (e) { console.log(e.code); }")], capture_output=True, text=True,
                                   timeout=60, stdin=subprocess.DEVNULL, env=self.box.env(TASKD_FD=fd))
                self.assertEqual(r.stdout, code + "\n", r.stderr)


class Package(NodeCase):
    def packed(self):
        """A folder in which the package is installed: by npm, or, without it, what package.json names."""
        place = self.box.path("node_modules", "taskd")
        npm = shutil.which("npm")
        if not npm:
            print("LOUDLY: there is no npm; the files that package.json names are taken in its place", file=sys.stderr)
            for name in ("package.json", *self.named()):
                os.makedirs(os.path.dirname(os.path.join(place, name)), exist_ok=True)
                shutil.copy(os.path.join(SDK, name), os.path.join(place, name))
            return place
        env = self.box.env(npm_config_cache=self.box.path("cache"), npm_config_offline="true", npm_config_update_notifier="false")
        for command in (["pack", SDK], ["install", "--no-audit", "--no-fund", self.box.path("taskd-0.1.0.tgz")]):
            r = subprocess.run([npm, *command], cwd=self.box.dir, env=env, capture_output=True, text=True, timeout=120)
            self.assertEqual(r.returncode, 0, r.stderr)
        return place

    def description(self):
        with open(os.path.join(SDK, "package.json")) as f:
            return json.load(f)

    def named(self):
        names = [n for n in self.description()["files"] if "*" not in n]
        return names + ["README.md"] + [f"lib/{n}" for n in sorted(os.listdir(os.path.join(SDK, "lib")))]

    def test_what_is_packed_is_all_that_is_needed(self):
        place = self.packed()
        found = sorted(os.path.relpath(os.path.join(d, f), place) for d, _, names in os.walk(place) for f in names)
        self.assertEqual(found, sorted(["package.json", *self.named()]))
        with open(self.box.path("use.mjs"), "w") as f:
            f.write("import * as taskd from 'taskd'; console.log(Object.keys(taskd).sort().join(), taskd.worker().supervised);")
        r = subprocess.run([NODE, f.name], capture_output=True, text=True, timeout=60, env=self.box.env())
        self.assertEqual(r.stdout, "open,worker false\n", r.stderr)

    def test_it_has_the_version_of_the_tree_and_no_dependencies(self):
        def found(name, pattern):
            with open(os.path.join(TOP, name)) as f:
                return re.search(pattern, f.read())[1]
        package = self.description()
        self.assertEqual({package["version"], found("sdk/node/index.js", r"VERSION = '([^']*)'")}, {found("configure.ac", r"AC_INIT\(\[taskd\], \[([^]]*)\]")})
        self.assertFalse([k for k in package if "ependencies" in k or k == "scripts"])

    def test_the_types_name_what_there_is(self):
        r = subprocess.run([NODE, self.script("console.log(Object.getOwnPropertyNames(Object.getPrototypeOf(worker())).join('\\n'));")],
                           capture_output=True, text=True, timeout=60, env=self.box.env())
        there = set(r.stdout.split()) - {"constructor"}
        with open(os.path.join(SDK, "index.d.ts")) as f:
            interface = re.search(r"^export interface Worker \{\n(.*?)^\}", f.read(), re.M | re.S)[1]
        self.assertEqual(set(re.findall(r"^  (?:readonly )?(\w+)[:(<]", interface, re.M)), there)


if __name__ == "__main__":
    main()
