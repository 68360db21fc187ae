/**
 * Fingerprints: 64 bits that stand for a state in the visited set, in two 32-bit lanes. The lanes must differ in more than
 * their seeds, or what collides in one would collide in the other. Neither half is ever 0, because a visited table reads
 * 0 as "empty"; that costs 2^-31 of the space.
 *
 * Short states: each lane is a MurmurHash3 body (Appleby, public domain) with constants and rotations of its own, and the
 * lanes are mixed into each other at the end. Two lanes of the same form would have equal differentials for changes in the
 * top bits of a word.
 *
 * Long states: each lane is a sum modulo 2^32 over the words; a summand is a random-looking function of the word and its
 * place (a permutation of three rounds, after C. Wellons, "Prospecting for hash functions", with a constant of the place
 * mixed in first). A sum can be brought up to date: a step changes few of the words, and only their summands are computed
 * again. Were the summands random, two different states would have equal sums with odds of 2^-32 a lane (take all summands
 * but one of a word that differs as given), which is the best that any function can do. Three rounds, not two, because
 * differences count in a sum: after two, flipping a bit of a word has the same effect ten times as often as by chance, and
 * the effects of two words cancel as much more often.
 */

import { SHORT_WORDS } from "../../system.ts";
import { ownComment } from "./fresh-copy.ts";

/** Writes the two halves of the fingerprint of the state at `words[at]` to `out[outAt]` (low) and `out[outAt + 1]` (high). */
export type Fingerprint = (words: Int32Array, at: number, out: Int32Array, outAt: number) => void;
/** Copies one state. */
export type CopyState = (target: Int32Array, targetAt: number, source: Int32Array, sourceAt: number) => void;

/** The sums that the fingerprint of a long state is made of; two words at a place of an array. */
export interface StateSums {
  /** Writes the sums of the state at `words[at]`. */
  readonly whole: Fingerprint;
  /**
   * Given the sums of the state `before`, makes them those of `after`; `changed[0]` up to `changed[n - 1]` are the words in
   * which the two differ.
   */
  readonly update: (sums: Int32Array, at: number, before: Int32Array, after: Int32Array, changed: Int32Array, n: number) => void;
  /** Writes the fingerprint of a state whose sums are given. */
  readonly print: (sums: Int32Array, at: number, out: Int32Array, outAt: number) => void;
}

/** States of up to so many words get straight-line code; longer ones a loop, to spare the compiler. */
const UNROLLED_WORDS = 48;

/** Three rounds of each lane: shift, then multiply and shift. */
const ROUNDS = {
  low: { shifts: [17, 11, 15, 14], factors: ["0xed5ad4bb", "0xac4c1b51", "0x31848bab"] },
  high: { shifts: [16, 13, 15, 16], factors: ["0x85ebca6b", "0xc2b2ae35", "0x27d4eb2f"] },
} as const;

/** Statements that leave the summand of `word` at a place in `k`; `place` is the constant of the place. */
function summand(lane: "low" | "high", word: string, place: string): string {
  const { shifts: [first, ...shifts], factors } = ROUNDS[lane];
  const rounds = factors.map((factor, i) => `k = Math.imul(k, ${factor}); k ^= k >>> ${shifts[i]};`);
  return `k = ${word} ^ ${place}; k ^= k >>> ${first}; ${rounds.join(" ")}`;
}

/** Statements that write the halves, given the lanes `a` and `b`. */
const written = (bits: 32 | 64): string => `out[outAt] = ${bits === 64 ? "b === 0 ? 1 : b" : "1"}; out[outAt + 1] = a === 0 ? 1 : a;`;

/**
 * The sums for states of `stateWords` words. `bits` 32 keeps the high half of a fingerprint only: a test mode in
 * which collisions can be seen. Different seeds give independent functions.
 */
export function makeStateSums(stateWords: number, bits: 32 | 64, seed: number): StateSums {
  const { low, high } = placesOfWords(stateWords, seed);
  const { whole, update, print } = stateSumsTexts(stateWords, bits);
  const text = `${ownComment()} return { whole: ${whole}, update: ${update}, print: ${print} };`;
  return new Function("low", "high", text)(low, high) as StateSums;
}

/** The constants of the places of a state's words, for each lane. */
export function placesOfWords(stateWords: number, seed: number): { readonly low: Int32Array; readonly high: Int32Array } {
  const place = (salt: number, word: number): number => avalanche(avalanche(seed ^ salt) + Math.imul(word + 1, 0x9e3779b9));
  const places = (salt: number): Int32Array => Int32Array.from({ length: stateWords }, (_, w) => place(salt, w));
  return { low: places(0x7f4a7c15), high: places(0x6a09e667) };
}

