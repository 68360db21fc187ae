/** Who holds mmap_lock for reading, against who takes the area away: without that lock each would go on with an area that is gone. */
import { holds, type Routine } from "thpcheck";
import { load, store, sysMadvise, sysMmap, sysMunmap, sysSplitHugePages } from "../../impl/entry/syscalls.ts";
import { SINGLE_PAGES } from "../../impl/huge-memory/split-parts.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { MADV_POPULATE_WRITE } from "../../impl/madvise.ts";
import { type AddressOrErrno, MAP_FIXED } from "../../impl/mmap.ts";
import type { Errno } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { note, noted, type K, type Met } from "../../kernel/world.ts";

const POPULATED: Met = 2;
const SPLIT: Met = 3;

function* populates(k: K): Routine {
  yield* openGate(k);
  const error: Errno = yield* sysMadvise(k, 0, 2, MADV_POPULATE_WRITE);
  if (error === 0) note(k, POPULATED);
}
function* splitsByRange(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  const split: AddressOrErrno = yield* sysSplitHugePages(k, 0, 0, 2, SINGLE_PAGES);
  if (split > 0) note(k, SPLIT);
}
function* unmaps(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 2);
  yield* load(k, 0);
}
/** What comes after is another area at the same place, of the same object perhaps. */
function* unmapsAndMaps(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 2);
  yield* sysMmap(k, 0, 1, VM_READ | VM_WRITE, MAP_FIXED);
  yield* load(k, 0);
}

export default [
  thpScenario({
    name: "populate-munmap", why: "MADV_POPULATE_WRITE faults pages in, one after the other, of an area that munmap() takes away",
    tier: "quick", threads: { populates, unmaps }, sometimes: { "populated": noted(POPULATED) }, expect: holds({ states: 148 }),
  }),
  thpScenario({
    name: "debugfs-split-munmap", why: "a write to split_huge_pages walks the areas of a process that unmaps them, and maps another",
    tier: "quick", threads: { splitsByRange, unmapsAndMaps }, sometimes: { "split": noted(SPLIT) }, expect: holds({ states: 520 }),
  }),
];
