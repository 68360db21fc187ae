/** Collapses, from where mmap_lock has been dropped on, against those who look at the old pages without it. */
import { NONE, holds, type Routine } from "thpcheck";
import { doCoredump } from "../../../impl/coredump.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, pinnedStore, unpinFolio } from "../../../impl/gup.ts";
import { announceResult } from "../../../impl/khugepaged/announce.ts";
import { collapseControl, type CollapseControl } from "../../../impl/khugepaged/collapse-control.ts";
import { collapseHugePage } from "../../../impl/khugepaged/collapse.ts";
import type { ScanResult } from "../../../impl/khugepaged/scan-result.ts";
import type { Cpu, Pfn } from "../../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { load } from "../../../impl/entry/syscalls.ts";
import { anyPinned, thpScenario } from "../../../kernel/thp.ts";
import { isHuge, type K } from "../../../kernel/world.ts";
import { bootAnonVma, bootPage, bootScanned } from "./setup/memory.ts";

/** The scan was content: a page, and a hole. */
function* collapser(k: K): Routine {
  const cc: CollapseControl = collapseControl(k, false);
  const result: ScanResult = yield* collapseHugePage(k, 0, 0, cc);
  announceResult(k, 0, 0, result);
}
function* collapserThenReads(k: K): Routine {
  yield* collapser(k);
  yield* load(k, 0);
}
function* readsHole(k: K): Routine {
  yield* load(k, 1);
}
function* device(k: K): Routine {
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page !== NONE) {
    yield* pinnedStore(k, 0, 0, page, 3);
    yield* unpinFolio(k, page);
  }
}
function* dumps(k: K): Routine {
  yield* doCoredump(k, 0, 0, 1);
}
function onePage(k: K, collapses: Cpu): void {
  bootAnonVma(k, 0);
  bootPage(k, 0, 0, 1);
  bootScanned(k, collapses, 0, 0);
}

const small: Partial<KernelOptions> = { enabled: ENABLED_NEVER };
const collapsed = { "a collapse succeeds": (k: K) => isHuge(k, 0, 0) };

export default [
  thpScenario({
    name: "collapse-hole",
    why: "a page and a hole become a huge page: the hole reads as zero, not as what the new page's former owner left",
    tier: "full",
    options: small,
    memory: (k) => onePage(k, 0),
    threads: { collapser, readsHole },
    sometimes: collapsed,
    expect: holds({ states: 326 }),
  }),
  thpScenario({
    name: "collapse-pin-broadcast",
    why:
      "where TLB flushes are broadcast and nothing waits for lockless walkers (before 6.1), a pin looks at the PMD again, " +
      "or it would be of a page that is being replaced",
    tier: "full",
    options: { ...small, tlbFlushInterrupts: false, collapseTableSync: false },
    memory: (k) => onePage(k, 0),
    threads: { collapserThenReads, device },
    sometimes: { ...collapsed, "pinned": anyPinned },
    expect: holds({ states: 919 }),
  }),
  thpScenario({
    name: "collapse-coredump",
    why:
      "before 5.10 a core dump walked the page tables without mmap_lock: whoever got that lock had to ask for dumps before " +
      "he touched them",
    tier: "full",
    options: { ...small, coredumpTakesMmapLock: false },
    memory: (k) => onePage(k, 1),
    threads: { dumps },
    others: { collapser },
    sometimes: collapsed,
    expect: holds({ states: 228 }),
  }),
  thpScenario({
    name: "collapse-coredump-locked",
    why: "since 5.10 the dump takes mmap_lock as everybody does",
    tier: "full",
    options: small,
    memory: (k) => onePage(k, 1),
    threads: { dumps },
    others: { collapser },
    sometimes: collapsed,
    expect: holds({ states: 299 }),
  }),
];
