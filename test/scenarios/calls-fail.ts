/** Whatever memory a call wants may be refused: it says so, and leaves nothing half done. One thread, every combination. */
import { NONE, holds, record, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFastFallback, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED, type IovIter } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE, type MremapFlags } from "../../impl/mremap.ts";
import type { Errno, Pfn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysExit, sysFork, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise } from "../../impl/entry/syscalls.ts";
import { MAP_FIXED, MAP_FIXED_NOREPLACE, type AddressOrErrno } from "../../impl/mmap.ts";
import { EEXIST, ENOMEM } from "../../impl/errno.ts";
import { scheduleIn } from "../../impl/entry/boot.ts";
import { allFree, thpScenario } from "../../kernel/thp.ts";
import { note, noted, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

const ROOM: Partial<KernelOptions> = {
  // The area, and a place to move to that needs a table of its own.
  hugeRanges: 2,
  // Three pages that are written, and copies of those that fork shares.
  frames: 6,
  // mprotect of the middle makes three areas; one more is being made while they are there.
  vmas: 4,
  // One an area.
  anonVmas: 3,
  // Each of four areas has an edge of its own, and one to the anon_vma that it was cut or copied from.
  anonVmaChains: 8,
  // One a range that is used, in two processes, and one that is allocated before it is needed.
  pageTables: 5,
  enabled: ENABLED_NEVER, allocationMayFail: true,
};
const RW = VM_READ | VM_WRITE;
const WORKED: Met = 4;
const REFUSED: Met = 5;
const HOLE: Met = 6;

function* remap(k: K, from: number, length: number, newLength: number, flags: MremapFlags, to: number): Routine {
  const at: AddressOrErrno = yield* sysMremap(k, from, length, newLength, flags, to);
  note(k, at < 0 ? REFUSED : WORKED);
}
/** To another range, which needs a table; longer, in place and elsewhere; shorter. */
function* moves(k: K): Routine {
  yield* store(k, 1, 1);
  yield* remap(k, 1, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 2);
  yield* load(k, 2);
}
function* grows(k: K): Routine {
  yield* store(k, 0, 1);
  yield* remap(k, 0, 1, 2, 0, 0);
  yield* remap(k, 0, 1, 2, MREMAP_MAYMOVE, 0);
}
function* growsInPlaceAndShrinks(k: K): Routine {
  yield* store(k, 1, 1);
  yield* remap(k, 0, 2, 3, 0, 0);
  yield* remap(k, 0, 2, 1, 0, 0);
  yield* load(k, 0);
}
/** To the length that it has; then to one for which the address space has no room. */
function* growsWithoutRoom(k: K): Routine {
  yield* store(k, 0, 1);
  yield* remap(k, 0, 2, 2, 0, 0);
  yield* remap(k, 0, 1, 2, MREMAP_MAYMOVE, 0);
  yield* load(k, 0);
}
/** Where nothing is free, where something is that must not go, and beyond the end of the address space. */
function* mapsWithoutRoom(k: K): Routine {
  yield* store(k, 0, 1);
  const anywhere: AddressOrErrno = yield* sysMmap(k, NONE, 1, RW, 0);
  const instead: AddressOrErrno = yield* sysMmap(k, 1, 1, RW, MAP_FIXED_NOREPLACE);
  const beyond: AddressOrErrno = yield* sysMmap(k, 1, 2, RW, MAP_FIXED);
  if (anywhere === -ENOMEM && instead === -EEXIST && beyond === -ENOMEM) note(k, REFUSED);
  yield* load(k, 0);
}
/**
 * The area of a child is in two trees when it is cut, its own and that of its parent's: the new half is in one of them when memory
 * for the second edge is refused.
 */
function* childProtects(k: K): Routine {
  yield* scheduleIn(k);
  yield* store(k, 0, 2);
  const err: Errno = yield* sysMprotect(k, 1, 1, VM_READ);
  note(k, err < 0 ? REFUSED : WORKED);
  yield* store(k, 0, 1);
  yield* sysExit(k);
}
function* forksOnce(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
}
/** A copy for which the page cannot be read: the process gets SIGBUS, and the new page goes back. */
function* forksAndCopies(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* store(k, 0, 2);
  yield* sysExit(k);
}
/** Into the hole before a neighbour that has been written to: the two become one, with one anon_vma. */
function* growsIntoHole(k: K): Routine {
  const err: Errno = yield* sysMunmap(k, 1, 1);
  if (err !== 0) return;
  note(k, HOLE);
  yield* store(k, 2, 1);
  yield* remap(k, 0, 1, 2, 0, 0);
  yield* load(k, 2);
}
function isMapped(k: K, vpn: number): boolean {
  for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) === 0 && k.vma.start.get(vma) <= vpn && vpn < k.vma.end.get(vma)) return true;
  return false;
}
/** An area becomes three, and one again. */
function* protects(k: K): Routine {
  yield* store(k, 0, 1);
  const err: Errno = yield* sysMprotect(k, 1, 1, VM_READ);
  note(k, err < 0 ? REFUSED : WORKED);
  yield* sysMprotect(k, 1, 1, RW);
  yield* store(k, 1, 2);
}
function* pins(k: K): Routine {
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  note(k, page === NONE ? REFUSED : WORKED);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 0, page, 1);
  yield* unpinFolio(k, page);
}
function* forks(k: K): Routine {
  yield* store(k, 0, 1);
  const pid: AddressOrErrno = yield* sysFork(k, 1);
  note(k, pid < 0 ? REFUSED : WORKED);
  yield* store(k, 0, 2);
  yield* sysExit(k);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* sysExit(k);
}
/** Somebody else's memory may be collapsed, and nothing else. */
function* adviser(k: K): Routine {
  yield* scheduleIn(k);
  const iter: IovIter = record({ addr: 0, length: 1, addr2: 0, length2: 0 });
  const advised: AddressOrErrno = yield* sysProcessMadvise(k, 0, iter, MADV_DONTNEED, 0, true);
  if (advised < 0) note(k, REFUSED);
  yield* sysExit(k);
}
function* advised(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* load(k, 0);
}

