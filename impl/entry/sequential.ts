/**
 * Programs of system calls, one call after the other: for functional tests, full-size runs and the comparison with a
 * real kernel.
 *
 * A call is written into `k.call` and one thread's `dispatch` carries it out, straight through. Thread n is process n
 * (or another thread of it): it runs on CPU n. So one compiled program serves every list of calls.
 */
import { NONE, current, int, struct, type Int, type Routine, type World } from "thpcheck";
import { EFAULT } from "../errno.ts";
import { gupFastFallback, gupSlow, pinnedStore, unpinFolio, type FollFlags } from "../gup.ts";
import { khugepagedDoScan } from "../khugepaged.ts";
import { kernelStructs } from "../mm-types.ts";
import type { Mm, Pfn } from "../structs/types.ts";
import { pageFolio } from "../page-ref.ts";
import type { KernelConfig } from "../config/options.ts";
import { folioPut, lruAddDrainAll } from "../swap.ts";
import { load, store, sysExit, sysFork, sysGetThpDisable, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise, sysSetThpDisable, sysSplitHugePages } from "./syscalls.ts";
import { sysfsStore } from "../sysfs.ts";

export const CALL_MMAP = 0;
export const CALL_MUNMAP = 1;
export const CALL_MPROTECT = 2;
export const CALL_MREMAP = 3;
export const CALL_MADVISE = 4;
export const CALL_PROCESS_MADVISE = 5;
export const CALL_FORK = 6;
export const CALL_EXIT = 7;
export const CALL_THP_DISABLE = 8;
export const CALL_LOAD = 9;
export const CALL_STORE = 10;
/** Stores content a2 to each of a1 pages from a0 on; a3 is 1: the next content to each next page. */
export const CALL_TOUCH = 11;
export const CALL_SYSFS = 12;
/** The daemon's work: one scan. */
export const CALL_KHUGEPAGED = 13;
export const CALL_LRU_ADD_DRAIN_ALL = 14;
export const CALL_GET_THP_DISABLE = 15;
export const CALL_SPLIT_HUGE_PAGES = 16;
/** What vmsplice(), io_uring and drivers do: get_user_pages() of page a0 with FOLL_* a1; a2 is 1: without locks first. Returns the frame, or -EFAULT. */
export const CALL_GUP = 17;
/** Gives frame a0 back; a1 is 1: it was pinned. */
export const CALL_PUT_PAGE = 18;
/** Stores content a2 to frame a1, which is held, and which the process mapped at a0 when it got it: a device, or ptrace. */
export const CALL_PAGE_STORE = 19;

const word = (meaning: string) => int(-0x8000_0000, 0x7fff_ffff, meaning, { guard: "atomic", init: 0 });

/** A kernel with a call to be carried out. */
export function sequentialStructs(c: KernelConfig) {
  return {
    ...kernelStructs(c),
    call: struct({
      op: int(0, CALL_PAGE_STORE, "CALL_*", { guard: "atomic" }),
      a0: word("first argument"), a1: word("second argument"), a2: word("third argument"), a3: word("fourth argument"),
      a4: word("fifth argument"), a5: word("sixth argument"), a6: word("seventh argument"), a7: word("eighth argument"),
    }),
  };
}
export type SequentialKernel = World<ReturnType<typeof sequentialStructs>>;

/** What a call returns: as the kernel does. A load returns the content, a store 1, or 0 for a signal. */
export type CallResult = Int<-133, 0x7fff_ffff>;

/** Carries out `k.call`. Straight-line only: as an explored thread it would start by reading shared state. */
export function* dispatch(k: SequentialKernel): Routine<CallResult> {
  const a0: CallResult = k.call.a0.get();
  const a1: CallResult = k.call.a1.get();
  const a2: CallResult = k.call.a2.get();
  const a3: CallResult = k.call.a3.get();
  const a4: CallResult = k.call.a4.get();
  let result: CallResult = 0;
  switch (k.call.op.get()) {
    case CALL_MMAP: result = yield* sysMmap(k, a0, a1, a2, a3); break;
    case CALL_MUNMAP: result = yield* sysMunmap(k, a0, a1); break;
    case CALL_MPROTECT: result = yield* sysMprotect(k, a0, a1, a2); break;
    case CALL_MREMAP: result = yield* sysMremap(k, a0, a1, a2, a3, a4); break;
    case CALL_MADVISE: result = yield* sysMadvise(k, a0, a1, a2); break;
    case CALL_PROCESS_MADVISE: result = yield* sysProcessMadvise(k, a0, a1, a2, a3, a4, k.call.a5.get(), k.call.a6.get(), k.call.a7.get() === 1); break;
    case CALL_FORK: result = yield* sysFork(k, a0); break;
    case CALL_EXIT: yield* sysExit(k); break;
    case CALL_THP_DISABLE: result = yield* sysSetThpDisable(k, a0 === 1, a1); break;
    case CALL_LOAD: result = yield* load(k, a0); break;
    case CALL_STORE: result = yield* touch(k, a0, 1, a1, 0); break;
    case CALL_TOUCH: result = yield* touch(k, a0, a1, a2, a3); break;
    case CALL_SYSFS: result = yield* sysfsStore(k, a0, a1); break;
    case CALL_GET_THP_DISABLE: result = yield* sysGetThpDisable(k); break;
    case CALL_SPLIT_HUGE_PAGES: result = yield* sysSplitHugePages(k, a0, a1, a2); break;
    case CALL_GUP: result = yield* getUserPage(k, a0, a1, a2 === 1); break;
    case CALL_PUT_PAGE: yield* putUserPage(k, a0, a1 === 1); break;
    case CALL_PAGE_STORE: yield* pinnedStore(k, k.cpu.mm.get(current(k)), a0, a1, a2); break;
    case CALL_KHUGEPAGED: yield* khugepagedDoScan(k); break;
    default: yield* lruAddDrainAll(k);
  }
  return result;
}

/** Stores to `pages` pages from `first` on; how many of them before a signal. */
function* touch(k: SequentialKernel, first: CallResult, pages: CallResult, content: CallResult, stride: CallResult): Routine<CallResult> {
  for (let n: CallResult = 0; n < pages; n++) {
    // 0, the content of a fresh page, is stored only where it is asked for.
    const stored: boolean = yield* store(k, first + n, stride === 0 ? content : ((content - 1 + n * stride) % (k.param.contents.get() - 1)) + 1);
    if (!stored) return n;
  }
  return pages;
}

function* getUserPage(k: SequentialKernel, vpn: CallResult, flags: FollFlags, fast: boolean): Routine<CallResult> {
  const mm: Mm = k.cpu.mm.get(current(k));
  let page: Pfn = NONE;
  if (fast) page = yield* gupFastFallback(k, mm, vpn, flags);
  else page = yield* gupSlow(k, mm, vpn, flags);
  return page === NONE ? -EFAULT : page;
}

function* putUserPage(k: SequentialKernel, page: CallResult, pinned: boolean): Routine {
  if (pinned) yield* unpinFolio(k, page);
  else yield* folioPut(k, pageFolio(k, page));
}
