/* The loop over units: a stop wins between two of them, and never in the middle of one. */

function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

/* What the promise brings, or null as soon as there is a stop. */
function orStop(promise, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(null);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    promise.then(resolve, reject).then(() => signal.removeEventListener('abort', stop));
  });
}

/* An iterator of either kind, of which nobody wants more once there is a stop. */
class Source {
  #items;
  #worker;
  #hold;
  #over = false;
  #pending = false;

  constructor(items, worker, hold) {
    this.#items = items[Symbol.asyncIterator]?.() ?? items[Symbol.iterator]();
    this.#worker = worker;
    this.#hold = hold;
  }

  /* The next step, or null: there is none, or a stop came first, or while it was waited for. */
  async next() {
    this.#over = true; // also when it throws
    let step = this.#items.next();
    if (typeof step?.then === 'function') step = await this.#wait(step);
    this.#over = step?.done === true;
    return this.#over ? null : step;
  }

  async #wait(promise) {
    this.#hold(1);
    const step = await orStop(promise, this.#worker.signal).finally(() => this.#hold(-1));
    this.#pending = step === null;
    return step && !this.#worker.shouldStop() ? step : null;
  }

  /* As a for loop does that is left early; but nobody waits for an iterator that has not answered. */
  async leave() {
    if (this.#over) return;
    const left = this.#items.return?.();
    if (this.#pending) Promise.resolve(left).catch(() => {});
    else await left;
  }
}

function begun(worker, unit, timeoutMs) {
  try {
    worker.begin(unit, { timeoutMs });
    return true;
  } catch (error) {
    if (error.code === 'ECANCELED' || error.code === 'EPIPE') return false;
    throw error;
  }
}

const abandoned = { name: 'Abandoned', message: 'the loop was left within this unit' };

/* A generator that is left in the middle is told so, but not why: break and throw look the same from here, and a unit that
 * was cut must not count as done. loop.isOpen: whether a unit has begun and not ended; room: waits while much is unsent;
 * hold: +1 and -1 around a time in which the process must go on, since a stop can end it. */
export async function* unitsOf(worker, items, { id = String, timeoutMs } = {}, loop) {
  const source = new Source(items, worker, loop.hold);
  try {
    for (;;) {
      await turn(); // timers and signals have their turn, whatever the loop's body does
      await loop.room();
      const step = worker.shouldStop() ? null : await source.next();
      const unit = step && String(id(step.value));
      if (unit === null || !begun(worker, unit, timeoutMs)) return;
      let finished = false;
      try {
        yield step.value;
        finished = true;
      } finally {
        if (loop.isOpen(unit) && finished) worker.end(unit);
        else if (loop.isOpen(unit)) worker.fail(unit, abandoned, { retry: true });
      }
    }
  } finally {
    await source.leave();
  }
}
