/* Makes a program a cooperative worker of taskd(1). See README.md, and index.d.ts for what each call promises.
 *
 * Reading only changes what is remembered (Inbox); what follows from it, for taskd and for those who wait, is done in one
 * place afterwards: #settle(). */
import { Channel } from './lib/channel.js';
import { bounded, known, levelName, line, plain, reason } from './lib/encode.js';
import { failure } from './lib/failure.js';
import { Inbox, nowMs } from './lib/inbox.js';
import { channelDescriptor, milliseconds } from './lib/inherited.js';
import { unitsOf } from './lib/units.js';

const VERSION = '0.1.0';
const PROTOCOL = 1;
const END_ROOM = 64; // by so much the end of a unit, and `stopping`, may be longer than its beginning
const LONGEST_TIMER = 2 ** 31 - 1;

class Worker {
  #inbox = new Inbox();
  #channel = null; // null: run by hand
  #watchdogMs = -1;
  #abort = new AbortController();
  #open = new Set(); // units that have begun, in that order
  #done = 0;
  #waiting = []; // those who wait for something to become true
  #holders = 0; // those for whose sake the process must go on
  #asked = false; // a unit has been asked for and has not come
  #owed = null; // handed out by next(), and has neither begun nor been given back
  #acked = false;
  #stopped = null;
  #alive = null; // by hand: keeps a program running that waits for a stop
  #closed = null;

