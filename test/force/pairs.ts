/**
 * The pairs of calls that are asked for, each on a kind of memory: programs in the words of test/conformance/program.ts, at 512
 * pages per huge page. The checker runs the same at `pages` per huge page: all pages of a range from the last of these on are
 * one there, and programs treat them alike (`scaled.ts`).
 */
import { DEFAULT_KNOBS, textToStep } from "../conformance/program.ts";
import type { RealPair } from "./machine.ts";

export interface Pair extends RealPair {
  /** FIRST+SECOND@MEMORY, as of test/pairs. */
  readonly name: string;
  /** Pages per huge page in the checker. */
  readonly pages: 2 | 4;
}

const SMALL = ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1"];
/** Nothing yet, and huge pages are wanted. */
const WANTED = ["0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE"];
const HUGE = [...WANTED, "0 write 0.0 1.0 1"];

/** Kinds of memory: steps before the two calls. */
const MEMORY = {
  /** Small pages everywhere. */
  small: SMALL,
  /** Small pages, but for page 0. */
  hole: ["0 mmap 0.0 1.0 rw fixed", "0 write 0.1 0.511 1"],
  none: WANTED,
  huge: HUGE,
  /** A huge page, shared with a child. */
  shared: [...HUGE, "0 fork 1"],
  /** Small pages, shared with a child. */
  "small-shared": [...SMALL, "0 fork 1"],
  /** A huge page after MADV_FREE. */
  lazyfree: [...HUGE, "0 madvise 0.0 1.0 FREE"],
  /** A huge page whose page 0 was discarded. */
  partly: [...HUGE, "0 madvise 0.0 0.1 DONTNEED"],
} satisfies Readonly<Record<string, readonly string[]>>;
type MemoryName = keyof typeof MEMORY;

/** Calls, by the names that pairs have for them. Page 0 is the one that is treated apart. */
const CALLS = {
  "collapse": "0 madvise 0.0 1.0 COLLAPSE",
  "dontneed-page": "0 madvise 0.0 0.1 DONTNEED",
  "dontneed": "0 madvise 0.0 1.0 DONTNEED",
  "free-page": "0 madvise 0.0 0.1 FREE",
  "free": "0 madvise 0.0 1.0 FREE",
  "nohugepage": "0 madvise 0.0 1.0 NOHUGEPAGE",
  "munmap": "0 munmap 0.0 1.0",
  "munmap-page": "0 munmap 0.0 0.1",
  "mprotect": "0 mprotect 0.0 1.0 r",
  "mprotect-page": "0 mprotect 0.0 0.1 r",
  "mremap": "0 mremap 0.0 1.0 1.0 fixed 2.0",
  "fork": "0 fork 2",
  "readv": "0 hold 0 0.0",
  "store": "0 write 0.0 0.1 2",
  "store-other": "0 write 0.1 0.1 3",
  "load": "0 read 0.0 0.1",
} as const;
type CallName = keyof typeof CALLS;

function pair(first: CallName, second: CallName, memory: MemoryName, pages: 2 | 4 = 2): Pair {
  const calls: RealPair["calls"] = [[textToStep(CALLS[first])], [textToStep(CALLS[second])]];
  return { name: `${first}+${second}@${memory}`, pages, knobs: DEFAULT_KNOBS, memory: MEMORY[memory].map(textToStep), calls };
}

export const PAIRS: readonly Pair[] = [
  pair("collapse", "dontneed-page", "small"),
  pair("collapse", "dontneed", "small"),
  pair("collapse", "store", "hole"),
  pair("collapse", "fork", "small"),
  pair("collapse", "munmap", "small"),
  pair("collapse", "nohugepage", "small"),
  pair("collapse", "readv", "small"),
  pair("store", "store-other", "none", 4),
  pair("store", "mprotect-page", "hole"),
  // Beyond the first ones.
  pair("collapse", "free-page", "small"),
  pair("collapse", "mprotect", "small"),
  pair("collapse", "mremap", "small"),
  pair("collapse", "store", "small"),
  pair("collapse", "load", "hole"),
  pair("collapse", "collapse", "small"),
  pair("dontneed-page", "fork", "huge"),
  pair("dontneed-page", "store", "huge"),
  pair("dontneed", "store", "huge"),
  pair("fork", "store", "huge"),
  pair("fork", "store", "small"),
  pair("store", "store-other", "shared", 4),
  pair("store", "store", "small-shared"),
  pair("mremap", "store", "huge"),
  pair("mprotect", "store", "huge"),
  pair("free", "store", "huge"),
  pair("store", "dontneed-page", "lazyfree"),
  pair("munmap-page", "store-other", "huge", 4),
  pair("load", "store-other", "none", 4),
  pair("collapse", "free", "small"),
  pair("collapse", "munmap-page", "small"),
  pair("collapse", "mprotect-page", "small"),
  pair("dontneed", "fork", "small"),
  pair("dontneed", "fork", "huge"),
  pair("free-page", "fork", "huge"),
];

/** Throws a RangeError for a name that no pair has. */
export function pairNamed(name: string): Pair {
  const found = PAIRS.find((p) => p.name === name);
  if (found === undefined) throw new RangeError(`there is no pair ${name}: they are ${PAIRS.map((p) => p.name).join(", ")}`);
  return found;
}
