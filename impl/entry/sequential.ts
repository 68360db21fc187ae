/**
 * Programs of system calls, one call after the other: for functional tests, full-size runs and the comparison with a
 * real kernel.
 *
 * A call is written into `k.call` and one thread's `dispatch` carries it out, straight through. Thread n is process n
 * (or another thread of it): it runs on CPU n. So one compiled program serves every list of calls.
 */
import { NONE, current, int, record, struct, type Int, type Routine, type World } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { EFAULT } from "../errno.ts";
import { gupFastFallback, gupSlow, pinnedStore, unpinFolio, type FollFlags } from "../gup.ts";
import { khugepagedDoScan } from "../khugepaged.ts";
import type { IovIter } from "../madvise.ts";
import { kernelStructs } from "../mm-types.ts";
import type { Mm, Pfn } from "../structs/types.ts";
import { pageFolio } from "../page-flags.ts";
import type { KernelConfig } from "../config/options.ts";
import { folioPut, lruAddDrainAll } from "../swap.ts";
import { sysfsStore } from "../sysfs.ts";
import { CALL } from "./calls.ts";
import {
  load, store, sysExit, sysFork, sysGetThpDisable, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise,
  sysSetThpDisable, sysSplitHugePages,
} from "./syscalls.ts";

const word = (meaning: string) => int(-0x8000_0000, 0x7fff_ffff, meaning, { guard: "atomic", init: 0 });

/** A kernel with a call to be carried out. @model holds a call as data */
export function sequentialStructs(c: KernelConfig) {
  return {
    ...kernelStructs(c),
    call: struct({
      op: int(0, 255, "which one: CALL of calls.ts", { guard: "atomic" }),
      a0: word("first argument"), a1: word("second argument"), a2: word("third argument"), a3: word("fourth argument"),
      a4: word("fifth argument"), a5: word("sixth argument"), a6: word("seventh argument"), a7: word("eighth argument"),
    }),
  };
}
export type SequentialKernel = World<ReturnType<typeof sequentialStructs>>;

/** What a call returns: as the kernel does. A load returns the content, a store 1, or 0 for a signal. */
export type CallResult = Int<-133, 0x7fff_ffff>;

/**
 * Carries out `k.call`. Only this routine tells the calls of calls.ts apart, because a routine can be called by its
 * name only. For straight-line runs only: an explored thread may not begin by reading shared state. A number that no
 * call has is a bug of the caller.
 * @model calls as data: the table of system calls of a straight-line run
 */
export function* dispatch(k: SequentialKernel): Routine<CallResult> {
  const a0: CallResult = k.call.a0.get();
  const a1: CallResult = k.call.a1.get();
  const a2: CallResult = k.call.a2.get();
  const a3: CallResult = k.call.a3.get();
  const a4: CallResult = k.call.a4.get();
  let result: CallResult = 0;
  switch (k.call.op.get()) {
    case CALL.mmap: result = yield* sysMmap(k, a0, a1, a2, a3); break;
    case CALL.munmap: result = yield* sysMunmap(k, a0, a1); break;
    case CALL.mprotect: result = yield* sysMprotect(k, a0, a1, a2); break;
    case CALL.mremap: result = yield* sysMremap(k, a0, a1, a2, a3, a4); break;
    case CALL.madvise: result = yield* sysMadvise(k, a0, a1, a2); break;
    case CALL.processMadvise: {
      const iter: IovIter = record({ addr: a1, length: a2, addr2: a3, length2: a4 });
      result = yield* sysProcessMadvise(k, a0, iter, k.call.a5.get(), k.call.a6.get(), k.call.a7.get() === 1);
      break;
    }
    case CALL.fork: result = yield* sysFork(k, a0); break;
    case CALL.exit: yield* sysExit(k); break;
    case CALL.thpDisable: result = yield* sysSetThpDisable(k, a0 === 1, a1); break;
    case CALL.getThpDisable: result = yield* sysGetThpDisable(k); break;
    case CALL.load: result = yield* load(k, a0); break;
    case CALL.store: result = yield* touch(k, a0, 1, a1, 0); break;
    case CALL.touch: result = yield* touch(k, a0, a1, a2, a3); break;
    case CALL.sysfs: result = yield* sysfsStore(k, a0, a1); break;
    case CALL.khugepaged: yield* khugepagedDoScan(k); break;
    case CALL.lruAddDrainAll: yield* lruAddDrainAll(k); break;
    case CALL.splitHugePages: result = yield* sysSplitHugePages(k, a0, a1, a2); break;
    case CALL.getUserPage: result = yield* getUserPage(k, a0, a1, a2 === 1); break;
    case CALL.putUserPage: yield* putUserPage(k, a0, a1 === 1); break;
    case CALL.pageStore: yield* pinnedStore(k, k.cpu.mm.get(current(k)), a0, a1, a2); break;
    default: vmBugOn(true, "sequential: no call of calls.ts has this number");
  }
  return result;
}

/** Stores to `pages` pages from `first` on; how many of them before a signal. */
function* touch(
  k: SequentialKernel, first: CallResult, pages: CallResult, content: CallResult, stride: CallResult,
): Routine<CallResult> {
  for (let n: CallResult = 0; n < pages; n++) {
    // 0, the content of a fresh page, is stored only where it is asked for.
    const next: CallResult = ((content - 1 + n * stride) % (k.param.contents.get() - 1)) + 1;
    const stored: boolean = yield* store(k, first + n, stride === 0 ? content : next);
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
