/* What taskd has said, remembered. Nothing here calls anybody: see Worker for what follows from it. */
import { milliseconds } from './inherited.js';

const MAX_MESSAGE = 64 * 1024; // what taskd takes where its hello does not say
const LEAST_MESSAGE = 1024;
const MOST_MESSAGE = 1 << 20;

/* CLOCK_MONOTONIC, the clock of taskd's deadlines. */
export function nowMs() {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function fromNow(ms) {
  return ms < 0 ? Infinity : nowMs() + ms;
}

function integer(value, otherwise) {
  return Number.isInteger(value) ? value : otherwise;
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    return message instanceof Object && !Array.isArray(message) ? message : null;
  } catch {
    return null;
  }
}

export class Inbox {
  greeted = false; // taskd's hello has come
  garbled = false; // a line came that could not be read
  stopping = false; // once true, always true
  drained = false;
  lost = false;
  deadline = Infinity; // CLOCK_MONOTONIC, ms
  id = null;
  input = null;
  resume = null;
  avoid = new Set();
  maxMessage = MAX_MESSAGE;
  unit = null; // handed out by taskd, not yet by us
  #grace = milliseconds('TASKD_GRACE_MS');

  static #handlers = {
    hello: (inbox, m) => inbox.#onHello(m),
    stop: (inbox, m) => inbox.#latch(integer(m.deadline_mono_ms, -1)),
    extended: (inbox, m) => inbox.#onExtended(m),
    drain: (inbox) => void (inbox.drained = true),
    unit: (inbox, m) => inbox.#onUnit(m),
  };

  /* A line that makes no sense is passed over, but remembered: a beginning waits for one that does. A type from a later
   * version is none. */
  onLine(text) {
    const message = text === null ? null : parse(text);
    if (!message) this.garbled = true;
    else if (Object.hasOwn(Inbox.#handlers, message.type)) Inbox.#handlers[message.type](this, message);
  }

  #onHello(m) {
    if (this.greeted) return; // the caller may hold what the first one said
    this.greeted = true;
    this.id = typeof m.id === 'string' ? m.id : null;
    this.input = m.input ?? null;
    this.resume = m.resume ?? null;
    if (Array.isArray(m.avoid)) this.avoid = new Set(m.avoid);
    const most = integer(m.max_message, MAX_MESSAGE);
    if (most >= LEAST_MESSAGE && most <= MOST_MESSAGE) this.maxMessage = most;
  }

  /* A level, not an edge: a repeated stop only moves the deadline, as taskd says. */
  #latch(deadline) {
    this.stopping = true;
    this.deadline = deadline >= 0 ? deadline : Infinity;
  }

  #onExtended(m) {
    const deadline = fromNow(integer(m.granted_ms, 0));
    if (this.stopping && deadline > this.deadline) this.deadline = deadline;
  }

  #onUnit(m) {
    if (typeof m.unit !== 'string' || this.unit) return; // one is asked for at a time
    const timeoutMs = integer(m.timeout_ms, -1);
    this.unit = { id: m.unit, data: m.data ?? null, attempt: integer(m.attempt, 1), timeoutMs };
  }

  /* The supervisor is gone, and that is a stop. Nobody kills at its deadline. */
  onLost() {
    if (!this.stopping) this.#latch(fromNow(this.#grace));
    this.lost = this.greeted = this.drained = true;
  }
}
