/* What goes out: JSON that taskd's strict reader takes. */
import { StringDecoder } from 'node:string_decoder';
import { failure } from './failure.js';

const VALUE_DEPTH = 15; // of taskd's 16 one is the message's own
const REASON_MAX = 2047; // bytes
const MAX_COUNT = 2 ** 53;
const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];

/* JSON.stringify() escapes what is no character: half a surrogate pair. taskd takes neither that nor NUL. Every other
 * escape is matched as well, so that a backslash which is one in the string does not look like the beginning of one. */
function clean(text) {
  return text.replace(/\\(?:u(0000|d[89a-f][0-9a-f]{2})|.)/g, (escape, bad) => (bad ? '\ufffd' : escape));
}

/* JSON.stringify() writes whole numbers up to 1e21 without an exponent; taskd reads those as 64 bits. */
function fits(value, depth) {
  if (typeof value === 'number') return Math.abs(value) < 2 ** 63 || Math.abs(value) >= 1e21;
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => fits(inner, depth - 1));
}

function parsed(value) {
  try {
    return JSON.parse(clean(JSON.stringify(value)));
  } catch (cause) {
    throw failure('EINVAL', 'the value is not JSON', cause); // a circle, a BigInt, a function
  }
}

/* A copy of `value` that is plain JSON; undefined is null. Throws EINVAL. */
export function plain(value) {
  const copy = parsed(value === undefined ? null : value);
  if (!fits(copy, VALUE_DEPTH)) throw failure('EINVAL', 'nested more than 15 deep, or a number of more than 64 bits');
  return copy;
}

/* A message as bytes, with its line feed. Fields that are undefined are left out. */
export function line(message) {
  return Buffer.from(clean(JSON.stringify(message)) + '\n');
}

/* A number as the protocol takes it. */
export function bounded(n) {
  return Math.min(Math.max(Math.trunc(n) || 0, 0), MAX_COUNT);
}

/* The same for one that may be unknown. */
export function known(n) {
  return n >= 0 ? bounded(n) : undefined;
}

/* A level of syslog(3), or its name. */
export function levelName(level) {
  return typeof level === 'number' ? LEVELS[Math.min(bounded(level), LEVELS.length - 1)] : String(level);
}

/* What goes into the record of a unit that failed. A class that sets no name of its own is known by its constructor's. */
export function reason(error) {
  const named = error?.name && error.name !== 'Error' ? error.name : error?.constructor?.name;
  const type = error instanceof Object ? named : undefined;
  const message = Buffer.from(String(error?.message ?? error ?? ''));
  return { type, message: new StringDecoder().write(message.subarray(0, REASON_MAX)) };
}
