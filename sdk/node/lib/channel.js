/* The channel: lines in, lines out in their order, and its end.
 *
 * Reading and writing are system calls of our own on the descriptor, which does not block: a loop that never returns to
 * Node hears the stop all the same, and what was said is out when the call returns. Node's socket over the same descriptor
 * is there for the waiting: for what comes, and for room. */
import fs from 'node:fs';
import net from 'node:net';
import { Lines } from './lines.js';

const READ_SIZE = 64 * 1024;
const MUCH = 256 * 1024; // so much unsent makes loops wait

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export class Channel {
  #fd;
  #on;
  #socket = null;
  #lines = new Lines();
  #buffer = Buffer.allocUnsafe(READ_SIZE);
  #queue = []; // what has not been written yet
  #queued = 0;
  #ticket = false; // the socket holds the queue's first byte
  #flushed = []; // resolve functions
  #onExit = () => this.#flushNow();

  /* on.line(text, null: too long) for each line, on.lost() once when taskd is gone, on.read() after each of the event
   * loop's readings: only then may foreign code be called, since lines may be left before. */
  constructor(fd, on) {
    this.#fd = fd;
    this.#on = on;
  }

  get open() {
    if (this.#socket?.destroyed) this.#lose(); // an error has closed the descriptor; its event comes later
    return this.#fd >= 0;
  }

  /* The event loop reads from here on, without keeping the process alive. */
  watch() {
    if (!this.open) return;
    const callback = (length, buffer) => this.#onRead(buffer.subarray(0, length));
    const onread = { buffer: Buffer.allocUnsafe(READ_SIZE), callback };
    this.#socket = new net.Socket({ fd: this.#fd, readable: true, writable: true, allowHalfOpen: true, onread });
    this.#socket.on('end', () => this.#onGone()).on('error', () => this.#onGone());
    this.#socket.unref();
    if (this.#queue.length > 0) this.#waitForRoom();
  }

  #onRead(bytes) {
    this.#feed(bytes);
    this.#on.read();
    return true;
  }

  #onGone() {
    this.#lose();
    this.#on.read();
  }

  /* Reads what is there. Only after watch(): before, the descriptor may block. */
  look() {
    while (this.open && this.#receive() > 0);
  }

  /* Before watch(): waits until there is something, with the event loop standing still. */
  wait() {
    this.#push();
    if (this.open && this.#receive() < 0) pause(1); // somebody else has made it non-blocking
  }

  /* How much there was; 0: taskd is gone; -1: nothing. */
  #receive() {
    try {
      const length = fs.readSync(this.#fd, this.#buffer, 0, READ_SIZE, null);
      if (length > 0) this.#feed(this.#buffer.subarray(0, length));
      else this.#lose();
      return length;
    } catch (error) {
      if (error.code === 'EAGAIN' || error.code === 'EINTR') return -1;
      this.#lose();
      return 0;
    }
  }

  #feed(bytes) {
    this.#lines.feed(bytes, (text) => this.#on.line(text));
  }

  /* False: taskd is gone. What does not fit follows by itself, also at the end of the process. */
  send(line) {
    if (!this.open) return false;
    this.#queue.push(line);
    this.#queued += line.length;
    if (this.#queue.length === 1) this.#push();
    if (this.#queue.length === 1) this.#waitForRoom();
    return this.open;
  }

  /* Writes from the queue until it is empty or there is no room. */
  #push() {
    while (this.#queue.length > 0 && this.open) {
      try {
        this.#written(fs.writeSync(this.#fd, this.#queue[0]));
      } catch (error) {
        if (error.code === 'EAGAIN') return;
        if (error.code !== 'EINTR') this.#broken();
      }
    }
    this.#tellFlushed();
  }

  #written(length) {
    this.#queued -= length;
    if (length < this.#queue[0].length) this.#queue[0] = this.#queue[0].subarray(length);
    else this.#queue.shift();
  }

  /* What taskd said last still counts. */
  #broken() {
    if (this.#socket) this.look();
    this.#lose();
  }

  /* The socket tells when there is room by getting rid of one byte. With more, nobody could say at the end of the process
   * how much of it has gone. A write under way keeps the process alive. */
  #waitForRoom() {
    if (!this.#socket || this.#ticket || !this.open) return;
    process.on('exit', this.#onExit);
    this.#ticket = true;
    this.#socket.write(this.#queue[0].subarray(0, 1), () => this.#onRoom());
  }

  #onRoom() {
    if (!this.#ticket) return;
    this.#redeem();
    this.#push();
    if (this.#queue.length > 0) this.#waitForRoom();
  }

  #redeem() {
    process.off('exit', this.#onExit);
    if (this.#ticket && this.#socket.writableLength === 0) this.#written(1);
    this.#ticket = false;
  }

  #flushNow() {
    this.#redeem();
    for (this.#push(); this.#queue.length > 0; this.#push()) pause(1);
  }

  /* When all is written that was said. */
  flushed() {
    return this.#queue.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#flushed.push(resolve));
  }

  /* The same, where it is much. */
  relieved() {
    return this.#queued > MUCH ? this.flushed() : null;
  }

  #tellFlushed() {
    if (this.#queue.length === 0) for (const resolve of this.#flushed.splice(0)) resolve();
  }

  /* While somebody waits, the process goes on. */
  hold(yes) {
    if (yes) this.#socket?.ref();
    else this.#socket?.unref();
  }

  #lose() {
    if (this.#fd < 0) return;
    this.close();
    this.#on.lost();
  }

  close() {
    if (this.#fd < 0) return;
    if (this.#socket) this.#socket.destroy();
    else fs.closeSync(this.#fd);
    this.#fd = -1;
    this.#queue = [];
    this.#queued = 0;
    this.#ticket = false;
    process.off('exit', this.#onExit);
    this.#tellFlushed();
  }
}
