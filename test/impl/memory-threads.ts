/** What the tests of faults, zaps, fork's copies and get_user_pages() run: one or two address spaces with one area each. */
import { NONE, at, bugOn, current, record, type Routine } from "thpcheck";
import { copyHugePmd } from "../../impl/huge-memory/copy.ts";
import { mmPutHugeZeroFolio, shrinkHugeZeroFolioCount, shrinkHugeZeroFolioScan } from "../../impl/huge-memory/huge-zero.ts";
import { splitHugePmd } from "../../impl/huge-memory/split-pmd.ts";
import { madviseFreeHugePmd } from "../../impl/huge-memory/zap.ts";
import { FOLL_PIN, FOLL_WRITE, gupFastFallback, pfnScanner, pinnedLoad, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { madviseCollapse } from "../../impl/khugepaged/madvise-collapse.ts";
import { lockVmaUnderRcu, mmapReadLock, mmapReadUnlock, mmapWriteLock, mmapWriteUnlock, vmaEndRead, vmaStartWrite } from "../../impl/locking/mmap-lock.ts";
import { copyPageRange } from "../../impl/memory/copy.ts";
import { freePgtables, unmapVmas, zapVmaRangeBatched, type UnmapDesc } from "../../impl/memory/zap.ts";
import { handleMmFault } from "../../impl/memory.ts";
import { tlbFinishMmu, tlbGatherMmu } from "../../impl/mmu-gather.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Errno, Mm, Pfn, Vma, Vpn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { bootMemory } from "../../impl/page-alloc.ts";
import { pageFolio } from "../../impl/page-flags.ts";
import { anonVmaFork, anonVmaPrepare } from "../../impl/anon-vma.ts";
import { folioLock, folioPut, folioUnlock } from "../../impl/swap.ts";
import { flushTlbMm } from "../../impl/tlb.ts";
import { userLoad, userStore } from "../../impl/entry/user-access.ts";
import {
  userMemoryBegin, userMemoryDiscarded, userMemoryForkAbort, userMemoryForkBegin, userMemoryForkEnd, userMemoryFreed,
} from "../../impl/user-memory.ts";
import { FAULT_FLAG_VMA_LOCK, type FaultFlags, type VmFaultReason } from "../../impl/vm-fault.ts";
import type { ProgramScenario } from "../../checker/scenario.ts";
import type { KernelStructs } from "../../impl/mm-types.ts";
import { always } from "../../spec/invariant.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";
import { kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";
import { vmaIterClear, vmaIterStore } from "../../impl/vma-tree.ts";

type Options = Partial<KernelOptionsBesideCpus>;
type Threads = Readonly<Record<string, KernelThread>>;
/** Every invariant of the catalogue, in every state. */
const CATALOGUE = always(INVARIANTS) as unknown as NonNullable<ProgramScenario<KernelStructs>["always"]>;

/** Threads of one process with one huge range of two pages. */
export function threads(list: Threads, options: Options = {}, properties: Partial<ProgramScenario<KernelStructs>> = {}): ProgramScenario {
  return kernelScenario(list, bootArea(RW, 2), { hugeRanges: 1, frames: 4, vmas: 1, anonVmas: 3, anonVmaChains: 3, ...options }, { always: CATALOGUE, ...properties });
}
/** Threads of two such processes; the last `children` are the second one's. */
export function processes(list: Threads, options: Options = {}, children = 0): ProgramScenario {
  return kernelScenario(list, bootTwins(2, children), { mms: 2, hugeRanges: 1, frames: 8, vmas: 2, anonVmas: 4, anonVmaChains: 6, ...options }, { always: CATALOGUE });
}

export const RW = VM_READ | VM_WRITE;

function area(k: Kernel, vma: Vma, mm: Mm, start: Vpn, end: Vpn, flags: number): void {
  k.vma.mm.set(vma, mm);
  k.vma.start.set(vma, start);
  k.vma.end.set(vma, end);
  k.vma.pgoff.set(vma, start);
  k.vma.flags.set(vma, flags);
  vmaIterStore(k, vma);
  k.mm.users.set(mm, 1);
  k.mm.mmCount.set(mm, 1);
}

/** Memory, and one area with these flags over the first `end` pages of mm 0, which every CPU has loaded. */
export function bootArea(flags: number, end: Vpn): (k: Kernel) => void {
  return function init(k: Kernel): void {
    bootMemory(k);
    area(k, 0, 0, 0, end, flags);
    for (let cpu = 0; cpu < k.cpu.count; cpu++) k.cpu.mm.set(cpu, 0);
  };
}

/** As `bootArea(RW, end)`, with a twin area of mm 1, which the last `children` CPUs have loaded. */
export function bootTwins(end: Vpn, children: number): (k: Kernel) => void {
  return function init(k: Kernel): void {
    bootMemory(k);
    area(k, 0, 0, 0, end, RW);
    area(k, 1, 1, 0, end, RW);
    for (let cpu = 0; cpu < k.cpu.count; cpu++) k.cpu.mm.set(cpu, cpu >= k.cpu.count - children ? 1 : 0);
  };
}

/** The first thread of a process: prepares alone, then clones the `cloned` threads and does its part. */
export function prepared(prepare: KernelThread, run: KernelThread): KernelThread {
  return function* first(k: Kernel): Routine {
    yield* prepare(k);
    yield at("clone");
    k.mm.users.add(0, 1);
    yield* run(k);
  };
}
/** Starts when the first thread has prepared. */
export function cloned(run: KernelThread): KernelThread {
  return function* other(k: Kernel): Routine {
    yield at("cloned", () => k.mm.users.get(0) > 1);
    yield* run(k);
  };
}
/** Code of the child: starts when fork has returned. */
export function child(run: KernelThread): KernelThread {
  return function* inChild(k: Kernel): Routine {
    yield at("child", () => k.mm.users.get(1) > 1);
    yield* run(k);
  };
}
/** One after the other. */
export function both(a: KernelThread, b: KernelThread): KernelThread {
  return function* sequence(k: Kernel): Routine {
    yield* a(k);
    yield* b(k);
  };
}

// ---- user code -------------------------------------------------------------------------------------------------

/** A load or store by the process whose memory the CPU has loaded. */
export function load(vpn: Vpn): KernelThread {
  return function* loads(k: Kernel): Routine<Content> {
    yield at("user code");
    const mm: Mm = k.cpu.mm.get(current(k));
    const content: Content = yield* userLoad(k, mm, vpn);
    return content;
  };
}
export function store(vpn: Vpn, content: Content): KernelThread {
  return function* stores(k: Kernel): Routine<boolean> {
    yield at("user code");
    const mm: Mm = k.cpu.mm.get(current(k));
    const stored: boolean = yield* userStore(k, mm, vpn, content);
    return stored;
  };
}
/** Stores, then reads its own store back. */
export function storeAndLoad(vpn: Vpn, content: Content): KernelThread {
  return function* storesAndLoads(k: Kernel): Routine {
    yield at("user code");
    const mm: Mm = k.cpu.mm.get(current(k));
    const stored: boolean = yield* userStore(k, mm, vpn, content);
    bugOn(!stored, "the process was killed");
    yield* userLoad(k, mm, vpn);
  };
}

/** The one area of an address space has its number. */
function areaOf(mm: Mm): Vma {
  return Number(mm);
}

// ---- calls -----------------------------------------------------------------------------------------------------

/** A fault of process 0 with these flags, as do_user_addr_fault() makes it; VM_FAULT_*. */
export function* faultAt(k: Kernel, vpn: Vpn, flags: FaultFlags): Routine<VmFaultReason> {
  let result: VmFaultReason = 0;
  if ((flags & FAULT_FLAG_VMA_LOCK) !== 0) {
    const vma: Vma = yield* lockVmaUnderRcu(k, 0, vpn);
    result = yield* handleMmFault(k, vma, vpn, flags);
    if (k.vma.lock.isHeld(vma)) vmaEndRead(k, vma);
    return result;
  }
  yield* mmapReadLock(k, 0);
  result = yield* handleMmFault(k, 0, vpn, flags);
  yield* mmapReadUnlock(k, 0);
  return result;
}

/** Unmaps a part of the first area, with a gather of its own. */
export function* zapRange(k: Kernel, start: Vpn, end: Vpn): Routine {
  tlbGatherMmu(k);
  yield* zapVmaRangeBatched(k, 0, start, end);
  yield* tlbFinishMmu(k, k.vma.mm.get(0));
}

/** MADV_DONTNEED, with the flush under the lock. */
export function* dontneedRange(k: Kernel, start: Vpn, end: Vpn): Routine {
  yield* mmapReadLock(k, 0);
  userMemoryBegin(k, 0, start, end);
  yield* zapRange(k, start, end);
  userMemoryDiscarded(k, 0, start, end);
  yield* mmapReadUnlock(k, 0);
}
export function dontneed(start: Vpn, end: Vpn): KernelThread {
  return function* dontneeds(k: Kernel): Routine {
    yield* dontneedRange(k, start, end);
  };
}

/** The same call by a kernel that forgets to say what it does: its stores may not be lost. */
export function dontneedUnannounced(start: Vpn, end: Vpn): KernelThread {
  return function* dontneeds(k: Kernel): Routine {
    yield* mmapReadLock(k, 0);
    yield* zapRange(k, start, end);
    yield* mmapReadUnlock(k, 0);
  };
}

/** munmap of the whole area of one of the two address spaces. */
export function* unmapAllOf(k: Kernel, mm: Mm): Routine {
  yield* mmapWriteLock(k, mm);
  yield* vmaStartWrite(k, areaOf(mm));
  k.vma.detached.set(areaOf(mm), true);
  vmaIterClear(k, areaOf(mm));
  const end: Vpn = k.vma.end.get(areaOf(mm));
  userMemoryBegin(k, mm, 0, end);
  tlbGatherMmu(k);
  const unmap: UnmapDesc = record({ mm, vmaStart: 0, vmaEnd: end, pgStart: 0, pgEnd: k.param.vpnMax.get(), detached: true });
  yield* unmapVmas(k, unmap);
  yield* freePgtables(k, unmap);
  yield* tlbFinishMmu(k, mm);
  userMemoryDiscarded(k, mm, 0, end);
  yield* mmapWriteUnlock(k, mm);
}
export function unmapAll(mm: Mm): KernelThread {
  return function* unmaps(k: Kernel): Routine {
    yield* unmapAllOf(k, mm);
  };
}

/** munmap of the area of process 0 whose neighbours end at `floor` and begin at `ceiling`. */
export function* freeTablesBetween(k: Kernel, floor: Vpn, ceiling: Vpn): Routine {
  yield* mmapWriteLock(k, 0);
  yield* vmaStartWrite(k, 0);
  tlbGatherMmu(k);
  const unmap: UnmapDesc = record({ mm: 0, vmaStart: 0, vmaEnd: k.vma.end.get(0), pgStart: floor, pgEnd: ceiling, detached: false });
  yield* unmapVmas(k, unmap);
  yield* freePgtables(k, unmap);
  yield* tlbFinishMmu(k, 0);
  yield* mmapWriteUnlock(k, 0);
}

/** The part of MADV_FREE that is about a huge PMD; whether it was done. */
export function* madvFreeRange(k: Kernel, start: Vpn, end: Vpn): Routine<boolean> {
  yield* mmapReadLock(k, 0);
  userMemoryBegin(k, 0, start, end);
  tlbGatherMmu(k);
  const done: boolean = yield* madviseFreeHugePmd(k, 0, start, end);
  yield* tlbFinishMmu(k, 0);
  userMemoryFreed(k, 0, start, end);
  yield* mmapReadUnlock(k, 0);
  return done;
}
export function madvFree(start: Vpn, end: Vpn): KernelThread {
  return function* frees(k: Kernel): Routine {
    yield* madvFreeRange(k, start, end);
  };
}

/** The heart of fork: mm 1 gets what area 0 of mm 0 maps. `flush` false forgets the parent's TLB flush. */
export function fork(flush: boolean): KernelThread {
  return function* forks(k: Kernel): Routine<Errno> {
    yield* mmapWriteLock(k, 0);
    yield* mmapWriteLock(k, 1);
    yield* vmaStartWrite(k, 0);
    userMemoryForkBegin(k, 0, 1, k.vma.start.get(0), k.vma.end.get(0));
    let error: Errno = 0;
    if (k.vma.anonVma.get(0) !== NONE) error = yield* anonVmaFork(k, 1, 0);
    if (error === 0) error = yield* copyPageRange(k, 1, 0);
    if (flush) yield* flushTlbMm(k, 0);
    if (error === 0) userMemoryForkEnd(k, 0, 1, k.vma.start.get(0), k.vma.end.get(0));
    else userMemoryForkAbort(k, 0, 1, k.vma.start.get(0), k.vma.end.get(0));
    yield* mmapWriteUnlock(k, 1);
    yield* mmapWriteUnlock(k, 0);
    // The child runs.
    k.mm.users.set(1, 2);
    return error;
  };
}

/** copy_huge_pmd() of a PMD that is not huge. */
export function* copyHugeOfTable(k: Kernel): Routine<Errno> {
  yield* mmapWriteLock(k, 0);
  yield* mmapWriteLock(k, 1);
  const error: Errno = yield* copyHugePmd(k, 1, 0, 0);
  yield* mmapWriteUnlock(k, 1);
  yield* mmapWriteUnlock(k, 0);
  return error;
}

/** MADV_COLLAPSE of the first huge range. */
export function* collapse(k: Kernel): Routine<Errno> {
  yield* mmapReadLock(k, 0);
  const error: Errno = yield* madviseCollapse(k, 0, 0, k.param.hpagePmdNr.get());
  yield* mmapReadUnlock(k, 0);
  return error;
}
export function splitPmd(vpn: Vpn): KernelThread {
  return function* splits(k: Kernel): Routine {
    yield* mmapReadLock(k, 0);
    yield* splitHugePmd(k, 0, vpn, false);
    yield* mmapReadUnlock(k, 0);
  };
}
export function* prepareAnonVma(k: Kernel): Routine {
  yield* mmapReadLock(k, 0);
  yield* anonVmaPrepare(k, 0);
  yield* mmapReadUnlock(k, 0);
}

export function* shrinkHugeZero(k: Kernel): Routine<number> {
  yield at("shrink_huge_zero_folio_count");
  if (shrinkHugeZeroFolioCount(k) === 0) return 0;
  const freed: boolean = yield* shrinkHugeZeroFolioScan(k);
  return freed ? k.param.hpagePmdNr.get() : -1;
}
/** The end of a process that has mapped nothing else than zero pages, as far as the huge zero folio sees it. */
export function exits(mm: Mm): KernelThread {
  return function* exit(k: Kernel): Routine {
    yield* unmapAllOf(k, mm);
    yield* mmPutHugeZeroFolio(k, mm);
  };
}
/** Gives up the reference to the huge zero folio as exit does, though it may still be mapped. */
export function* putHugeZero(k: Kernel): Routine {
  yield at("exit");
  yield* mmPutHugeZeroFolio(k, 0);
}

// ---- pages from outside ------------------------------------------------------------------------------------------

export function* unpinPage(k: Kernel, page: Pfn): Routine {
  yield* unpinFolio(k, page);
}
export function* putPage(k: Kernel, page: Pfn): Routine {
  yield* folioPut(k, pageFolio(k, page));
}
/** A device: pins, stores, loads, unpins. */
export function device(vpn: Vpn, content: Content): KernelThread {
  return function* dma(k: Kernel): Routine {
    const page: Pfn = yield* gupFastFallback(k, 0, vpn, FOLL_PIN | FOLL_WRITE);
    bugOn(page === NONE, "the page cannot be pinned");
    yield* pinnedStore(k, 0, vpn, page, content);
    yield* pinnedLoad(k, 0, vpn, page);
    yield* unpinFolio(k, page);
  };
}
export function scan(page: Pfn): KernelThread {
  return function* scans(k: Kernel): Routine {
    yield* pfnScanner(k, page);
  };
}
/** Holds the folio lock for a while. */
export function lockFor(folio: Pfn): KernelThread {
  return function* locks(k: Kernel): Routine {
    yield* folioLock(k, folio);
    yield at("held");
    folioUnlock(k, folio);
  };
}
