/**
 * One kernel for many functional tests (compiling it takes longer than running it): a thread for each operation, whose
 * arguments are its first choices. Every failure of an allocation, charge or copy is a choice after them.
 */
import { at, choose, type Routine } from "thpcheck";
import { gupFast, gupSlow, type FollFlags } from "../../impl/gup.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Mm, Pfn, Vpn } from "../../impl/structs/types.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import { switchMm } from "../../impl/tlb.ts";
import { userLoad, userStore } from "../../impl/entry/user-access.ts";
import type { FaultFlags } from "../../impl/vm-fault.ts";
import { bootTwins, copyHugeOfTable, dontneedRange, faultAt, fork, freeTablesBetween, madvFreeRange, prepareAnonVma, putHugeZero, putPage, shrinkHugeZero, splitPmd, unmapAllOf, unpinPage } from "./memory-threads.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";

/** Arguments are below this. */
const ARGUMENTS = 64;

const OPERATIONS: Readonly<Record<string, KernelThread>> = {
  /** (process, page) */
  load: function* load(k: Kernel): Routine<Content> {
    yield at("load");
    const mm: Mm = choose(k, "process", 2);
    const vpn: Vpn = choose(k, "page", ARGUMENTS);
    switchMm(k, mm);
    const content: Content = yield* userLoad(k, mm, vpn);
    return content;
  },
  /** (process, page, content) */
  store: function* store(k: Kernel): Routine<boolean> {
    yield at("store");
    const mm: Mm = choose(k, "process", 2);
    const vpn: Vpn = choose(k, "page", ARGUMENTS);
    const content: Content = choose(k, "content", ARGUMENTS);
    switchMm(k, mm);
    const stored: boolean = yield* userStore(k, mm, vpn, content);
    return stored;
  },
  /** Four pages of process 0: 1, 2, 3, 1. */
  fill: function* fill(k: Kernel): Routine {
    yield at("fill");
    switchMm(k, 0);
    yield* userStore(k, 0, 0, 1);
    yield* userStore(k, 0, 1, 2);
    yield* userStore(k, 0, 2, 3);
    yield* userStore(k, 0, 3, 1);
  },
  /** (page, FAULT_FLAG_*) */
  fault: function* fault(k: Kernel): Routine<number> {
    yield at("fault");
    const vpn: Vpn = choose(k, "page", ARGUMENTS);
    const flags: FaultFlags = choose(k, "flags", ARGUMENTS);
    return yield* faultAt(k, vpn, flags);
  },
  /** (start, end) */
  dontneed: function* dontneed(k: Kernel): Routine {
    yield at("dontneed");
    const start: Vpn = choose(k, "start", ARGUMENTS);
    const end: Vpn = choose(k, "end", ARGUMENTS);
    yield* dontneedRange(k, start, end);
  },
  /** (process) */
  unmapAll: function* unmapAll(k: Kernel): Routine {
    yield at("munmap");
    const mm: Mm = choose(k, "process", 2);
    yield* unmapAllOf(k, mm);
  },
  /** (floor, ceiling) */
  freeTables: function* freeTables(k: Kernel): Routine {
    yield at("free tables");
    const floor: Vpn = choose(k, "floor", ARGUMENTS);
    const ceiling: Vpn = choose(k, "ceiling", ARGUMENTS);
    yield* freeTablesBetween(k, floor, ceiling);
  },
  /** (start, end) */
  madvFree: function* madvFree(k: Kernel): Routine<boolean> {
    yield at("MADV_FREE");
    const start: Vpn = choose(k, "start", ARGUMENTS);
    const end: Vpn = choose(k, "end", ARGUMENTS);
    return yield* madvFreeRange(k, start, end);
  },
  fork: fork(true),
  copyHugeOfTable,
  splitPmd: splitPmd(0),
  prepareAnonVma,
  shrinkHugeZero,
  putHugeZero,
  /** (page, FOLL_*) */
  fast: function* fast(k: Kernel): Routine<Pfn> {
    yield at("get_user_pages_fast");
    const vpn: Vpn = choose(k, "page", ARGUMENTS);
    const flags: FollFlags = choose(k, "flags", ARGUMENTS);
    return yield* gupFast(k, 0, vpn, flags);
  },
  /** (page, FOLL_*) */
  slow: function* slow(k: Kernel): Routine<Pfn> {
    yield at("get_user_pages");
    const vpn: Vpn = choose(k, "page", ARGUMENTS);
    const flags: FollFlags = choose(k, "flags", ARGUMENTS);
    return yield* gupSlow(k, 0, vpn, flags);
  },
  /** (frame) */
  unpin: function* unpin(k: Kernel): Routine {
    yield at("unpin");
    const page: Pfn = choose(k, "frame", ARGUMENTS);
    yield* unpinPage(k, page);
  },
  /** (frame) */
  put: function* put(k: Kernel): Routine {
    yield at("put");
    const page: Pfn = choose(k, "frame", ARGUMENTS);
    yield* putPage(k, page);
  },
};

/** Version switches that a test changes, each combination of which is compiled once; and knobs, which are state. */
type Switches = Pick<KernelOptionsBesideCpus, "hugeZeroUpgrade" | "largeFolioReuse">;
export type MachineOptions = Switches & Pick<KernelOptionsBesideCpus, "enabled" | "pmdEnabled" | "useZeroPage">;

const machines = new Map<string, StraightKernel>();

/** A machine of 24 frames just booted: four pages per huge page, two processes with one area of two huge ranges each. */
export class Machine {
  readonly #kernel: StraightKernel;

  constructor({ enabled = ENABLED_ALWAYS, useZeroPage = true, ...switches }: MachineOptions = {}) {
    const key = JSON.stringify(switches);
    const compiled = machines.get(key) ?? new StraightKernel(kernelScenario(OPERATIONS, bootTwins(8, 0), {
      pagesPerHugePage: 4, hugeRanges: 2, frames: 24, mms: 2, vmas: 2, anonVmas: 4, anonVmaChains: 6, lruBatch: 1, pageTables: 4,
      pinsPerThread: 4,
      allocationMayFail: true, chargeMayFail: true, copyMayMeetPoison: true, ...switches,
    }));
    machines.set(key, compiled);
    compiled.restart();
    this.#kernel = compiled;
    this.k.knob.enabled.set(enabled);
    this.k.knob.useZeroPage.set(useZeroPage);
  }

  get k(): Kernel {
    return this.#kernel.k;
  }

  /** The CPU that runs an operation. */
  cpu(operation: string): number {
    return Object.keys(OPERATIONS).indexOf(operation);
  }

  /** Runs an operation, by name, with these arguments; what it returns. `failures`: later choices, 1 for "fails". */
  run(operation: string, args: readonly number[] = [], failures: readonly number[] = []): unknown {
    return this.#kernel.run(operation, [...args, ...failures]);
  }

  get allFree(): boolean {
    return this.k.zone.freePages.get() === this.k.page.count;
  }
}
