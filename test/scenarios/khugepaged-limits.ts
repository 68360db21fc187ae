/** What neither faults nor khugepaged may do: fill holes beyond max_ptes_none, make huge what is to stay small. */
import { holds, type Routine } from "thpcheck";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_DONTNEED, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import { store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { prepareForKhugepaged } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

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
    expect: holds({ states: 993 }),
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
