/**
 * Calls of calls.ts as data: a number and its arguments. What is made from the table, programs of calls as well as pairs of
 * calls that are explored, goes through here.
 */
import { NONE, current, record, type Int, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { EFAULT } from "../errno.ts";
import { debugfsCanSplit, debugfsParts } from "../huge-memory/split-debugfs.ts";
import { gupFastFallback, gupSlow, pinnedStore, unpinFolio, type FollFlags } from "../gup.ts";
import { khugepagedDoScan } from "../khugepaged.ts";
import type { IovIter } from "../madvise.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Pfn } from "../structs/types.ts";
import { pageFolio } from "../page-flags.ts";
import { folioPut, lruAddDrainAll } from "../swap.ts";
import { sysfsStore } from "../sysfs.ts";
import { CALL } from "./calls.ts";
import {
  load, store, sysExit, sysFork, sysGetThpDisable, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise,
  sysSetThpDisable, sysSplitHugePages,
} from "./syscalls.ts";

/** What a call returns: as the kernel does. A load returns the content, a store 1, or 0 for a signal. */
export type CallResult = Int<-133, 0x7fff_ffff>;
/** The number of a call: CALL of calls.ts. */
export type CallNumber = Int<0, 255>;
/** An argument. */
export type CallWord = Int<-0x8000_0000, 0x7fff_ffff>;

/**
 * Carries out call `op`. Only this routine tells the calls of calls.ts apart, because a routine can be called by its
 * name only. A number that no call has is a bug of the caller.
 * @model calls as data: the table of system calls
 */
export function* carryOut(
  k: Kernel, op: CallNumber, a0: CallWord, a1: CallWord, a2: CallWord, a3: CallWord, a4: CallWord, a5: CallWord, a6: CallWord, a7: CallWord,
): Routine<CallResult> {
  let result: CallResult = 0;
  switch (op) {
    case CALL.mmap: result = yield* sysMmap(k, a0, a1, a2, a3); break;
    case CALL.munmap: result = yield* sysMunmap(k, a0, a1); break;
    case CALL.mprotect: result = yield* sysMprotect(k, a0, a1, a2); break;
    case CALL.mremap: result = yield* sysMremap(k, a0, a1, a2, a3, a4); break;
    case CALL.madvise: result = yield* sysMadvise(k, a0, a1, a2); break;
    case CALL.processMadvise: {
      const iter: IovIter = record({ addr: a1, length: a2, addr2: a3, length2: a4 });
      result = yield* sysProcessMadvise(k, a0, iter, a5, a6, a7 === 1);
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
    case CALL.splitHugePages:
      if (debugfsCanSplit(k, a3)) result = yield* sysSplitHugePages(k, a0, a1, a2, debugfsParts(k, a3, a4 - 1));
      break;
    case CALL.getUserPage: result = yield* getUserPage(k, a0, a1, a2 === 1); break;
    case CALL.putUserPage: yield* putUserPage(k, a0, a1 === 1); break;
    case CALL.pageStore: yield* pinnedStore(k, k.cpu.mm.get(current(k)), a0, a1, a2); break;
    default: vmBugOn(true, "carryOut: no call of calls.ts has this number");
  }
  return result;
}

/** Stores to `pages` pages from `first` on; how many of them before a signal. */
function* touch(
  k: Kernel, first: CallResult, pages: CallResult, content: CallResult, stride: CallResult,
): Routine<CallResult> {
  for (let n: CallResult = 0; n < pages; n++) {
    // 0, the content of a fresh page, is stored only where it is asked for.
    const next: CallResult = ((content - 1 + n * stride) % (k.param.contents.get() - 1)) + 1;
    const stored: boolean = yield* store(k, first + n, stride === 0 ? content : next);
    if (!stored) return n;
  }
  return pages;
}

function* getUserPage(k: Kernel, vpn: CallResult, flags: FollFlags, fast: boolean): Routine<CallResult> {
  const mm: Mm = k.cpu.mm.get(current(k));
  let page: Pfn = NONE;
  if (fast) page = yield* gupFastFallback(k, mm, vpn, flags);
  else page = yield* gupSlow(k, mm, vpn, flags);
  return page === NONE ? -EFAULT : page;
}

function* putUserPage(k: Kernel, page: CallResult, pinned: boolean): Routine {
  if (pinned) yield* unpinFolio(k, page);
  else yield* folioPut(k, pageFolio(k, page));
}
