/**
 * What a scenario of the kernel may import from "thpcheck/kernel", in any folder. `thpScenario` builds its world and holds it
 * to every invariant. Threads are routines that make system calls, and what else the kernel has running.
 */

// ---- worlds: world.ts says what is in one, and why so little suffices --------------------------------------------
export { thpScenario, allFree, anyPinned, migrating } from "./thp.ts";
export type { ThpScenario } from "./thp.ts";
export { kernelScenario, isHuge, note, noted, ONE_RANGE, TWO_PROCESSES } from "./world.ts";
export type { K, KernelScenario, Met, Promises, Run, Structs, Terms, Witnesses } from "./world.ts";
export type { KernelOptions } from "../impl/config/options.ts";
export type { Grain } from "../impl/config/grain.ts";
export {
  DEFRAG_ALWAYS, DEFRAG_DEFER, DEFRAG_DEFER_MADVISE, DEFRAG_MADVISE, DEFRAG_NEVER, ENABLED_ALWAYS, ENABLED_MADVISE, ENABLED_NEVER,
} from "../impl/config/knobs.ts";
export { POLICIES } from "../impl/policy/index.ts";

// ---- what user space does ----------------------------------------------------------------------------------------
export {
  load, store, sysExit, sysFork, sysGetThpDisable, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise,
  sysSetThpDisable, sysSplitHugePages,
} from "../impl/entry/syscalls.ts";
export { bootVma, openGate, passGate, scheduleIn } from "../impl/entry/boot.ts";
export {
  MADV_COLD, MADV_COLLAPSE, MADV_DOFORK, MADV_DONTFORK, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_NOHUGEPAGE,
  MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WIPEONFORK,
} from "../impl/madvise.ts";
export { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_STACK } from "../impl/mmap.ts";
export { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../impl/mremap.ts";
export { VM_HUGEPAGE, VM_LOCKED, VM_NOHUGEPAGE, VM_READ, VM_WRITE } from "../impl/structs/vma.ts";
export { KNOBS, sysfsStore } from "../impl/sysfs.ts";

// ---- who else is there: drivers, kernel threads, reclaim ---------------------------------------------------------
export {
  FOLL_DUMP, FOLL_FORCE, FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE, dumpPageTables, gupFastFallback, pfnScanner, pinnedLoad, pinnedStore,
  unpinFolio, unpinFolioDirtyLock,
} from "../impl/gup.ts";
export { folioPut } from "../impl/swap.ts";
export { khugepaged, khugepagedDoScan } from "../impl/khugepaged.ts";
export { deferredSplitScan } from "../impl/huge-memory/deferred-split-shrinker.ts";
export { shrinkHugeZeroFolioScan } from "../impl/huge-memory/huge-zero.ts";
export { reservationsShrink } from "../impl/thp-reservation/shrinker.ts";
export { reclaimPages, shrinkInactiveFile, shrinkLazyfreeFolio } from "../impl/vmscan.ts";
export {
  FREED, SPLIT_DONE, SPLIT_FAILED, collapser, khugepagedThread, pageAt, scans, shrinker, shrinks, sibling, splitPage, splitter,
} from "./actors.ts";

// ---- types of what routines hold across a yield ------------------------------------------------------------------
export type { Content, Errno, Frames, Mm, PageFlags, Pfn, PteIndex, Refs, Vma, VmFlags, Vpn } from "../impl/structs/types.ts";
export type { AddressOrErrno } from "../impl/mmap.ts";

// ---- what holds --------------------------------------------------------------------------------------------------
export { CATALOGUE } from "../spec/catalogue.ts";
export { INVARIANTS } from "../spec/invariants/index.ts";
export type { Invariant } from "../spec/invariant.ts";
export type { KernelView } from "../spec/view.ts";
