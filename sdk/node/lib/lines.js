/* Cuts a stream of bytes into lines. What is longer than any message may be is passed over, and told as null. */
const MAX_LINE = 1 << 20;

export class Lines {
  #parts = [];
  #length = 0;

  /* Calls onLine for every line that `bytes` completes; keeps a copy of what is left. */
  feed(bytes, onLine) {
    let start = 0;
    for (let end; (end = bytes.indexOf(10, start)) >= 0; start = end + 1) {
      this.#keep(bytes.subarray(start, end));
      onLine(this.#take());
    }
    if (start < bytes.length) this.#keep(Buffer.from(bytes.subarray(start)));
  }

  #keep(part) {
    this.#length += part.length;
    if (this.#length > MAX_LINE) this.#parts = [];
    else this.#parts.push(part);
  }

  #take() {
    const text = this.#length > MAX_LINE ? null : Buffer.concat(this.#parts).toString();
    this.#parts = [];
    this.#length = 0;
    return text;
  }
}
