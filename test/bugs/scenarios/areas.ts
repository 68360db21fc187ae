/** Areas that are replaced, and tables that come and go, under operations that looked at them before. */
import { holds, type Routine } from "thpcheck";
import { bootVma, scheduleIn } from "../../../impl/entry/boot.ts";
import { announceResult } from "../../../impl/khugepaged/announce.ts";
import { collapseControl, type CollapseControl } from "../../../impl/khugepaged/collapse-control.ts";
import { collapseHugePage } from "../../../impl/khugepaged/collapse.ts";
import type { ScanResult } from "../../../impl/khugepaged/scan-result.ts";
import { MAP_FIXED } from "../../../impl/mmap.ts";
import { TABLE_LIVE } from "../../../impl/structs/page-table.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import { mkPmdTable } from "../../../impl/pgtable.ts";
import { store, sysFork, sysMmap, sysMunmap } from "../../../impl/entry/syscalls.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { isHuge, type K } from "../../../kernel/world.ts";
import { bootAnonVma, bootInheritedAnonVmas, bootPage, bootScanned, bootTable } from "./setup/memory.ts";

const RW = VM_READ | VM_WRITE;

/** From where mmap_lock has been dropped on: the scan was content. */
function* collapser(k: K): Routine {
  const cc: CollapseControl = collapseControl(k, false);
  const result: ScanResult = yield* collapseHugePage(k, 0, 0, cc);
  announceResult(k, 0, 0, result);
}
/** munmap and mmap at the same address: the new memory belongs to another area, and may be huge as well. */
function* replaces(k: K): Routine {
  yield* sysMmap(k, 0, 2, RW, MAP_FIXED);
}
/** An area whose pages were discarded, so that only their table is left; its neighbour, to which new memory can be added. */
function twoAreas(k: K): void {
  bootAnonVma(k, 0);
  k.mm.pmd.set(0, 0, mkPmdTable(bootTable(k, 0, TABLE_LIVE)));
  const next = bootVma(k, 0, 2, 4, RW);
  bootAnonVma(k, next);
  bootScanned(k, 0, 0, 0);
}

/** Its table goes while the other thread gets one, each counting it under a lock of its own. */
function* unmapsSecond(k: K): Routine {
  yield* sysMunmap(k, 2, 2);
}
function* touchesFirst(k: K): Routine {
  yield* store(k, 0, 2);
}
function pageInSecond(k: K): void {
  bootAnonVma(k, 0);
  bootPage(k, 0, 2, 1);
}

/** The one of the third generation is taken up by the first child, and must not be by the second. */
function* forksTwice(k: K): Routine {
  yield* sysFork(k, 1);
  yield* sysFork(k, 2);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
}
function inherited(k: K): void {
  bootInheritedAnonVmas(k, 0);
}
function takenUp(k: K): boolean {
  for (let vma = 1; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) >= 0 && k.vma.anonVma.get(vma) === 2) return true;
  return false;
}

export default [
  thpScenario({
    name: "areas-collapse-mmap-fixed",
    why:
      "while a collapse has dropped mmap_lock its area is replaced: the address is in another one now, and the collapse " +
      "must go on with that",
    tier: "full",
    options: { hugeRanges: 2, vmas: 3, anonVmas: 3, enabled: ENABLED_NEVER },
    areaEnd: 2,
    memory: twoAreas,
    threads: { collapser, replaces },
    sometimes: { "a collapse succeeds": (k) => isHuge(k, 0, 0), "the area is another": (k) => k.vma.mm.get(0) < 0 },
    expect: holds({ states: 168 }),
  }),
  thpScenario({
    name: "areas-munmap-fault",
    why:
      "munmap frees the table of one range, with mmap_lock for reading by then, while a fault makes one for another: " +
      "nr_ptes counts both (T2b)",
    tier: "full",
    options: { hugeRanges: 2, vmas: 3, anonVmas: 3, anonVmaChains: 5, pageTables: 3, enabled: ENABLED_NEVER },
    memory: pageInSecond,
    threads: { unmapsSecond, touchesFirst },
    sometimes: { "both have a table": (k) => k.mm.pmd.get(0, 0) !== 0 && k.mm.pmd.get(0, 1) !== 0 },
    expect: holds({ states: 778 }),
  }),
  thpScenario({
    name: "areas-forked-twice",
    why:
      "a process of the fourth generation, whose elders have ended, forks twice: the anon_vma that serves no area any more is " +
      "taken up by one of the children (N1). test/scenarios/fork-generations.ts gets there by forks",
    tier: "full",
    options: { mms: 3, vmas: 3, anonVmas: 4, anonVmaChains: 12, enabled: ENABLED_NEVER },
    memory: inherited,
    threads: { forksTwice },
    others: { firstChild: child, secondChild: child },
    sometimes: { "an anon_vma is taken up again": takenUp },
    expect: holds({ states: 64 }),
  }),
];
