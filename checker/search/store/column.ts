/**
 * Memory that grows in place and that every worker can see.
 *
 * A growable SharedArrayBuffer reserves address space and commits pages as it grows: nothing is copied, so peak
 * memory is the memory in use. Views are of fixed length (V8 reads those as fast as plain arrays) and are made
 * anew after growth.
 */

/** Address space reserved for one column; halved until the machine grants it. Costs nothing until used. */
const RESERVED_BYTES = 2 ** 34;
const PAGE_BYTES = 65536;

/** Bytes that grow in place other than those of a SharedArrayBuffer: `lowered/memory-buffer.ts`. */
export interface GrowingMemory {
  readonly byteLength: number;
  readonly maxByteLength: number;
  /** To so many bytes or a few more. Throws a RangeError where there is no memory. */
  grow(bytes: number): void;
  /** The first words, as they are now; whoever grows it asks again. */
  words(length: number): Int32Array;
}
export type GrowingBuffer = SharedArrayBuffer | GrowingMemory;

/** The first `length` words of a buffer. */
export function wordsOf(buffer: GrowingBuffer, length: number): Int32Array {
  return buffer instanceof SharedArrayBuffer ? new Int32Array(buffer, 0, length) : buffer.words(length);
}

/** A buffer of `bytes` that can grow up to `maxBytes` or as far as the machine reserves. */
export function reserveShared(bytes: number, maxBytes: number = RESERVED_BYTES): SharedArrayBuffer {
  for (let reserve = maxBytes; ; reserve /= 2) {
    try {
      return new SharedArrayBuffer(bytes, { maxByteLength: Math.max(bytes, Math.floor(reserve)) });
    } catch (error) {
      if (reserve <= bytes || reserve < PAGE_BYTES) throw error;
    }
  }
}

/** A visited set or a column cannot grow. Ends a run as incomplete. */
export class OutOfMemory extends Error {
  constructor(message: string) {
    super(message);
    this.name = "OutOfMemory";
  }
}

/** An append-only array of 32-bit words. */
export class Column {
  readonly buffer: GrowingBuffer;
  view: Int32Array;

  constructor(buffer: GrowingBuffer = reserveShared(PAGE_BYTES)) {
    this.buffer = buffer;
    this.view = wordsOf(buffer, Math.floor(buffer.byteLength / 4));
  }

  get bytes(): number {
    return this.buffer.byteLength;
  }

  /** Makes room for `words` words in all. Throws OutOfMemory. */
  reserve(words: number): void {
    if (words <= this.view.length) return;
    if (words * 4 > this.buffer.byteLength) {
      // An eighth at a time: growth costs no copy, so there is no reason to hold much more than is used.
      const wanted = Math.max(words * 4, this.buffer.byteLength * 1.125);
      try {
        this.buffer.grow(Math.min(Math.ceil(wanted / PAGE_BYTES) * PAGE_BYTES, this.buffer.maxByteLength));
      } catch {
        throw new OutOfMemory(`no memory to grow an array to ${words} words`);
      }
    }
    this.refresh();
    if (words > this.view.length) throw new OutOfMemory(`no address space left for an array of ${words} words`);
  }

  /** Sees what another worker has grown. */
  refresh(): void {
    const words = Math.floor(this.buffer.byteLength / 4);
    if (words !== this.view.length) this.view = wordsOf(this.buffer, words);
  }
}
