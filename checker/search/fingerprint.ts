/**
 * Fingerprints: 64 bits that stand for a state in the visited set.
 *
 * Two 32-bit lanes, each a MurmurHash3 body (Appleby, public domain) with constants and rotations of its own, are
 * mixed into each other at the end. The lanes must differ in more than their seeds: two lanes of the same form
 * have equal differentials for changes in the top bits of a word, and then collide together. Neither half is ever
 * 0, because a visited table reads 0 as "empty"; that costs 2^-31 of the space.
 */

/** Writes the two halves of the fingerprint of the state at `words[at]` to `out[outAt]` (low) and `out[outAt + 1]` (high). */
export type Fingerprint = (words: Int32Array, at: number, out: Int32Array, outAt: number) => void;
/** Copies one state. */
export type CopyState = (target: Int32Array, targetAt: number, source: Int32Array, sourceAt: number) => void;

/** States of up to so many words get straight-line code; longer ones a loop, to spare the compiler. */
const UNROLLED_WORDS = 48;

/** Every generated function gets a comment of its own, so that V8 gives it type feedback of its own. */
let generation = 0;

/**
 * The fingerprint function for states of `stateWords` words. `bits` 32 keeps the high half only: a test mode in
 * which collisions can be seen. Different seeds give independent functions.
 */
export function makeFingerprint(stateWords: number, bits: 32 | 64, seed: number): Fingerprint {
  const lane = (word: string): string => `
    k = Math.imul(${word}, 0xcc9e2d51); k = (k << 15) | (k >>> 17); a ^= Math.imul(k, 0x1b873593);
    a = (a << 13) | (a >>> 19); a = (Math.imul(a, 5) + 0xe6546b64) | 0;
    k = Math.imul(${word}, 0x239b961b); k = (k << 18) | (k >>> 14); b ^= Math.imul(k, 0xa1e38b93);
    b = (b << 17) | (b >>> 15); b = (Math.imul(b, 9) + 0x32ac3b17) | 0;`;
  let body = "";
  if (stateWords <= UNROLLED_WORDS) {
    for (let i = 0; i < stateWords; i++) body += `w = words[at + ${i}];${lane("w")}\n`;
  } else {
    body = `for (let i = 0; i < ${stateWords}; i++) { w = words[at + i];${lane("w")} }`;
  }
  const low = bits === 64 ? "b === 0 ? 1 : b" : "1";
  return new Function(`/* ${generation++} */ return function fingerprint(words, at, out, outAt) {
    let a = ${avalanche(seed ^ 0x9e3779b9)}, b = ${avalanche(Math.imul(seed, 0x85ebca6b) ^ 0x7f4a7c15)}, k = 0, w = 0;
    ${body}
    a ^= ${stateWords}; b ^= ${stateWords};
    a = (a + b) | 0; b = (b + a) | 0;
    a ^= a >>> 16; a = Math.imul(a, 0x85ebca6b); a ^= a >>> 13; a = Math.imul(a, 0xc2b2ae35); a ^= a >>> 16;
    b ^= b >>> 15; b = Math.imul(b, 0x2c1b3c6d); b ^= b >>> 12; b = Math.imul(b, 0x297a2d39); b ^= b >>> 15;
    a = (a + b) | 0; b = (b + a) | 0;
    out[outAt] = ${low};
    out[outAt + 1] = a === 0 ? 1 : a;
  };`)() as Fingerprint;
}

export function makeCopyState(stateWords: number): CopyState {
  let body = "";
  if (stateWords <= UNROLLED_WORDS) {
    for (let i = 0; i < stateWords; i++) body += `target[targetAt + ${i}] = source[sourceAt + ${i}];\n`;
  } else {
    body = `for (let i = 0; i < ${stateWords}; i++) target[targetAt + i] = source[sourceAt + i];`;
  }
  return new Function(`/* ${generation++} */ return function copyState(target, targetAt, source, sourceAt) { ${body} };`)() as CopyState;
}

/**
 * A copy of `kernel` that shares no type feedback with other copies. `kernel` must be closed: everything it uses is
 * a parameter, because the copy does not see this module's scope.
 */
export function freshCopy<F extends (...args: never[]) => unknown>(kernel: F): F {
  return new Function(`/* ${generation++} */ return (${kernel.toString()});`)() as F;
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