/** The texts of the functions, which use the constants of places as `low` and `high`. */
export function stateSumsTexts(stateWords: number, bits: 32 | 64): Readonly<Record<keyof StateSums, string>> {
  const moved = (sign: "+" | "-") => (lane: "low" | "high", word: string, sum: string): string =>
    `${summand(lane, word, `${lane}[i]`)} ${sum} = (${sum} ${sign} k) | 0;`;
  const add = moved("+");
  const subtract = moved("-");
  return {
    whole: `function whole(words, at, out, outAt) {
      let a = 0, b = 0, k = 0, w = 0;
      for (let i = 0; i < ${stateWords}; i++) { w = words[at + i]; ${add("low", "w", "b")} ${add("high", "w", "a")} }
      out[outAt] = b;
      out[outAt + 1] = a;
    }`,
    update: `function update(sums, at, before, after, changed, n) {
      let a = sums[at + 1], b = sums[at], k = 0;
      for (let c = 0; c < n; c++) {
        const i = changed[c], x = before[i], y = after[i];
        ${subtract("low", "x", "b")} ${add("low", "y", "b")}
        ${subtract("high", "x", "a")} ${add("high", "y", "a")}
      }
      sums[at] = b;
      sums[at + 1] = a;
    }`,
    print: `function print(sums, at, out, outAt) {
      const a = sums[at + 1], b = sums[at];
      ${written(bits)}
    }`,
  };
}

/** How the states of one search are hashed: made once for each thread that searches. */
export interface Hashing {
  readonly fingerprint: Fingerprint;
  /** What the fingerprint of a long state is made of. */
  readonly sums: StateSums;
}

/** The functions for states of `stateWords` words; `bits` and `seed` as for the sums. */
export function makeHashing(stateWords: number, bits: 32 | 64, seed: number): Hashing {
  const sums = makeStateSums(stateWords, bits, seed);
  return { sums, fingerprint: stateWords > SHORT_WORDS ? ofLongStates(sums) : makeShortFingerprint(stateWords, bits, seed) };
}

function ofLongStates({ whole, print }: StateSums): Fingerprint {
  return (words, at, out, outAt) => {
    whole(words, at, out, outAt);
    print(out, outAt, out, outAt);
  };
}

function makeShortFingerprint(stateWords: number, bits: 32 | 64, seed: number): Fingerprint {
  return new Function(`${ownComment()} return ${shortFingerprintText(stateWords, bits, seed)};`)() as Fingerprint;
}

/** The text of the function, which is what WebAssembly is made of, too: there is one fingerprint of a state, whoever searches. */
export function shortFingerprintText(stateWords: number, bits: 32 | 64, seed: number): string {
  const lane = (word: string): string => `
    k = Math.imul(${word}, 0xcc9e2d51); k = (k << 15) | (k >>> 17); a ^= Math.imul(k, 0x1b873593);
    a = (a << 13) | (a >>> 19); a = (Math.imul(a, 5) + 0xe6546b64) | 0;
    k = Math.imul(${word}, 0x239b961b); k = (k << 18) | (k >>> 14); b ^= Math.imul(k, 0xa1e38b93);
    b = (b << 17) | (b >>> 15); b = (Math.imul(b, 9) + 0x32ac3b17) | 0;`;
  const body = Array.from({ length: stateWords }, (_, i) => `w = words[at + ${i}];${lane("w")}`).join("\n");
  return `function fingerprint(words, at, out, outAt) {
    let a = ${avalanche(seed ^ 0x9e3779b9)}, b = ${avalanche(Math.imul(seed, 0x85ebca6b) ^ 0x7f4a7c15)}, k = 0, w = 0;
    ${body}
    a ^= ${stateWords}; b ^= ${stateWords};
    a = (a + b) | 0; b = (b + a) | 0;
    a ^= a >>> 16; a = Math.imul(a, 0x85ebca6b); a ^= a >>> 13; a = Math.imul(a, 0xc2b2ae35); a ^= a >>> 16;
    b ^= b >>> 15; b = Math.imul(b, 0x2c1b3c6d); b ^= b >>> 12; b = Math.imul(b, 0x297a2d39); b ^= b >>> 15;
    a = (a + b) | 0; b = (b + a) | 0;
    ${written(bits)}
  }`;
}

export function makeCopyState(stateWords: number): CopyState {
  let body = "";
  if (stateWords <= UNROLLED_WORDS) {
    for (let i = 0; i < stateWords; i++) body += `target[targetAt + ${i}] = source[sourceAt + ${i}];\n`;
  } else {
    body = `for (let i = 0; i < ${stateWords}; i++) target[targetAt + i] = source[sourceAt + i];`;
  }
  return new Function(`${ownComment()} return function copyState(target, targetAt, source, sourceAt) { ${body} };`)() as CopyState;
}

/** The finaliser of MurmurHash3: every input bit moves every output bit. */
export function avalanche(value: number): number {
  let h = value | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Expected number of states lost because their fingerprint equals another's: n(n-1)/2 pairs, each with odds 2^-bits. */
export function expectedCollisions(states: number, bits: number): number {
  return (states * (states - 1)) / 2 / 2 ** bits;
}
