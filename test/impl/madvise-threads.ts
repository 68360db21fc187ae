/** What madvise.test.ts explores: two threads of one process advise the same page; and what it calls besides system calls. */
import { bugOn, type Routine } from "thpcheck";
import { boot, bootVma } from "../../impl/entry/boot.ts";
import { MADV_DONTNEED, MADV_FREE } from "../../impl/madvise.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import type { SequentialKernel } from "../../impl/entry/sequential.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { kernelScenario } from "./straight-kernel.ts";

/** One area, of which nothing is mapped. */
function bootArea(k: Kernel): void {
  boot(k, 2);
  bootVma(k, 0, 0, 2, VM_READ | VM_WRITE);
}

function* discards(k: Kernel): Routine {
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
/** Nobody else stores: what this call has discarded is gone when it returns, whoever cleared the entry. */
function* storesAndDiscards(k: Kernel): Routine {
  yield* store(k, 0, 2);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  const content: Content = yield* load(k, 0);
  bugOn(content !== 0, "a page is back that MADV_DONTNEED has discarded");
}

export const discardedTwice = kernelScenario({ discards, storesAndDiscards }, bootArea, { hugeRanges: 1, frames: 8, vmas: 2, anonVmas: 2, pageTables: 4, enabled: 0 });

/** What is left of a huge page is split, with the table's lock dropped. */
function* givesUpARest(k: Kernel): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* sysMadvise(k, 0, 1, MADV_FREE);
}
/** Frees the table with the pages. */
function* discardsAll(k: Kernel): Routine {
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}

export const tableGone = kernelScenario({ givesUpARest, discardsAll }, bootArea, { hugeRanges: 1, frames: 8, vmas: 2, anonVmas: 2, pageTables: 4, enabled: 2, ptReclaim: true });

/** Tries to reclaim folio `a0`: 1 if it was freed. */
export function* reclaimLazyfree(k: SequentialKernel): Routine<number> {
  const freed: boolean = yield* shrinkLazyfreeFolio(k, k.call.a0.get());
  return freed ? 1 : 0;
}
