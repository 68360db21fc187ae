/**
 * Rare calls against those of another thread of the same process: 2 pages per huge page, one thread prepares, both call.
 * Each is held to every invariant, and each load to what it may return. The others are in test/scenarios/.
 */
import { holds, scenario, type ProgramScenario, type Routine, type World } from "thpcheck";
import { boot, bootVma, gateStructs, openGate, passGate } from "../../impl/entry/boot.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { kernelStructs } from "../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysMadvise, sysMprotect, sysMremap, sysMunmap, sysSplitHugePages } from "../../impl/entry/syscalls.ts";
import { SINGLE_PAGES } from "../../impl/huge-memory/split-parts.ts";
import { always } from "../../spec/invariant.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";

const RW = VM_READ | VM_WRITE;

function structsOf(options: KernelOptions) {
  return { ...kernelStructs(kernelConfig(options)), ...gateStructs() };
}
type CallStructs = ReturnType<typeof structsOf>;
type K = World<CallStructs>;

/** The pages 0 and 1, which the caller has faulted in: 0 holds 1. */
function* prepare(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
}

function* unmapper(k: K): Routine {
  yield* prepare(k);
  yield* sysMunmap(k, 0, 2);
}
function* zapper(k: K): Routine {
  yield* prepare(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
function* halfProtector(k: K): Routine {
  yield* prepare(k);
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* load(k, 0);
}
/** The pages move, and the old addresses stay, to be written again. */
function* leaver(k: K): Routine {
  yield* prepare(k);
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 2);
  yield* load(k, 2);
  yield* load(k, 0);
}

/** Writes at the old address, reads at the new one. */
function* follower(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 0, 2);
  yield* load(k, 2);
}

/** echo PID,0,2 > split_huge_pages */
function* debugSplitter(k: K): Routine {
  yield* passGate(k);
  yield* sysSplitHugePages(k, 0, 0, 2, SINGLE_PAGES);
}
function* storer(k: K): Routine {
  yield* prepare(k);
  yield* store(k, 1, 2);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}
function callScenario(name: string, why: string, threads: Readonly<Record<string, (k: K) => Routine<unknown>>>, options: Partial<KernelOptions> = {}): ProgramScenario {
  const all: KernelOptions = {
    pagesPerHugePage: 2, hugeRanges: 2, frames: 8, mms: 1, vmas: 3, anonVmas: 2, anonVmaChains: 4, pageTables: 5, contents: 4, refcountMax: 7, lruBatch: 2, enabled: ENABLED_ALWAYS, shrinkUnderused: false,
    ...options, cpus: Object.keys(threads).length,
  };
  return scenario<CallStructs>({
    name, why, tier: "quick", config: kernelConfig(all), structs: structsOf(all),
    init: bootTwo,
    threads: Object.entries(threads).map(([thread, run]) => ({ name: thread, run })),
    always: always(INVARIANTS) as unknown as Record<string, (k: K) => boolean>,
    expect: holds(),
  }) as unknown as ProgramScenario;
}
function bootTwo(k: K): void {
  boot(k, 2);
  bootVma(k, 0, 0, 2, RW);
}

const oneRange = { hugeRanges: 1 };
/** The area that the pages have left gets an anon_vma of its own. */
const leftArea = { anonVmas: 3 };

export const SCENARIOS: readonly ProgramScenario[] = [
  callScenario("mremap-dontunmap-huge", "a huge page moves away and its area stays: a store to the old address after the move stays there", { leaver, follower }, leftArea),
  callScenario("mremap-dontunmap-table", "the same, of a whole table", { leaver, follower }, { ...leftArea, enabled: ENABLED_NEVER }),
  callScenario("split-debugfs-store", "a store to a huge page that is being split, and to what was zero-filled in it", { storer, debugSplitter }, oneRange),
  callScenario("split-debugfs-pmd-split", "the PMD is split by somebody else while it is looked at", { halfProtector, debugSplitter }, oneRange),
  callScenario("split-debugfs-munmap", "the folio is unmapped while it is looked at", { unmapper, debugSplitter }, oneRange),
  callScenario("split-debugfs-dontneed", "half of the folio goes, under the VMA lock", { zapper, debugSplitter }, oneRange),
];
