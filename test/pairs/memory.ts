/**
 * The kinds of memory that pairs meet on: how each is made, by ordinary calls of the first thread, and in which world.
 */
import { type Int, type Routine } from "thpcheck";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysFork, sysMadvise, sysMremap } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED, MADV_FREE } from "../../impl/madvise.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { vmBugOn } from "../../impl/bug.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import type { Places } from "./operations.ts";

/** What the area is like when the two sides begin. */
export const MEMORY = {
  /** Nothing was touched. */
  "hole": 0,
  /** Loads only, without huge pages: the zero page, twice. */
  "zero": 1,
  "small": 2,
  "huge": 3,
  /** A load only. */
  "huge-zero": 4,
  /** Of a huge page the first page; the second was discarded. */
  "partly": 5,
  /** A huge page after MADV_FREE. */
  "lazyfree": 6,
  /** A huge page, its pages mapped one by one in two tables; the second of them begins a whole range of the area. */
  "moved": 7,
  /** A huge page after fork; both sides belong to the parent. */
  "shared": 8,
  /** The same, and the second side is the child. */
  "child": 9,
  /** The first page of a reservation. */
  "reserved": 10,
} as const;
export type MemoryName = keyof typeof MEMORY;
export type Memory = Int<0, 10>;
export const MEMORIES = Object.keys(MEMORY) as readonly MemoryName[];

/** CPUs: the two sides, the third, a child of the preparation, and one for a child of each side. */
export const CPUS = 6;
const IDLE_CHILD = 3;
const SPARE_CPUS = [4, 5] as const;

/** How the pages lie, by number; `LAYOUTS[layoutOf(memory)]`. */
export const LAYOUTS: readonly Places[] = [
  { first: 0, second: 1, pages: 2, target: 2, aside: 3, self: [0, 0], spareCpus: SPARE_CPUS },
  // The second side is another process.
  { first: 0, second: 1, pages: 2, target: 2, aside: 3, self: [0, 1], spareCpus: SPARE_CPUS },
  // The area has moved from page 0 to page 3: its pages 1 and 2 are the two halves of a range.
  { first: 3, second: 4, pages: 3, target: 0, aside: 1, self: [0, 0], spareCpus: SPARE_CPUS },
];
export function layoutOf(memory: Memory): number {
  return memory === MEMORY.child ? 1 : memory === MEMORY.moved ? 2 : 0;
}

/** Programs: each has room for its kinds of memory, and is compiled once. */
export interface WorldOf {
  readonly name: string;
  readonly memories: readonly MemoryName[];
  readonly options: Partial<KernelOptions>;
}
export const WORLDS: readonly WorldOf[] = [
  {
    name: "own", memories: ["hole", "zero", "small", "huge", "huge-zero", "partly", "lazyfree"],
    options: { hugeRanges: 3, frames: 12, mms: 3, vmas: 9, anonVmas: 9, anonVmaChains: 18, pageTables: 15 },
  },
  {
    name: "moved", memories: ["moved"],
    options: { hugeRanges: 3, frames: 14, mms: 3, vmas: 10, anonVmas: 10, anonVmaChains: 20, pageTables: 18 },
  },
  {
    name: "shared", memories: ["shared", "child"],
    options: { hugeRanges: 3, frames: 14, mms: 4, vmas: 10, anonVmas: 10, anonVmaChains: 24, pageTables: 18 },
  },
  {
    name: "reserved", memories: ["reserved"],
    options: { hugeRanges: 3, frames: 12, mms: 3, vmas: 9, anonVmas: 9, anonVmaChains: 18, pageTables: 15, policy: "rfc-choices" },
  },
];

/** `withThird`: a third thread drops a reference. */
export const programName = (world: WorldOf, withThird: boolean): string => `pairs-${world.name}${withThird ? "-and-third" : ""}`;

/** Makes the memory. The area is pages 0..1, or 0..2 where it is to move. */
export function* fill(k: Kernel, memory: Memory): Routine {
  switch (memory) {
    case MEMORY.hole: break;
    case MEMORY.zero:
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
      yield* load(k, 0);
      yield* load(k, 1);
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
      break;
    case MEMORY.small:
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
      break;
    case MEMORY["huge-zero"]: yield* load(k, 0); break;
    case MEMORY.huge: yield* twoStores(k); break;
    case MEMORY.partly:
      yield* twoStores(k);
      yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
      break;
    case MEMORY.lazyfree:
      yield* twoStores(k);
      yield* sysMadvise(k, 0, 2, MADV_FREE);
      break;
    case MEMORY.moved:
      yield* twoStores(k);
      yield* sysMremap(k, 0, 3, 3, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
      break;
    case MEMORY.shared:
      yield* twoStores(k);
      yield* sysFork(k, IDLE_CHILD);
      break;
    case MEMORY.child:
      yield* twoStores(k);
      yield* sysFork(k, 1);
      break;
    case MEMORY.reserved: yield* store(k, 0, 1); break;
    default: vmBugOn(true, "pairs: no memory has this number");
  }
}
function* twoStores(k: Kernel): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
}