  constructor() {
    const fd = channelDescriptor();
    if (fd < 0) return;
    delete process.env.TASKD_FD;
    this.#watchdogMs = milliseconds('TASKD_WATCHDOG_MS');
    this.#channel = new Channel(fd, {
      line: (text) => this.#inbox.onLine(text),
      lost: () => this.#inbox.onLost(),
      read: () => this.#settle(),
    });
    this.#send({ type: 'hello', v: PROTOCOL, sdk: `node/${VERSION}` });
  }

  /* Until taskd knows that this program speaks, it would also send a signal to stop it: so nobody gets a handle, and no
   * unit can begin, before its answer has come. */
  static start() {
    const worker = new Worker();
    while (!worker.#answered()) worker.#channel.wait();
    worker.#channel?.watch();
    return worker.#checked();
  }

  static async startLater() {
    const worker = new Worker();
    worker.#channel?.watch();
    await worker.#until(() => worker.#answered());
    return worker.#checked();
  }

  #answered() {
    const { greeted, stopping, garbled } = this.#inbox;
    return !this.#channel || greeted || stopping || garbled;
  }

  #checked() {
    const { greeted, stopping, garbled } = this.#inbox;
    if (garbled && !greeted && !stopping) {
      this.#channel.close();
      throw failure('EPROTO', 'what answers on TASKD_FD does not speak the protocol');
    }
    this.#settle();
    return this;
  }

  get supervised() {
    return this.#channel !== null;
  }

  get id() {
    return this.#inbox.id;
  }

  get input() {
    return this.#inbox.input;
  }

  get resume() {
    return this.#inbox.resume;
  }

  get watchdogMs() {
    return this.#watchdogMs;
  }

  get done() {
    return this.#done;
  }

  get signal() {
    return this.#abort.signal;
  }

  get stopped() {
    this.#stopped ??= this.#untilStop();
    return this.#stopped;
  }

  #untilStop() {
    if (!this.#channel) this.#alive = setInterval(() => {}, LONGEST_TIMER);
    return this.#until(() => this.#inbox.stopping);
  }

  avoids(unit) {
    return this.#inbox.avoid.has(String(unit));
  }

  shouldStop() {
    if (!this.#inbox.stopping) this.#look();
    return this.#inbox.stopping;
  }

  remainingMs() {
    this.#look(); // the deadline may have moved since the stop
    if (!this.#inbox.stopping) return -1;
    return Math.max(this.#inbox.deadline - nowMs(), 0);
  }

  #look() {
    this.#channel?.look();
    this.#settle();
  }

  /* --- what is said ------------------------------------------------------------------------------------------- */

  /* False: there is nobody who hears it. */
  #send(message, most = this.#inbox.maxMessage) {
    if (!this.#channel || this.#closed) return false;
    const bytes = line(message);
    if (bytes.length - 1 > most) throw failure('EMSGSIZE', `a message of ${bytes.length - 1} bytes; taskd takes ${most}`);
    const sent = this.#channel.send(bytes);
    if (!sent) this.#settle();
    return sent;
  }

  ready() {
    return this.#send({ type: 'ready' });
  }

  begin(unit, { timeoutMs } = {}) {
    unit = String(unit);
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw failure('EINVAL', 'timeoutMs is below 0');
    this.#settle();
    if (this.#inbox.stopping) throw failure('ECANCELED', 'a stop has been asked for: no unit begins any more');
    const limit = timeoutMs === undefined ? undefined : bounded(timeoutMs);
    const sent = this.#send({ type: 'begin', unit, timeout_ms: limit }, this.#inbox.maxMessage - END_ROOM);
    if (this.#channel && !sent) throw failure('EPIPE', 'taskd is gone: no unit begins any more');
    this.#open.delete(unit);
    this.#open.add(unit);
    if (this.#owed === unit) this.#owed = null;
  }

  progress(unit, done, total, msg) {
    return this.#send({ type: 'progress', unit: String(unit), done: known(done), total: known(total), msg: msg?.toString() });
  }

  checkpoint(unit, value) {
    return this.#send({ type: 'progress', unit: String(unit), resume: plain(value) });
  }

  end(unit) {
    this.#left(String(unit));
    this.#done++;
    return this.#send({ type: 'end', unit: String(unit), ok: true });
  }

  fail(unit, error, { retry = false } = {}) {
    this.#left(String(unit));
    const end = { type: 'end', unit: String(unit), ok: false };
    try {
      return this.#send({ ...end, error: { ...reason(error), retry: Boolean(retry) } });
    } catch (tooLong) {
      if (tooLong.code !== 'EMSGSIZE') throw tooLong;
      return this.#send(end); // without its reason: that the unit has ended must arrive
    }
  }

  #left(unit) {
    this.#open.delete(unit);
    if (this.#owed === unit) this.#owed = null;
  }

  heartbeat() {
    return this.#send({ type: 'heartbeat' });
  }

  status(text) {
    return this.#send({ type: 'status', text: String(text) });
  }

  extend(ms) {
    return this.#send({ type: 'extend', ms: bounded(ms) });
  }

  log(level, msg) {
    return this.#send({ type: 'log', level: levelName(level), msg: String(msg) });
  }

  result(value, { complete = !this.shouldStop() } = {}) {
    return this.#send({ type: 'result', value: plain(value), complete: Boolean(complete) });
  }

  /* --- units -------------------------------------------------------------------------------------------------- */

  units(items, options) {
    const loop = {
      isOpen: (unit) => this.#open.has(unit),
      room: () => this.#channel?.relieved(),
      hold: (more) => this.#hold(more),
    };
    return unitsOf(this, items, options, loop);
  }

  async unit(unit, work, { timeoutMs, retry = false } = {}) {
    this.shouldStop();
    this.begin(unit, { timeoutMs });
    try {
      const value = await work();
      if (this.#open.has(String(unit))) this.end(unit);
      return value;
    } catch (error) {
      if (this.#open.has(String(unit))) this.fail(unit, error, { retry });
      throw error;
    }
  }

  async next() {
    if (!this.#channel) return null;
    if (this.#asked) throw failure('EALREADY', 'another next() is waiting');
    this.#giveBack();
    this.#look();
    if (!this.#nextKnown()) {
      this.#asked = this.#send({ type: 'next', slots: 1 });
      await this.#until(() => this.#nextKnown());
      this.#asked = false;
      this.shouldStop(); // a stop that is there by now wins
    }
    const unit = this.#inbox.stopping ? null : this.#inbox.unit;
    this.#inbox.unit = null;
    this.#owed = unit?.id ?? null;
    return unit;
  }

  #nextKnown() {
    const { stopping, unit, drained } = this.#inbox;
    return stopping || unit !== null || drained || this.#closed !== null;
  }

  #release(unit) {
    if (unit !== null) this.#send({ type: 'release', unit });
  }

  /* Handed out, but not begun: somebody else will get it, and its attempt does not count. */
  #giveBack() {
    const owed = this.#owed;
    this.#owed = null;
    this.#release(owed);
    const unit = this.#inbox.unit;
    this.#inbox.unit = null;
    this.#release(unit?.id ?? null);
  }

  /* --- what follows from what has been read ------------------------------------------------------------------- */

  #settle() {
    if (this.#inbox.stopping) this.#giveBack();
    if (this.#inbox.stopping && !this.#acked) this.#acknowledge();
    if (this.#waiting.length > 0) this.#wake();
  }

  /* Once: taskd takes it for the promise that no unit begins any more. */
  #acknowledge() {
    this.#acked = true;
    this.#send({ type: 'stopping', finishing: [...this.#open].pop() });
    this.#abort.abort();
  }

  #until(isTrue) {
    if (this.#closed || isTrue()) return Promise.resolve();
    this.#hold(1);
    return new Promise((resolve) => this.#waiting.push({ isTrue, resolve }));
  }

  #hold(more) {
    this.#holders += more;
    this.#channel?.hold(this.#holders > 0);
  }

  #wake() {
    const ready = this.#waiting.filter((one) => this.#closed || one.isTrue());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const one of ready) one.resolve();
    this.#hold(-ready.length);
  }

  close() {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close() {
    clearInterval(this.#alive);
    this.#giveBack();
    await this.#channel?.flushed();
    this.#channel?.close();
    this.#wake();
  }
}

export function worker() {
  return Worker.start();
}

export function open() {
  return Worker.startLater();
}
