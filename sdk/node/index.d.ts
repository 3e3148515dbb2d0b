/** Makes a program a cooperative worker of taskd(1).
 *
 * Run by hand (no TASKD_FD in the environment) the same program works alone: every call is allowed and does nothing.
 *
 * Losing taskd is a stop, not an error. Calls that say something return whether there is somebody who hears it, and throw
 * an {@link TaskdError} only for what the caller has done: EMSGSIZE, a message longer than taskd takes, of which nothing
 * was sent; EINVAL, a value that is not JSON. */

/** JSON, or undefined for null. */
export type Json = unknown;

export interface TaskdError extends Error {
  code: 'EALREADY' | 'EBADF' | 'ECANCELED' | 'EINVAL' | 'EMSGSIZE' | 'ENOTSOCK' | 'EPIPE' | 'EPROTO';
}

/** As in syslog(3): 3 error, 4 warning, 6 info, 7 debug. */
export type Level = number | 'emerg' | 'alert' | 'crit' | 'error' | 'warning' | 'notice' | 'info' | 'debug';

export type UnitId = string | number | bigint;

export interface BeginOptions {
  /** What this unit may take instead of the configured unit_timeout. */
  timeoutMs?: number;
}

export interface UnitOptions extends BeginOptions {
  /** When it fails: doing it again may help. */
  retry?: boolean;
}

export interface UnitsOptions<T> extends BeginOptions {
  /** The unit's name; String(item) if not given. */
  id?: (item: T) => UnitId;
}

/** A unit that taskd hands out. */
export interface HandedOut {
  id: string;
  /** null: none. */
  data: any;
  /** 1 the first time. */
  attempt: number;
  /** -1: none. */
  timeoutMs: number;
}

export interface Worker {
  /** False: run by hand. */
  readonly supervised: boolean;
  /** 'resize@2', or null when run by hand. */
  readonly id: string | null;
  /** What the configuration's "input" holds; null: none. */
  readonly input: any;
  /** The last checkpoint of the life before; null: none. */
  readonly resume: any;
  /** How long this worker may say nothing: say something, if only heartbeat(), twice as often. -1: no watchdog. */
  readonly watchdogMs: number;
  /** How many units have ended well. */
  readonly done: number;
  /** Aborts at the stop. For what waits between units: a unit under way is to be finished. */
  readonly signal: AbortSignal;
  /** Fulfilled at the stop, or by close(). Who asks for it keeps the process alive until then. */
  readonly stopped: Promise<void>;

  /** Has this unit been in flight at so many deaths of the worker that it is better left alone? */
  avoids(unit: UnitId): boolean;

  /** Has a stop been asked for? Looks at the channel, also in a loop that never lets the event loop run. Once true, always
   * true. The first time, the stop is acknowledged to taskd, and units that were handed out but have not begun go back. */
  shouldStop(): boolean;

  /** Milliseconds until taskd kills this process, 0 when that is overdue, Infinity where there is no deadline; -1: no stop
   * was asked for. */
  remainingMs(): number;

  /** This worker is set up and can do its work. */
  ready(): boolean;

  /** A unit begins: from here to its end it is not cut while there is grace left. Throws ECANCELED once a stop has been
   * seen, EPIPE when taskd turns out to be gone: the unit must not be done. Does not look for a stop itself. Several units
   * may be open at once. */
  begin(unit: UnitId, options?: BeginOptions): void;

  /** How far an open unit is, in any measure; undefined: unknown. */
  progress(unit: UnitId, done?: number, total?: number, msg?: string): boolean;

  /** Where to go on: the next life finds the last of these in `resume`. Best between two units, when what it tells is safe
   * on disk; `unit` is the one that it follows. */
  checkpoint(unit: UnitId, value: Json): boolean;

  /** The unit has ended well. */
  end(unit: UnitId): boolean;

  /** The unit has ended badly. The record has the error's name and the first 2047 bytes of its message. */
  fail(unit: UnitId, error: unknown, options?: { retry?: boolean }): boolean;

  /** Still alive, for a worker with a watchdog. */
  heartbeat(): boolean;

  /** One line for people: shown by `taskd status`. */
  status(text: string): boolean;

  /** Asks for `ms` more milliseconds of grace, counted from now. The answer shows in remainingMs(). */
  extend(ms: number): boolean;

  /** A line in taskd's log, behind this task's name. */
  log(level: Level, msg: string): boolean;

  /** The value of this life; the last one counts. `complete`: everything was done, also in spite of a stop; if not given,
   * true unless a stop has been asked for. Throws EINVAL when it is nested more than 15 deep, too. */
  result(value?: Json, options?: { complete?: boolean }): boolean;

  /** Each turn is a unit: it begins before the body and ends well after it. A stop ends the loop between two turns, also
   * while an asynchronous iterator is waited for. fail() in the body ends the unit as failed. A loop that is left within a
   * turn, by break, return or an exception, leaves a failed unit, unless end() or fail() was called. */
  units<T>(items: Iterable<T> | AsyncIterable<T>, options?: UnitsOptions<T>): AsyncGenerator<T, void, void>;

  /** One unit around `work`: ends well with it, or failed, with its error, which is thrown on. Throws ECANCELED or EPIPE
   * in place of beginning once there is a stop. */
  unit<T>(unit: UnitId, work: () => T | PromiseLike<T>, options?: UnitOptions): Promise<T>;

  /** Asks taskd for one unit and waits for it; begin() or unit() comes next. null: a stop, or there are no more. One at a
   * time: EALREADY. */
  next(): Promise<HandedOut | null>;

  /** Ends the conversation when everything has been written. Units still open count as cut. */
  close(): Promise<void>;
}

/** Begins the conversation, and waits for taskd's answer with the event loop standing still, in general for less than a
 * millisecond. Takes the descriptor and removes TASKD_FD from the environment; a second handle is one that is run by hand.
 * Throws EBADF or ENOTSOCK when TASKD_FD does not name a socket, EPROTO when what answers does not speak the protocol. */
export function worker(): Worker;

/** The same, while the event loop goes on. */
export function open(): Promise<Worker>;
