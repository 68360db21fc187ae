/**
 * What the process, or its administrator, does while khugepaged is at work on its pages: each scan must end in a refusal
 * that leaves the range as it was, or in a huge page, whichever moment the change falls into. Between them these runs see
 * the ways out of a scan and of a collapse that begin with a change of mind (spec/machines/collapse.ts).
 */
import { holds, type Routine } from "thpcheck";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysFork, sysMadvise, sysMmap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { splitPage } from "../../kernel/actors.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, TWO_PROCESSES, type K } from "../../kernel/world.ts";

/** Two small pages, then huge ones are wanted. */
function* twoPages(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, 2, MADV_HUGEPAGE);
  yield* openGate(k);
}
function* discards(k: K): Routine {
  yield* twoPages(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 0);
}
function* givesUp(k: K): Routine {
  yield* twoPages(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* load(k, 0);
}
function* changesItsMind(k: K): Routine {
  yield* twoPages(k);
  yield* sysMadvise(k, 0, 2, MADV_NOHUGEPAGE);
  yield* load(k, 0);
}
function* maps(k: K): Routine {
  yield* twoPages(k);
  yield* sysMunmap(k, 0, 2);
  yield* sysMmap(k, 0, 2, VM_READ | VM_WRITE, MAP_FIXED);
  yield* load(k, 0);
}
function* collapsesItself(k: K): Routine {
  yield* twoPages(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* store(k, 1, 3);
}
function* forks(k: K): Routine {
  yield* twoPages(k);
  yield* sysFork(k, 1);
}
/** A huge page whose PMD is split, then its folio: the scan meets PTEs of a large folio, migration entries, and small pages. */
function* hugeThenSmall(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 1, 1, MADV_NOHUGEPAGE);
  yield* sysMadvise(k, 0, 2, MADV_HUGEPAGE);
  yield* openGate(k);
  yield* load(k, 1);
}
function* split(k: K): Routine {
  yield* passGate(k);
  yield* splitPage(k, 0);
}
function* reads(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 1);
}
function* administrator(k: K): Routine {
  yield* passGate(k);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
}
function* oneScan(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}

const SMALL_PAGES = { enabled: ENABLED_NEVER, frames: 8 };
const collapsed = { "the pages are collapsed": (k: K) => isHuge(k, 0, 0) };

export default [
  thpScenario({
    name: "khugepaged-dontneed", why: "no empty PTE is tolerated, and one appears", tier: "quick",
    options: { ...SMALL_PAGES, maxPtesNone: 0 }, threads: { discards }, others: { oneScan }, sometimes: collapsed, expect: holds({ states: 1381 }),
  }),
  thpScenario({
    name: "khugepaged-lazyfree", why: "the pages are given up before, during or after the scan: the huge page may not bring back what was lost", tier: "quick",
    options: { ...SMALL_PAGES, vmas: 3 }, threads: { givesUp }, others: { oneScan }, sometimes: collapsed, expect: holds({ states: 1905 }),
  }),
  thpScenario({
    name: "khugepaged-unreferenced", why: "the same before 7.1, which asks of lazily freed pages only whether they are in use: given up, none is", tier: "quick",
    options: {
      ...SMALL_PAGES, vmas: 3, refuseLazyfree: false,
    }, threads: { givesUp }, others: { oneScan }, sometimes: collapsed, expect: holds({ states: 2094 }),
  }),
  thpScenario({
    name: "khugepaged-nohugepage", why: "the process forbids huge pages between scan and collapse", tier: "quick",
    options: SMALL_PAGES, threads: { changesItsMind }, others: { oneScan }, sometimes: collapsed, expect: holds({ states: 421 }),
  }),
  thpScenario({
    name: "khugepaged-knob", why: "the administrator forbids huge pages between scan and collapse", tier: "quick",
    options: { ...SMALL_PAGES, grain: ["knobs"] }, threads: { twoPages }, others: { administrator, oneScan }, sometimes: collapsed,
    expect: holds({ states: 375 }),
  }),
  thpScenario({
    sanitize: "hugepage_vma_revalidate() reads the knob and, of an area that was never written, its anon_vma in one step",
    name: "khugepaged-remap", why: "the area goes, and another comes to the same address, while the scan believes that it knows it", tier: "quick",
    options: {
      ...SMALL_PAGES, vmas: 3, anonVmas: 3, anonVmaChains: 4,
    }, threads: { maps }, others: { oneScan }, sometimes: collapsed, expect: holds({ states: 3879 }),
  }),
  thpScenario({
    name: "khugepaged-madvise", why: "two collapses of one range: one finds that the other was faster", tier: "quick",
    options: { ...SMALL_PAGES, frames: 10 }, threads: { collapsesItself }, others: { oneScan }, sometimes: collapsed, expect: holds({ states: 3508 }),
  }),
  thpScenario({
    name: "khugepaged-fork", why: "no shared page is tolerated, and a fork shares them", tier: "quick",
    options: {
      ...TWO_PROCESSES, ...SMALL_PAGES, maxPtesShared: 0,
    }, threads: { forks }, others: { reads, oneScan }, sometimes: { "the parent's pages are collapsed": (k) => isHuge(k, 0, 0) }, expect: holds({ states: 1949 }),
  }),
  thpScenario({
    name: "khugepaged-split", why: "no entry that is not present is tolerated, and a split puts migration entries there", tier: "quick",
    options: {
      frames: 10, vmas: 3, anonVmas: 3, anonVmaChains: 4, maxPtesSwap: 0,
    }, threads: { hugeThenSmall }, others: { split, oneScan }, expect: holds({ states: 65_049 }),
  }),
];
