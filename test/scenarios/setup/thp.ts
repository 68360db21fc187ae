/**
 * What the scenarios around huge pages have in common: a process with one area from page 0 on, whose first thread faults
 * its pages in while the others wait; processes forked from it; kernel threads; and a record of what the threads have
 * met, for the witnesses.
 */
import { NONE, at, bitset, scenario, struct, type Expectation, type Int, type PropertyResult, type Routine, type Scenario, type World } from "thpcheck";
import { boot, bootVma, gateStructs, openGate, passGate, scheduleIn } from "../../../impl/entry/boot.ts";
import { splitFolio } from "../../../impl/huge-memory/split-folio.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import type { Content, Errno, Mm, Pfn, Vpn } from "../../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { folioTestLarge, pageFolio } from "../../../impl/page-flags.ts";
import { folioMaybeDmaPinned, folioTryGet } from "../../../impl/page-ref.ts";
import { ENABLED_ALWAYS } from "../../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { ENTRY_NONE, entryTarget, entryZeroPage, LEAF, MIGRATION, pmdTable } from "../../../impl/pgtable.ts";
import { folioLock, folioPut, folioUnlock } from "../../../impl/swap.ts";
import { userMemoryStored } from "../../../impl/user-memory.ts";
import { always } from "../../../spec/invariant.ts";
import { INVARIANTS } from "../../../spec/invariants/index.ts";
import { atRest, reclaimLosesNothing } from "./quiescence.ts";

/** 2 pages per huge page, and huge pages wherever they fit. Whole ones are not on the split queue. */
const HUGE: Omit<KernelOptions, "cpus"> = {
  pagesPerHugePage: 2, hugeRanges: 1, frames: 8, mms: 1, vmas: 2, anonVmas: 2, contents: 4, refcountMax: 15, lruBatch: 2,
  enabled: ENABLED_ALWAYS, shrinkUnderused: false, maxPtesNone: 1, maxPtesSwap: 1, maxPtesShared: 1, pagesToScan: 4,
};
/** What a child of fork takes besides: an area, an anon_vma and its edges, tables, pages to copy to. */
export const TWO_PROCESSES: Partial<KernelOptions> = { mms: 2, vmas: 2, anonVmas: 3, anonVmaChains: 4 };

function structsOf(options: KernelOptions) {
  return { ...kernelStructs(kernelConfig(options)), ...gateStructs(), seen: struct({ events: bitset(8, "what the scenario's threads have met", { guard: "model" }) }) };
}
export type ThpStructs = ReturnType<typeof structsOf>;
export type K = World<ThpStructs>;

export interface ThpScenario {
  readonly name: string;
  readonly why: string;
  readonly tier: "quick" | "full" | "nightly";
  readonly options?: Partial<KernelOptions>;
  /** Threads of process 0 on the CPUs from 0 on; the first prepares. Then those of `others`, on CPUs without an address space: children of fork, kernel threads. */
  readonly threads: Readonly<Record<string, (k: K) => Routine<unknown>>>;
  readonly others?: Readonly<Record<string, (k: K) => Routine<unknown>>>;
  readonly daemons?: readonly string[];
  /** Pages of the area that process 0 has, from 0 on; all of the address space unless given. */
  readonly areaEnd?: number;
  /** What is there from the start, besides the area: see test/bugs/scenarios/setup/memory.ts. */
  readonly memory?: (k: K) => void;
  readonly pinsMayStay?: boolean;
  /** Besides the invariants. */
  readonly always?: Readonly<Record<string, (k: K) => PropertyResult>>;
  readonly sometimes?: Readonly<Record<string, (k: K) => boolean>>;
  readonly finally?: Readonly<Record<string, (k: K) => PropertyResult>>;
  readonly expect: Expectation;
}

export function thpScenario(s: ThpScenario): Scenario<ThpStructs> {
  const named = Object.entries({ ...s.threads, ...s.others });
  const options: KernelOptions = { ...HUGE, ...s.options, cpus: named.length };
  const own = Object.keys(s.threads).length;
  const memory = s.memory ?? nothing;
  const areaEnd = s.areaEnd ?? options.hugeRanges * options.pagesPerHugePage;
  return scenario<ThpStructs>({
    name: s.name, why: s.why, tier: s.tier, config: kernelConfig(options), structs: structsOf(options),
    init: (k) => {
      boot(k, own);
      bootVma(k, 0, 0, areaEnd, VM_READ | VM_WRITE);
      memory(k);
    },
    threads: named.map(([name, run]) => ({ name, run, daemon: s.daemons?.includes(name) ?? false })),
    always: { ...(always(INVARIANTS) as unknown as Record<string, (k: K) => PropertyResult>), "C7 reclaim may drop only what may be lost": reclaimLosesNothing, ...s.always },
    finally: { ...(atRest(s.pinsMayStay ?? false) as unknown as Record<string, (k: K) => PropertyResult>), ...s.finally },
    ...(s.sometimes === undefined ? {} : { sometimes: s.sometimes }),
    expect: s.expect,
  });
}

