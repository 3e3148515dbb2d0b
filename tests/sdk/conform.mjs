/* The conformance driver of sdk/node: each argument is an operation, its fields separated by '|'. */
import fs from 'node:fs';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { worker } from '../../sdk/node/index.js';

const TICK = 5;
let w = worker();

function print(text) {
  fs.writeSync(1, text + '\n');
}

/* With the event loop standing still, so that the SDK reads nothing behind our back. */
function pause() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TICK);
}

function known(text) {
  return text === '-1' ? undefined : Number(text);
}

function remaining() {
  const ms = w.remainingMs();
  if (ms < 0) return '-1';
  if (ms === Infinity) return 'none';
  return ms > 0 ? 'positive' : 'zero';
}

const values = {
  supervised: () => w.supervised,
  should_stop: () => w.shouldStop(),
  id: () => w.id,
  input: () => JSON.stringify(w.input),
  resume: () => JSON.stringify(w.resume),
  remaining,
  watchdog: () => w.watchdogMs,
};

function say(what, unit) {
  if (what === 'avoids') print(`avoids ${unit}: ${w.avoids(unit)}`);
  else print(`${what}: ${values[what]()}`);
}

async function units(...items) {
  const gate = process.env.GATE;
  for await (const unit of w.units(items)) {
    print(`unit ${unit}`);
    while (gate && fs.existsSync(`${gate}.${unit}`)) await sleep(TICK);
  }
}

async function raise(unit) {
  const error = new Error('raised');
  const work = async () => {
    throw error;
  };
  await w.unit(unit, work).catch((e) => {
    if (e !== error) throw e;
  });
}

/* Under whatever number a child has the channel. Its own output, which Node makes of a socket, is not it. */
function environment() {
  const script = `echo "\${TASKD_FD+TASKD_FD}"
    for fd in /proc/$$/fd/*; do if [ "\${fd##*/}" != 1 ] && [ -S "$fd" ]; then echo open; exit; fi; done; echo closed`;
  const stdio = ['inherit', 'pipe', 'inherit'];
  const [name, channel] = spawnSync('sh', ['-c', script], { encoding: 'utf8', stdio }).stdout.split('\n');
  print(`env: ${name || '-'}`);
  print(`fd: ${channel}`);
}

async function next() {
  const unit = await w.next();
  print(unit ? `next: ${unit.id} ${JSON.stringify(unit.data)}` : 'next: stop');
}

async function awaitStop(path) {
  while (!fs.existsSync(path) && !w.shouldStop()) await sleep(TICK);
}

/* JSON that cannot be parsed cannot be a value either; what stands for it is none. */
function value(text) {
  try {
    return JSON.parse(text);
  } catch {
    return 0n;
  }
}

const operations = {
  ready: () => w.ready(),
  begin: (unit) => w.begin(unit),
  begin_within: (unit, ms) => w.begin(unit, { timeoutMs: Number(ms) }),
  end: (unit) => w.end(unit),
  fail: (unit, name, message, retry) => w.fail(unit, { name, message }, { retry: retry === 'true' }),
  progress: (unit, done, total, msg) => w.progress(unit, known(done), known(total), msg || undefined),
  checkpoint: (unit, json) => w.checkpoint(unit, value(json)),
  heartbeat: () => w.heartbeat(),
  status: (text) => w.status(text),
  extend: (ms) => w.extend(Number(ms)),
  log: (level, msg) => w.log(Number(level), msg),
  result: (json, complete) => w.result(value(json), { complete: complete === 'true' }),
  next,
  wait: () => (w.supervised ? w.stopped : undefined),
  touch: (path) => fs.writeFileSync(path, ''),
  await: (path) => {
    while (!fs.existsSync(path)) pause();
  },
  await_stop: awaitStop,
  units,
  raise,
  say,
  env: environment,
  print,
  close: () => w.close(),
  exit: (status) => process.exit(Number(status)),
};

for (const argument of process.argv.slice(2)) {
  const [name, ...fields] = argument.split('|');
  try {
    // false: taskd is gone, which in this SDK is a stop and no error.
    if ((await operations[name](...fields)) === false && w.supervised) print(`${name}: EPIPE`);
  } catch (error) {
    if (!error.code) throw error;
    print(`${name}: ${error.code}`);
  }
}
await w.close();
