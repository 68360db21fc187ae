/** Races between a collapse and one other thread, each with the scan results that only the race can give. */
import {
  NONE, at, bitset, choose, holds, scenario, struct, type Int, type ProgramScenario, type Routine, type Scenario,
  type World,
} from "thpcheck";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { thpVmaSuitableOrder } from "../../impl/huge-memory/eligibility.ts";
import { boot, bootVma, gateStructs, openGate, passGate } from "../../impl/entry/boot.ts";
import { collapseControl, type CollapseControl } from "../../impl/khugepaged/collapse-control.ts";
import { collapseSinglePmd } from "../../impl/khugepaged/collapse-single-pmd.ts";
import {
  SCAN_ADDRESS_RANGE, SCAN_ANY_PROCESS, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_FAIL, SCAN_NO_PTE_TABLE,
  SCAN_PAGE_COUNT, SCAN_PAGE_LOCK, SCAN_PAGE_LRU, SCAN_PMD_MAPPED, SCAN_STATUS, SCAN_SUCCEED, SCAN_VMA_CHECK,
  SCAN_VMA_NULL, type ScanResult,
} from "../../impl/khugepaged/scan-result.ts";
import { mmapReadLock, mmapReadUnlock } from "../../impl/locking/mmap-lock.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { kernelStructs } from "../../impl/mm-types.ts";
import type { Pfn, Vma } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import { folioTryGet } from "../../impl/page-ref.ts";
import { folioIsolateLru, folioPut, folioPutbackLru, folioTrylock, folioUnlock } from "../../impl/swap.ts";
import { store, sysMadvise, sysMmap, sysMunmap, sysSetThpDisable } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { findVma } from "../../impl/vma-tree.ts";

function structsOf(options: KernelOptions) {
  return { ...kernelStructs(kernelConfig(options)), ...gateStructs(), seen: struct({ results: bitset(24, "results of the collapse", { guard: "atomic" }) }) };
}
type Structs = ReturnType<typeof structsOf>;
type K = World<Structs>;

/** Collapses the first range as khugepaged does, or as MADV_COLLAPSE does, and notes the result. */
function* collapseAndNote(k: K): Routine {
  yield at("khugepaged or madvise");
  const cc: CollapseControl = collapseControl(k, choose(k, "khugepaged", 2) === 1);
  yield* mmapReadLock(k, 0);
  const vma: Vma = findVma(k, 0, 0);
  if (vma === NONE || !thpVmaSuitableOrder(k, vma, 0)) {
    yield* mmapReadUnlock(k, 0);
    return;
  }
  const result: ScanResult = yield* collapseSinglePmd(k, 0, vma, 0, cc);
  if (!cc.lockDropped) yield* mmapReadUnlock(k, 0);
  yield at("note");
  k.seen.results.insert(result);
}

function* ofSmallPages(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* openGate(k);
  yield* collapseAndNote(k);
}

/** A part of a huge page on the split queue beside a small page. */
function* ofTornFolio(k: K): Routine {
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* collapseAndNote(k);
}

/** Holds the folio lock for a moment, if the frame is in use. */
function* locksAPage(k: K, page: Pfn): Routine {
  yield at("folio_try_get");
  if (!folioTryGet(k, page)) return;
  yield at("folio_trylock");
  if (folioTrylock(k, page)) {
    yield at("folio_unlock");
    folioUnlock(k, page);
  }
  yield* folioPut(k, page);
}

/** Takes the folio off the LRU for a moment, and keeps no other reference meanwhile, as reclaim does. */
function* isolatesAPage(k: K, page: Pfn): Routine {
  yield at("folio_try_get");
  if (!folioTryGet(k, page)) return;
  const isolated: boolean = yield* folioIsolateLru(k, page);
  if (isolated) yield* folioPutbackLru(k, page);
  yield* folioPut(k, page);
}

function* mapsAnew(k: K): Routine {
  yield* sysMunmap(k, 0, 2);
  yield* sysMmap(k, 0, 2, VM_READ | VM_WRITE, MAP_FIXED);
  yield* store(k, 0, 3);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}

/** One of the things that can get in the way of a collapse. */
function* disturbs(k: K): Routine {
  yield* passGate(k);
  yield at("what");
  const what: Int<0, 8> = choose(k, "what", 9);
  switch (what) {
    case 0: yield* locksAPage(k, 1); break;
    case 1: yield* isolatesAPage(k, 1); break;
    case 2: yield* sysMunmap(k, 0, 2); break;
    case 3: yield* sysMunmap(k, 1, 1); break;
    case 4: yield* mapsAnew(k); break;
    case 5: yield* sysMadvise(k, 0, 2, MADV_NOHUGEPAGE); break;
    case 6: yield* sysSetThpDisable(k, true, 0); break;
    case 7: yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER); break;
    default: yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  }
}

function* discardsOrSplits(k: K): Routine {
  yield* passGate(k);
  yield at("what");
  const what: Int<0, 1> = choose(k, "what", 2);
  if (what === 0) yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  else yield* deferredSplitScan(k);
}

/** The results that must all occur. */
function race(name: string, collapser: (k: K) => Routine, other: (k: K) => Routine, results: readonly number[]): ProgramScenario {
  // What is in an LRU batch has a reference that stops a collapse: no batches.
  const options: KernelOptions = {
    pagesPerHugePage: 2, hugeRanges: 1, frames: 8, mms: 1, cpus: 2, vmas: 3, anonVmas: 3, anonVmaChains: 6, contents: 4, refcountMax: 15, lruBatch: 1,
    enabled: ENABLED_NEVER, shrinkUnderused: false, maxPtesNone: 0, maxPtesSwap: 0, maxPtesShared: 0,
  };
  const s: Scenario<Structs> = scenario<Structs>({
    name, why: "results that a race gives", tier: "quick", config: kernelConfig(options), structs: structsOf(options),
    init: (k) => {
      boot(k, 2);
      bootVma(k, 0, 0, 2, VM_READ | VM_WRITE);
    },
    threads: [{ name: "collapser", run: collapser }, { name: "other", run: other }],
    sometimes: Object.fromEntries(results.map((result) => [SCAN_STATUS[result]!, (k: K) => k.seen.results.has(result)])),
    finally: { "nothing is isolated": (k: K) => k.lruvec.isolated.get() === 0 },
    expect: holds(),
  });
  return s as unknown as ProgramScenario;
}

export const RACES: readonly ProgramScenario[] = [
  race("small-pages", ofSmallPages, disturbs, [
    SCAN_FAIL, SCAN_SUCCEED, SCAN_NO_PTE_TABLE, SCAN_PMD_MAPPED, SCAN_EXCEED_NONE_PTE, SCAN_PAGE_COUNT, SCAN_PAGE_LRU, SCAN_PAGE_LOCK, SCAN_ANY_PROCESS, SCAN_VMA_NULL, SCAN_VMA_CHECK, SCAN_ADDRESS_RANGE,
  ]),
  race("torn-folio", ofTornFolio, discardsOrSplits, [SCAN_SUCCEED, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_PAGE_LOCK, SCAN_PAGE_COUNT]),
];