function nothing(_k: K): void {
  // The area is empty.
}

// ---- what threads have met -------------------------------------------------------------------------------------

export type Met = Int<0, 7>;
/** Remembers it: part of the caller's step. */
export function note(k: K, met: Met): void {
  k.seen.events.insert(met);
}
export function noted(met: number): (k: K) => boolean {
  return (k) => k.seen.events.has(met);
}

// ---- actors ----------------------------------------------------------------------------------------------------

/** What `splitPage` notes. */
export const SPLIT_DONE: Met = 0;
export const SPLIT_FAILED: Met = 1;

/**
 * Splits the folio of a page frame, whoever uses it: `echo 1 > split_huge_pages`.
 * @kernel mm/huge_memory.c split_huge_pages_all()
 */
export function* splitPage(k: K, page: Pfn): Routine {
  yield at("split_huge_pages: page_folio");
  const folio: Pfn = pageFolio(k, page);
  yield at("split_huge_pages: folio_try_get");
  if (!folioTryGet(k, folio)) return;
  yield at("split_huge_pages: page_folio again");
  if (pageFolio(k, page) === folio && folioTestLarge(k, folio)) {
    yield* folioLock(k, folio);
    const error: Errno = yield* splitFolio(k, folio);
    note(k, error === 0 ? SPLIT_DONE : SPLIT_FAILED);
    folioUnlock(k, folio);
  }
  yield* folioPut(k, folio);
}

/**
 * A device writes through the pin that was taken at `vpn`. The process sees it where the page is still what it has there;
 * a page that it has discarded meanwhile is nobody's. That nobody else has it is what is to be shown: whoever else reads
 * this page reads what was not stored.
 */
export function* deviceWrites(k: K, mm: Mm, vpn: Vpn, page: Pfn, content: Content): Routine {
  yield at("store through a pin");
  k.page.content.set(page, content);
  if (pageAt(k, mm, vpn) === page) userMemoryStored(k, mm, vpn, content);
}
/** The frame behind `vpn`, mapped or behind a migration entry; NONE for nothing and for zero pages. */
function pageAt(k: K, mm: Mm, vpn: Vpn): number {
  const h = k.param.hpagePmdNr.get();
  const pmd = k.mm.pmd.once(mm, Math.floor(vpn / h));
  const entry = pmdTable(pmd) ? k.ptTable.pte.once(entryTarget(pmd), vpn % h) : pmd;
  if (entry === ENTRY_NONE || entryZeroPage(entry)) return NONE;
  return entryTarget(entry) + ((entry & LEAF) !== 0 ? vpn % h : 0);
}

// ---- what witnesses look at ------------------------------------------------------------------------------------

/** A huge page, or the huge zero page, maps the n-th range of the process. */
export function isHuge(k: K, mm: number, range: number): boolean {
  return (k.mm.pmd.get(mm, range) & LEAF) !== 0;
}
/** A migration entry stands in the page table of the process. */
export function migrating(k: K, mm: number): boolean {
  for (let range = 0; range < k.param.hugeRanges.get(); range++) {
    const pmd = k.mm.pmd.get(mm, range);
    if (!pmdTable(pmd)) continue;
    for (let i = 0; i < k.param.hpagePmdNr.get(); i++) if ((k.ptTable.pte.get(entryTarget(pmd), i) & MIGRATION) !== 0) return true;
  }
  return false;
}
export function anyPinned(k: K): boolean {
  for (let page = 0; page < k.page.count; page++) if (folioMaybeDmaPinned(k, page)) return true;
  return false;
}
/** No page is in use, but for those that wait in an LRU batch. */
export function allFree(k: K): boolean {
  let batched = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) for (let i = 0; i < k.param.lruBatch.get(); i++) if (k.cpu.lruBatch.get(cpu, i) >= 0) batched++;
  return k.zone.freePages.get() + batched === k.param.frames.get() && k.node.anonMapped.get() === 0;
}

export { openGate, passGate, scheduleIn };
