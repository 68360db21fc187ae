/**
 * What comes between the VMA lock and the flush of MADV_DONTNEED: the discarded range is moved onto, or away, while other CPUs
 * have its old translations (`discardFlushesAtEnd`).
 */
import { NONE, holds, record, type Routine } from "thpcheck";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED, type IovIter } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { K } from "../../kernel/world.ts";

const FIXED = MREMAP_MAYMOVE | MREMAP_FIXED;
const ROOM: Partial<KernelOptions> = {
  hugeRanges: 2, vmas: 4, anonVmas: 2, anonVmaChains: 6, pageTables: 4, frames: 6, enabled: ENABLED_NEVER, contents: 4,
};

function* discards(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
function* movesOnto(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMremap(k, 1, 1, 1, FIXED, 0);
  yield* load(k, 0);
}
function* movesAway(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* store(k, 0, 2);
  yield* sysMremap(k, 0, 1, 1, FIXED, 2);
}
function* followsIt(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* store(k, 2, 3);
  yield* load(k, 0);
}
function* unmaps(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* load(k, 0);
  yield* sysMunmap(k, 0, 1);
}

/** Two areas: page 0, and page 1, which may not be written to. */
function* discardsTwoAreas(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
function* discardsTwoRanges(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  const iter: IovIter = record({ addr: 0, length: 1, addr2: 1, length2: 1 });
  yield* sysProcessMadvise(k, 0, iter, MADV_DONTNEED, 0, false);
  yield* load(k, 0);
}
/** CPU 0 has changed both pages, and has flushed for neither. */
const bothUnflushed = (k: K): boolean => k.cpu.gatherEnd.get(0) - k.cpu.gatherStart.get(0) === 2;

/** The discard of CPU 1 has changed page 0, and has not flushed. */
const unflushed = (k: K): boolean => k.userCall.mm.get(1) !== NONE && k.cpu.gatherEnd.get(1) !== 0;
const writeLocked = (k: K): boolean => {
  for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) === 0 && k.vma.writeLocked.get(vma)) return true;
  return false;
};

export default [
  thpScenario({
    name: "discard-mremap-onto",
    why: "a page moves onto an address that is being discarded, after that call has given the VMA lock back: it stays",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { movesOnto, discards },
    sometimes: { "the page moves in before the flush": (k) => unflushed(k) && k.user.feeds.get(0) !== NONE },
    expect: holds({ states: 618 }),
  }),
  thpScenario({
    name: "discard-mremap-away",
    why: "a page that was written to again behind a discard moves away before that flushes; its old address is still cached",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { movesAway, discards, followsIt },
    sometimes: { "the page moves away before the flush": (k) => unflushed(k) && k.user.feeds.get(0) !== NONE },
    expect: holds({ states: 19_643 }),
  }),
  thpScenario({
    name: "discard-munmap",
    why: "an area is unmapped whose page was discarded, and not flushed for: munmap finds nothing there, and has to flush all the same",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { unmaps, discards },
    sometimes: { "munmap has the area before the flush": (k) => unflushed(k) && writeLocked(k) },
    expect: holds({ states: 280 }),
  }),
  ...["6.12", "6.16"].map((linux) => thpScenario({
    name: `discard-munmap-${linux}`,
    why: `the same by Linux ${linux}, where a discard has mmap_lock until it has flushed`,
    tier: "quick",
    options: { ...ROOM, linux },
    areaEnd: 2,
    threads: { unmaps, discards },
    always: { "nobody has the area before the flush": (k: K) => !unflushed(k) || !writeLocked(k) },
    sometimes: { "a discard has to flush": unflushed },
    expect: holds(),
  })),
  thpScenario({
    name: "discard-two-areas",
    why: "one discard of two areas flushes once, for both",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { discardsTwoAreas },
    sometimes: { "the first is not flushed when the second is discarded": bothUnflushed },
    expect: holds({ states: 93 }),
  }),
  thpScenario({
    name: "discard-two-areas-6.12",
    why: "the same by Linux 6.12, which flushes for each area",
    tier: "quick",
    options: { ...ROOM, linux: "6.12" },
    areaEnd: 2,
    threads: { discardsTwoAreas },
    always: { "the first is flushed before the second is discarded": (k: K) => !bothUnflushed(k) },
    expect: holds({ states: 92 }),
  }),
  thpScenario({
    name: "discard-two-ranges",
    why: "process_madvise() of two ranges flushes once, for both",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { discardsTwoRanges },
    sometimes: { "the first is not flushed when the second is discarded": bothUnflushed },
    expect: holds({ states: 76 }),
  }),
  thpScenario({
    name: "discard-two-ranges-one-by-one",
    why: "the same where process_madvise() takes the lock for each range, as it once did",
    tier: "quick",
    options: { ...ROOM, processMadviseLocksOnce: false },
    areaEnd: 2,
    threads: { discardsTwoRanges },
    always: { "the first is flushed before the second is discarded": (k: K) => !bothUnflushed(k) },
    expect: holds({ states: 76 }),
  }),
];
