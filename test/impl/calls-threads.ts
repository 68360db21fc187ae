/**
 * System calls against the accesses of another thread of the same process: 2 pages per huge page, one thread prepares
 * and calls, the other loads and stores meanwhile. Each is held to every invariant, and each load to what it may return.
 */
import { at, holds, scenario, type ProgramScenario, type Routine, type World } from "thpcheck";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { splitFolio } from "../../impl/huge-memory/split-folio.ts";
import { boot, bootVma, gateStructs, openGate, passGate, scheduleIn } from "../../impl/kernel.ts";
import { MADV_DONTNEED, MADV_FREE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { kernelStructs, VM_READ, VM_WRITE } from "../../impl/mm-types.ts";
import { folioTryGet } from "../../impl/page-ref.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER, kernelConfig, type KernelOptions } from "../../impl/param.ts";
import { folioLock, folioPut, folioUnlock } from "../../impl/swap.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap } from "../../impl/syscalls.ts";
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
function* halfUnmapper(k: K): Routine {
  yield* prepare(k);
  yield* sysMunmap(k, 1, 1);
  yield* load(k, 0);
}
function* replacer(k: K): Routine {
  yield* prepare(k);
  yield* sysMmap(k, 0, 2, RW, MAP_FIXED);
  yield* load(k, 0);
}
function* zapper(k: K): Routine {
  yield* prepare(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
function* freer(k: K): Routine {
  yield* prepare(k);
  yield* sysMadvise(k, 0, 1, MADV_FREE);
  yield* load(k, 0);
}
function* protector(k: K): Routine {
  yield* prepare(k);
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* load(k, 0);
}
function* halfProtector(k: K): Routine {
  yield* prepare(k);
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* load(k, 0);
}
function* mover(k: K): Routine {
  yield* prepare(k);
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2);
  yield* load(k, 2);
}
function* misaligner(k: K): Routine {
  yield* prepare(k);
  yield* sysMremap(k, 0, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* load(k, 3);
}
function* forker(k: K): Routine {
  yield* prepare(k);
  yield* sysFork(k, 2);
  yield* store(k, 0, 2);
}

/** The second store goes through the translation that the first one left, unless that was flushed. */
function* writer(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 0, 2);
  yield* load(k, 0);
}
/** Faults in a page that is not there yet. */
function* toucher(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}
function* reader(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* load(k, 1);
}
/** Writes at the old address, reads at the new one. */
function* follower(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 0, 2);
  yield* load(k, 2);
}
/** Stores while the fork goes on. */
function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 0, 2);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* sysExit(k);
}
/** The shrinker splits what is partially mapped: an rmap walk, and migration entries, in the middle of a move. */
function* shrinker(k: K): Routine {
  yield* passGate(k);
  yield* deferredSplitScan(k);
}
function* splitMover(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMremap(k, 0, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* load(k, 3);
}

/** The page comes back to where it was cut off: the areas merge, and the new one is before the old one in rmap order. */
function* returner(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMremap(k, 1, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* openGate(k);
  yield* sysMremap(k, 3, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 1);
  yield* load(k, 1);
}
/** Splits the folio, which it knows by its frame. */
function* splitter(k: K): Routine {
  yield* passGate(k);
  yield at("folio_try_get");
  if (!folioTryGet(k, FIRST_FOLIO)) return;
  yield* folioLock(k, FIRST_FOLIO);
  yield* splitFolio(k, FIRST_FOLIO);
  folioUnlock(k, FIRST_FOLIO);
  yield* folioPut(k, FIRST_FOLIO);
}
/** The allocator gives the lowest frames. */
const FIRST_FOLIO = 0;

function callScenario(name: string, why: string, threads: Readonly<Record<string, (k: K) => Routine<unknown>>>, options: Partial<KernelOptions> = {}, own = 2): ProgramScenario {
  const all: KernelOptions = {
    pagesPerHugePage: 2, hugeRanges: 2, frames: 8, mms: 1, vmas: 3, anonVmas: 2, anonVmaChains: 4, pageTables: 5, contents: 4, refcountMax: 7, lruBatch: 2, enabled: ENABLED_ALWAYS, shrinkUnderused: false,
    ...options, cpus: Object.keys(threads).length,
  };
  return scenario<CallStructs>({
    name, why, tier: "quick", config: kernelConfig(all), structs: structsOf(all),
    init: own === 1 ? bootOne : bootTwo,
    threads: Object.entries(threads).map(([thread, run]) => ({ name: thread, run })),
    always: always(INVARIANTS) as unknown as Record<string, (k: K) => boolean>,
    expect: holds(),
  }) as unknown as ProgramScenario;
}
function bootTwo(k: K): void {
  boot(k, 2);
  bootVma(k, 0, 0, 2, RW);
}
function bootOne(k: K): void {
  boot(k, 1);
  bootVma(k, 0, 0, 2, RW);
}

const small = { enabled: ENABLED_NEVER, hugeRanges: 1 };
const oneRange = { hugeRanges: 1 };
/** Room for a child: its area, its anon_vma, its tables, and the copies. */
const twoProcesses = { mms: 2, hugeRanges: 1, vmas: 2, anonVmas: 3, anonVmaChains: 5, frames: 8 };

export const SCENARIOS: readonly ProgramScenario[] = [
  callScenario("munmap-store-huge", "a store races with the unmapping of its huge page", { unmapper, writer }, oneRange),
  callScenario("munmap-store-small", "a store races with the unmapping of its page and of the table", { unmapper, writer }, small),
  callScenario("munmap-fault", "a fault in the range is done before the area is detached, or waits and finds nothing", { unmapper, toucher }, small),
  callScenario("munmap-half", "half of a huge page goes while the other half is written", { halfUnmapper, writer }, oneRange),
  callScenario("mmap-fixed-store", "the page is replaced under a store", { replacer, writer }, oneRange),
  callScenario("dontneed-store", "MADV_DONTNEED under the VMA lock against a store", { zapper, writer }, oneRange),
  callScenario("free-half", "MADV_FREE splits the folio under the writer", { freer, writer }, oneRange),
  callScenario("mprotect-store-huge", "no store may get through once mprotect has returned", { protector, writer }, oneRange),
  callScenario("mprotect-store-small", "the same, of small pages", { protector, writer }, small),
  callScenario("mprotect-half", "the boundary moves into a huge page", { halfProtector, reader }, oneRange),
  callScenario("mremap-huge", "a store to the old address must be found at the new one", { mover, follower }),
  callScenario("mremap-table", "the same, of a whole table", { mover, follower }, { enabled: ENABLED_NEVER }),
  callScenario("mremap-ptes", "the same, of a split huge page, entry by entry", { misaligner, writer }),
  callScenario("mremap-rmap-walk", "a folio is split while its page moves", { splitMover, shrinker }, {}, 1),
  callScenario("mremap-back-rmap-walk", "the same, where the walk meets the new address first", { returner, splitter }, {}, 1),
  callScenario("fork-store-huge", "the child sees each page as it was at some moment of the fork", { forker, sibling, child }, twoProcesses),
  callScenario("fork-store-small", "the same, of small pages", { forker, sibling, child }, { ...twoProcesses, enabled: ENABLED_NEVER }),
];
