/**
 * What the collapse scenarios have in common: a process whose memory is small pages, one area from page 0 on, and
 * threads that begin when the first of them has written to it. Huge pages are off in sysfs until then, so that the
 * pages are small; MADV_COLLAPSE does not ask sysfs.
 */
import { scenario, type Expectation, type PropertyResult, type Routine, type Scenario, type World } from "thpcheck";
import { boot, bootVma, gateStructs, openGate, passGate } from "../../../impl/entry/boot.ts";
import { khugepaged } from "../../../impl/khugepaged.ts";
import { MADV_HUGEPAGE } from "../../../impl/madvise.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import { TABLE_FREE } from "../../../impl/structs/page-table.ts";
import type { Vpn } from "../../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { LEAF } from "../../../impl/pgtable.ts";
import { store, sysMadvise } from "../../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../../impl/sysfs.ts";
import { always } from "../../../spec/invariant.ts";
import { INVARIANTS } from "../../../spec/invariants/index.ts";
import { atRest, reclaimLosesNothing } from "./quiescence.ts";

/** 2 pages per huge page; every limit of khugepaged so that it may collapse whatever it finds. */
export const SMALL: Omit<KernelOptions, "cpus"> = {
  pagesPerHugePage: 2, hugeRanges: 1, frames: 8, mms: 1, vmas: 2, anonVmas: 2, contents: 4, refcountMax: 7, lruBatch: 2,
  enabled: ENABLED_NEVER, shrinkUnderused: false, maxPtesNone: 1, maxPtesSwap: 1, maxPtesShared: 1, pagesToScan: 4,
};

export function structsOf(options: KernelOptions) {
  return { ...kernelStructs(kernelConfig(options)), ...gateStructs() };
}
export type CollapseStructs = ReturnType<typeof structsOf>;
export type K = World<CollapseStructs>;

export interface CollapseScenario {
  readonly name: string;
  readonly why: string;
  readonly tier: "quick" | "full" | "nightly";
  readonly options?: Partial<KernelOptions>;
  /** Threads of process 0 on the CPUs from 0 on; the first prepares. Then those of `others`, on CPUs without an address space. */
  readonly threads: Readonly<Record<string, (k: K) => Routine<unknown>>>;
  readonly others?: Readonly<Record<string, (k: K) => Routine<unknown>>>;
  readonly daemons?: readonly string[];
  readonly init?: (k: K) => void;
  readonly sometimes?: Readonly<Record<string, (k: K) => boolean>>;
  readonly finally?: Readonly<Record<string, (k: K) => boolean>>;
  /** Explore it with the sanitizers, too. */
  readonly sanitize?: boolean;
  readonly expect: Expectation;
}

export function collapseScenario(s: CollapseScenario): Scenario<CollapseStructs> {
  const named = Object.entries({ ...s.threads, ...s.others });
  const options: KernelOptions = { ...SMALL, ...s.options, cpus: named.length };
  const own = Object.keys(s.threads).length;
  const more = s.init ?? nothing;
  return scenario<CollapseStructs>({
    name: s.name, why: s.why, tier: s.tier, config: kernelConfig(options), structs: structsOf(options),
    init: (k) => {
      boot(k, own);
      bootVma(k, 0, 0, k.param.hugeRanges.get() * k.param.hpagePmdNr.get(), VM_READ | VM_WRITE);
      more(k);
    },
    threads: named.map(([name, run]) => ({ name, run, daemon: s.daemons?.includes(name) ?? false })),
    always: { ...(always(INVARIANTS) as unknown as Record<string, (k: K) => PropertyResult>), "C7 reclaim may drop only what may be lost": reclaimLosesNothing },
    ...(s.sometimes === undefined ? {} : { sometimes: s.sometimes }),
    finally: { ...(atRest(false) as unknown as Record<string, (k: K) => PropertyResult>), ...s.finally },
    ...(s.sanitize === undefined ? {} : { sanitize: s.sanitize }),
    expect: s.expect,
  });
}

function nothing(_k: K): void {
  // An init that adds nothing to the common one.
}

/** The first thread's beginning: content 1 + its number in each of the pages start..end - 1. */
export function* prepare(k: K, start: Vpn, end: Vpn): Routine {
  for (let vpn: Vpn = start; vpn < end; vpn++) yield* store(k, vpn, 1 + (vpn % 2));
  yield* openGate(k);
}

/** The same for khugepaged: then huge pages are on, and the process is on its list. */
export function* prepareForKhugepaged(k: K, start: Vpn, end: Vpn): Routine {
  for (let vpn: Vpn = start; vpn < end; vpn++) yield* store(k, vpn, 1 + (vpn % 2));
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, k.param.vpnMax.get(), MADV_HUGEPAGE);
  yield* openGate(k);
}

/** The thread khugepaged, from the moment at which there is something to collapse. */
export function* khugepagedThread(k: K): Routine {
  yield* passGate(k);
  yield* khugepaged(k);
}

/** A huge page maps the n-th range of process 0. */
export function isHuge(k: K, range: number): boolean {
  return (k.mm.pmd.get(0, range) & LEAF) !== 0;
}

/** No process is left, nor anything of one. */
export function allIsFreed(k: K): boolean {
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.mmCount.get(mm) !== 0) return false;
  for (let table = 0; table < k.ptTable.count; table++) if (k.ptTable.state.get(table) !== TABLE_FREE) return false;
  return k.khugepaged.slots.get() === 0;
}

export { openGate, passGate };
