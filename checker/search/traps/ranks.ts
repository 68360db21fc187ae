/** A set of places, numbered from 0 in their order: a bit for each place there is, and a word for every 32. */
export class Ranks {
  readonly #bits: Int32Array;
  /** By word: how many places the words before it have. */
  readonly #before: Int32Array;

  /** Places run from 0 to `slots` - 1. */
  constructor(slots: number) {
    this.#bits = new Int32Array(Math.ceil(slots / 32));
    this.#before = new Int32Array(this.#bits.length);
  }

  add(place: number): void {
    this.#bits[place >>> 5]! |= 1 << place;
  }
  /** To be called once, between the last `add` and the first `of`. */
  count(): void {
    for (let w = 1; w < this.#bits.length; w++) this.#before[w] = this.#before[w - 1]! + ones(this.#bits[w - 1]!);
  }
  has(place: number): boolean {
    return ((this.#bits[place >>> 5]! >>> place) & 1) === 1;
  }
  /** The number of a place that is in the set. */
  of(place: number): number {
    return this.#before[place >>> 5]! + ones(this.#bits[place >>> 5]! & ((1 << place) - 1));
  }
}

/** How many bits of a word are 1. */
function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
