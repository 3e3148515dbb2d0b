/* What taskd has put into the environment. */
import fs from 'node:fs';
import { failure } from './failure.js';

/* The descriptor that TASKD_FD names; -1: run by hand. Throws EBADF or ENOTSOCK. */
export function channelDescriptor() {
  const text = process.env.TASKD_FD;
  if (text === undefined) return -1;
  if (!/^[0-9]+$/.test(text) || Number(text) > 0x7fffffff) throw failure('EBADF', `TASKD_FD=${text}`);
  if (!fs.fstatSync(Number(text)).isSocket()) throw failure('ENOTSOCK', `TASKD_FD=${text}`);
  return Number(text);
}

/* A number of milliseconds; -1: none. */
export function milliseconds(name) {
  const text = process.env[name];
  return text === undefined ? -1 : Number.parseInt(text, 10);
}
