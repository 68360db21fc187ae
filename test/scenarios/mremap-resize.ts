/** Memory moves, and is longer or shorter afterwards. */
import { holds, type Routine } from "thpcheck";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { load, store, sysMremap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, type K } from "../../kernel/world.ts";

const ROOM = { hugeRanges: 2, vmas: 4, anonVmaChains: 6, pageTables: 5 };
const FIXED = MREMAP_MAYMOVE | MREMAP_FIXED;

function* movesTheFirstPage(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 1, FIXED, 2);
  yield* load(k, 2);
}
function* movesAndGrows(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMremap(k, 0, 1, 2, FIXED, 2);
  yield* load(k, 2);
  yield* store(k, 3, 2);
}
function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 1);
}
/** Pages of process 0 that are in an area. */
function mapped(k: K): number {
  let n = 0;
  for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) === 0) n += k.vma.end.get(vma) - k.vma.start.get(vma);
  return n;
}

export default [
  thpScenario({
    name: "mremap-shorter", why: "the first page of a huge page moves, and the second one goes", tier: "quick", options: ROOM, areaEnd: 2, threads: { movesTheFirstPage, sibling },
    sometimes: { "it was huge": (k) => isHuge(k, 0, 0) }, finally: { "one page is mapped": (k) => mapped(k) === 1 }, expect: holds({ states: 365 }),
  }),
  thpScenario({
    name: "mremap-longer", why: "the first page of a huge page moves, and gets a new neighbour", tier: "quick", options: ROOM, areaEnd: 2, threads: { movesAndGrows, sibling },
    sometimes: { "it was huge": (k) => isHuge(k, 0, 0) }, finally: { "three pages are mapped": (k) => mapped(k) === 3 }, expect: holds({ states: 531 }),
  }),
];
