/** One call that has several huge ranges to do: each of them gets its turn. */
import { holds, type Routine } from "thpcheck";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_HUGEPAGE } from "../../impl/madvise.ts";
import type { Vpn } from "../../impl/structs/types.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, type K } from "../../kernel/world.ts";

const ROOM: Partial<KernelOptions> = {
  // The first, one in the middle, and the last.
  hugeRanges: 3,
  // A page of each range, the huge pages that replace them, and one to spare.
  frames: 10,
  // One live and one deposited of each.
  pageTables: 6,
  // One thread: a mapping or two, a batch, and what isolates it.
  refcountMax: 7,
};

function* storesEverywhere(k: K): Routine {
  for (let vpn: Vpn = 0; vpn < k.param.vpnMax.get(); vpn += k.param.hpagePmdNr.get()) yield* store(k, vpn, 1);
}
/** Small pages, for khugepaged to find. */
function* prepares(k: K): Routine {
  yield* storesEverywhere(k);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, k.param.vpnMax.get(), MADV_HUGEPAGE);
  yield* openGate(k);
}
function* scansOnce(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}
function* unmapsAll(k: K): Routine {
  yield* storesEverywhere(k);
  yield* openGate(k);
  yield* sysMunmap(k, 0, k.param.vpnMax.get());
}
function* reader(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 2);
}

export default [
  thpScenario({
    name: "khugepaged-three-ranges", why: "one scan, with pages_to_scan for all, collapses all three ranges", tier: "quick",
    options: { ...ROOM, enabled: ENABLED_NEVER, pagesToScan: 12 }, threads: { prepares }, others: { scansOnce },
    sometimes: { "all three are huge": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) && isHuge(k, 0, 2) },
    expect: holds({ states: 268 }),
  }),
  thpScenario({
    name: "munmap-three-huge", why: "more huge pages than a gather takes at once", tier: "quick",
    options: { ...ROOM, gatherBatch: 2 }, threads: { unmapsAll, reader },
    sometimes: { "all three are huge": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) && isHuge(k, 0, 2) },
    expect: holds({ states: 257 }),
  }),
];
