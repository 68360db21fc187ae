/** What neither faults nor khugepaged may do: fill holes beyond max_ptes_none, make huge what is to stay small. */
import { holds, type Routine } from "thpcheck";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_DONTNEED, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import { load, store, sysExit, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { doCoredump } from "../../impl/coredump.ts";
import { FOLL_PIN, gupFastFallback, unpinFolio } from "../../impl/gup.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { prepareForKhugepaged } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge, TWO_PROCESSES } from "../../kernel/world.ts";

function* discardsOne(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 2);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
}
function* staysSmall(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_NOHUGEPAGE);
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* store(k, 1, 2);
}
function* scans(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}

/** The address space counts as a page, and so is scanned twice: after each collapse the list is begun with again. */
function* scansTwoRanges(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 4);
  yield* khugepagedDoScan(k);
  yield* load(k, 2);
}
/** The lower range is in an area of its own, which the scan passes by for one page of its budget. */
function* scansBehindNohugepage(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 4);
  yield* sysMadvise(k, 0, 2, MADV_NOHUGEPAGE);
  yield* khugepagedDoScan(k);
  yield* load(k, 2);
}
function* dumpsCore(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 2);
  yield* doCoredump(k, 0, 0, 2);
}
/** Not written to since it was copied, for a pin to read: its entry is clean, though nobody gave the page up. */
function* unsharesAndScans(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN);
  if (page >= 0) yield* unpinFolio(k, page);
  yield* prepareForKhugepaged(k, 0, 0);
  yield* khugepagedDoScan(k);
  yield* load(k, 0);
}
function* childEnds(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysExit(k);
}

export default [
  collapseScenario({
    name: "khugepaged-no-holes",
    why: "max_ptes_none is 0: a page that is discarded while khugepaged is about to collapse its range stays discarded",
    tier: "quick",
    options: { maxPtesNone: 0 },
    threads: { discardsOne },
    others: { scans },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
    finally: { "one page is left": (k) => k.mm.anonPages.get(0) === 1 },
    expect: holds({ states: 1098 }),
  }),
  collapseScenario({
    name: "khugepaged-pages-to-scan",
    why: "pages_to_scan is 3, for two ranges of two pages: a page is for the address space, and the scan ends with the first range",
    tier: "quick",
    options: { hugeRanges: 2, pagesToScan: 3, frames: 10 },
    threads: { scansTwoRanges },
    finally: { "the first range is huge, and no other": (k) => isHuge(k, 0, 0) && !isHuge(k, 0, 1) },
    expect: holds({ states: 173 }),
  }),
  collapseScenario({
    name: "khugepaged-passes-by",
    why: "pages_to_scan is 3: an area that must stay small costs a page of it, and not the pages of its ranges",
    tier: "quick",
    options: { hugeRanges: 2, pagesToScan: 3, frames: 10 },
    threads: { scansBehindNohugepage },
    finally: { "the second range is huge, and no other": (k) => !isHuge(k, 0, 0) && isHuge(k, 0, 1) },
    expect: holds({ states: 184 }),
  }),
  collapseScenario({
    name: "khugepaged-coredump",
    why: "before 5.10 a process writes out its memory without mmap_lock: khugepaged, which has it, knows by a mark, and gives up",
    tier: "quick",
    options: { coredumpTakesMmapLock: false },
    threads: { dumpsCore },
    others: { scans },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
    sanitize: true,
    expect: holds({ states: 1243 }),
  }),
  collapseScenario({
    name: "khugepaged-clean-page",
    why: "a page whose entry is clean, as it was copied for a pin to read, is not lazyfree: khugepaged takes it",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { unsharesAndScans },
    others: { childEnds },
    sometimes: { "a huge page, after the page was copied": (k) => isHuge(k, 0, 0) && k.mm.users.get(1) > 0 },
    expect: holds({ states: 4519 }),
  }),
  collapseScenario({
    name: "nohugepage-stays-small",
    why: "MADV_NOHUGEPAGE, before the first fault: neither the faults nor a scan of khugepaged give the area a huge page",
    tier: "quick",
    options: { enabled: ENABLED_ALWAYS },
    threads: { staysSmall },
    others: { scans },
    finally: { "its pages are small": (k) => !isHuge(k, 0, 0) },
    expect: holds({ states: 164 }),
  }),
];
