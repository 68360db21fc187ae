/** Random numbers that a seed decides. */
import { avalanche } from "../store/fingerprint.ts";

export type Random = () => number;

/** Numbers in 0..1 (1 excluded), decided by the seed and the number of the walk. The generator is sfc32 of PractRand (Doty-Humphrey). */
export function randomSource(seed: number, walk: number): Random {
  let a = avalanche(seed ^ 0x9e3779b9);
  let b = avalanche(walk ^ 0x243f6a88);
  let c = avalanche(Math.floor(seed / 2 ** 32) ^ 0xb7e15162);
  let counter = 1;
  const next: Random = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
