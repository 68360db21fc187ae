/** Threads store to and load from pages while another thread collapses them. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { passGate } from "../../impl/entry/boot.ts";
import { khugepagedThread, prepare, prepareForKhugepaged } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

/** Page 0 is there, page 1 is a hole: the collapse fills it. */
function* collapser(k: K): Routine {
  yield* prepare(k, 0, 1);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
  yield* store(k, 1, 2);
  yield* load(k, 0);
}

/** Both ranges, with page 2 missing. */
function* collapserOfTwo(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* store(k, 3, 1);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
}

function* storesBelow(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
  yield* store(k, 2, 3);
}

function* storesAbove(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 2);
  yield* store(k, 3, 2);
  yield* load(k, 0);
}

function* prepares(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 1);
  yield* store(k, 1, 3);
  yield* load(k, 0);
  // khugepaged has nothing more to do, and comes to rest.
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
}

const witness = { "a collapse succeeds": (k: K) => isHuge(k, 0, 0) };
export default [
  collapseScenario({
    name: "collapse-fault",
    why: "a fault that runs into the detached PMD must wait, and find the huge page with everything that was stored",
    tier: "quick",
    sanitize: true,
    threads: { collapser, sibling },
    sometimes: witness,
    expect: holds({ states: 2250 }),
  }),
  collapseScenario({
    name: "collapse-fault-2-ranges",
    why: "three threads and two ranges: collapses of one range while faults fill the other",
    tier: "quick",
    options: { hugeRanges: 2, frames: 12 },
    threads: { collapserOfTwo, storesBelow, storesAbove },
    sometimes: { ...witness, "both ranges are collapsed": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) },
    expect: holds({ states: 1_640_793 }),
  }),
  collapseScenario({
    name: "collapse-fault-failures",
    why: "every allocation, charge and copy may fail: whatever is undone, no store gets lost and no page is left behind",
    tier: "quick",
    sanitize: true,
    options: { allocationMayFail: true, chargeMayFail: true, copyMayMeetPoison: true },
    threads: { collapser, sibling },
    sometimes: witness,
    expect: holds({ states: 30_651 }),
  }),
  collapseScenario({
    name: "khugepaged-fault",
    why: "khugepaged scans with mmap_lock only tried, again and again, beside two faulting threads",
    tier: "quick",
    sanitize: true,
    threads: { prepares, sibling },
    others: { khugepagedThread },
    daemons: ["khugepagedThread"],
    sometimes: witness,
    expect: holds({ states: 463_241 }),
  }),
];