const both = { "it works": noted(WORKED), "it is refused": noted(REFUSED) };

export default [
  thpScenario({
    name: "failing-mremap", why: "a page moves to a range without a table", tier: "quick", options: ROOM, areaEnd: 2,
    threads: { moves }, sometimes: both, expect: holds({ states: 385 }),
  }),
  thpScenario({
    name: "failing-mremap-grow", why: "an area with a neighbour cannot grow in place, and moves", tier: "quick", options: ROOM,
    areaEnd: 1, threads: { grows }, sometimes: both, expect: holds({ states: 265 }),
  }),
  thpScenario({
    name: "failing-mremap-shrink", why: "an area grows in place, and gives its end back", tier: "quick", options: ROOM, areaEnd: 2,
    threads: { growsInPlaceAndShrinks }, sometimes: both, expect: holds({ states: 362 }),
  }),
  thpScenario({
    name: "failing-mremap-fill", why: "an area grows into the hole before another, which needs an anon_vma for both", tier: "quick", options: ROOM, areaEnd: 3,
    threads: { growsIntoHole }, sometimes: both, finally: { "it has grown if it says so": (k) => isMapped(k, 1) === (k.seen.events.has(WORKED) || !k.seen.events.has(HOLE)) }, expect: holds({ states: 167 }),
  }),
  thpScenario({
    name: "mremap-without-room",
    why: "an area has the length that it is to have; one that cannot grow in place finds no place to move to", tier: "quick",
    options: { ...ROOM, hugeRanges: 1, allocationMayFail: false }, threads: { growsWithoutRoom },
    finally: { "the first works": noted(WORKED), "the second is refused": noted(REFUSED) }, expect: holds({ states: 30 }),
  }),
  thpScenario({
    name: "mmap-without-room", why: "an area that has no place: nothing is mapped, and nothing goes", tier: "quick",
    options: { ...ROOM, hugeRanges: 1, allocationMayFail: false }, threads: { mapsWithoutRoom },
    finally: { "all three are refused": noted(REFUSED) }, expect: holds({ states: 32 }),
  }),
  thpScenario({
    name: "failing-mprotect-child", why: "an area in the trees of two anon_vmas is cut, and cannot be put into the second", tier: "quick",
    options: { ...ROOM, ...TWO_PROCESSES, vmas: 4, anonVmaChains: 8, hugeRanges: 1, frames: 4 },
    threads: { forksOnce }, others: { childProtects }, daemons: ["childProtects"], sometimes: both, expect: holds({ states: 1477 }),
  }),
  thpScenario({
    name: "failing-copy", why: "a write fault copies a page that cannot be read: nothing is left of the copy", tier: "quick",
    options: {
      ...ROOM, ...TWO_PROCESSES, hugeRanges: 1, frames: 4, allocationMayFail: false, copyMayMeetPoison: true,
    }, areaEnd: 1, threads: { forksAndCopies }, others: { child },
    finally: { "everything is free": allFree }, expect: holds({ states: 2632 }),
  }),
  thpScenario({
    name: "failing-mprotect", why: "an area is cut in three, and grows together", tier: "quick", options: ROOM, areaEnd: 3,
    threads: { protects }, sometimes: both, expect: holds({ states: 469 }),
  }),
  thpScenario({
    name: "failing-pin", why: "the page to be pinned has to be faulted in first", tier: "quick", options: ROOM, areaEnd: 2,
    threads: { pins }, sometimes: both, expect: holds({ states: 47 }),
  }),
  thpScenario({
    name: "failing-fork", why: "what fork copies, it copies or gives back; the parent goes on in any case", tier: "quick",
    options: {
      ...ROOM, ...TWO_PROCESSES, hugeRanges: 1, frames: 4,
    }, areaEnd: 1, threads: { forks }, others: { child }, daemons: ["child"], sometimes: both, expect: holds({ states: 12_719 }),
  }),
  thpScenario({
    name: "refused-process-madvise", why: "a process may not discard another one's memory", tier: "quick",
    options: {
      ...ROOM, ...TWO_PROCESSES, allocationMayFail: false, hugeRanges: 1, frames: 4,
    }, areaEnd: 1, threads: { advised }, others: { adviser }, finally: { "it is refused": noted(REFUSED) }, expect: holds({ states: 152 }),
  }),
];
