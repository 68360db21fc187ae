/**
 * What one worker writes down of the state graph while it searches breadth-first, for the search backwards (`find-traps.ts`).
 *
 * A step to a new state is in the predecessor links already. Of a step to a known state its target is kept, by fingerprint: the
 * visited table does not know the numbers of its states, and where a state lies in it changes when it grows. The fingerprint of
 * each new state is kept as well, so that fingerprints can be turned into numbers when the search is done. Both are sequential
 * writes of 8 bytes; whose steps they are takes up to two bytes for a state. A step that changes nothing is left out.
 */

const LOG_BLOCK_WORDS = 16;
/** Words of a block. */
export const BLOCK_WORDS = 2 ** LOG_BLOCK_WORDS;

/** An array in blocks: plain, so that a worker thread can post it. */
export interface Words {
  readonly blocks: readonly Int32Array<ArrayBuffer>[];
  readonly length: number;
}

export function wordAt({ blocks }: Words, i: number): number {
  return blocks[i >>> LOG_BLOCK_WORDS]![i & (BLOCK_WORDS - 1)]!;
}

/** An append-only array. Where there is no memory for more it forgets, and says so. */
class WordLog implements Words {
  readonly blocks: Int32Array<ArrayBuffer>[] = [];
  failed = false;
  #block = new Int32Array(0);
  #at = 0;

  get length(): number {
    return this.blocks.length === 0 ? 0 : (this.blocks.length - 1) * BLOCK_WORDS + this.#at;
  }

  push(word: number): void {
    if (this.#at === this.#block.length) this.#more();
    this.#block[this.#at++] = word;
  }
  /** Of a log of pairs. */
  pushPair(first: number, second: number): void {
    if (this.#at === this.#block.length) this.#more();
    const block = this.#block;
    const at = this.#at;
    block[at] = first;
    block[at + 1] = second;
    this.#at = at + 2;
  }
  clear(): void {
    this.blocks.length = 0;
    this.#block = new Int32Array(0);
    this.#at = 0;
  }

  #more(): void {
    this.#at = 0;
    if (this.failed) return;
    try {
      this.#block = new Int32Array(BLOCK_WORDS);
      this.blocks.push(this.#block);
    } catch {
      this.clear();
      this.failed = true;
      this.#block = new Int32Array(64);
    }
  }
}

/** What a worker hands over when the search is done. */
export interface LoggedGraph {
  /** Two words for each state that the worker discovered, in order: its fingerprint. */
  readonly prints: Words;
  /** Two words for each step to a known state: the target's fingerprint or, where whole states are compared, its number. */
  readonly targets: Words;
  /** Whose steps these are; see `GraphLog.sourcesOf`. */
  readonly sources: Uint8Array<ArrayBuffer>;
  /** By goal: the states that are one. */
  readonly goals: readonly Words[];
}

export class GraphLog {
  readonly #prints = new WordLog();
  readonly #targets = new WordLog();
  readonly #goals: readonly WordLog[];
  #sources = new Uint8Array(1024);
  #sourceBytes = 0;
  /** Whose steps are being written down; -1: nobody's yet. */
  #source = -1;
  #steps = 0;
  /** There was no memory for it: what is written from then on is forgotten. */
  dropped = false;

  /** `goals`: how many there are. */
  constructor(goals: number) {
    this.#goals = Array.from({ length: goals }, () => new WordLog());
  }

  get bytes(): number {
    return 4 * (this.#prints.length + this.#targets.length) + this.#sources.length;
  }

  /** The next state that this worker discovers. */
  discovered(low: number, high: number): void {
    if (this.dropped) return;
    this.#prints.pushPair(low, high);
  }

  /** A step of state `from` to a state that was known. */
  known(from: number, low: number, high: number): void {
    if (this.dropped) return;
    if (from !== this.#source) this.#turn(from);
    this.#steps++;
    this.#targets.pushPair(low, high);
  }

  /** State `id` is a goal. */
  reached(goal: number, id: number): void {
    if (!this.dropped) this.#goals[goal]!.push(id);
  }

  drop(): void {
    this.dropped = true;
    this.#prints.clear();
    this.#targets.clear();
    this.#sources = new Uint8Array(0);
    for (const g of this.#goals) g.clear();
  }

  /** Null when it was dropped. */
  finish(): LoggedGraph | null {
    const logs = [this.#prints, this.#targets, ...this.#goals];
    if (this.dropped || logs.some((log) => log.failed)) return null;
    this.#turn(-1);
    const [prints, targets, ...goals] = logs.map(({ blocks, length }): Words => ({ blocks, length }));
    return { prints: prints!, targets: targets!, goals, sources: this.#sources.slice(0, this.#sourceBytes) };
  }

  /** The buffers of a log, to be handed over rather than copied. */
  static buffers({ prints, targets, goals, sources }: LoggedGraph): ArrayBuffer[] {
    return [...[prints, targets, ...goals].flatMap((words) => words.blocks.map((b) => b.buffer)), sources.buffer];
  }

  /** Calls `each` with the number of every state that has steps in the log, in order, and how many it has. */
  static sourcesOf({ sources }: LoggedGraph, each: (id: number, steps: number) => void): void {
    let at = 0;
    const number = (): number => {
      let n = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = sources[at++]!;
        n += (byte & 127) * scale;
        if (byte < 128) return n;
      }
    };
    for (let id = -1; at < sources.length;) {
      const gap = number();
      id += gap % 2 === 1 ? -(gap + 1) / 2 : gap / 2;
      if (at < sources.length) each(id, number());
    }
  }

  /** The steps of the state before are all there: notes how many they are, and whose come next. */
  #turn(from: number): void {
    if (this.#source >= 0) this.#number(this.#steps);
    const gap = from - this.#source;
    this.#number(gap < 0 ? -2 * gap - 1 : 2 * gap);
    this.#source = from;
    this.#steps = 0;
  }

  /** Seven bits a byte, lowest first, the top bit set on all but the last. */
  #number(n: number): void {
    if (this.#sourceBytes + 8 > this.#sources.length) {
      const longer = new Uint8Array(Math.ceil(this.#sources.length * 1.5));
      longer.set(this.#sources);
      this.#sources = longer;
    }
    for (; n > 127; n = Math.floor(n / 128)) this.#sources[this.#sourceBytes++] = (n & 127) | 128;
    this.#sources[this.#sourceBytes++] = n;
  }
}
