/** A page that only its writer still has is not copied. */
import { at, holds, type Routine } from "thpcheck";
import type { Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { entryTarget } from "../../impl/pgtable.ts";
import { store, sysExit, sysFork } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { note, noted, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

const IN_PLACE: Met = 4;

/** The frame of the parent's page 0, which a table maps. */
function frame(k: K): number {
  return entryTarget(k.ptTable.pte.once(entryTarget(k.mm.pmd.once(0, 0)), 0));
}
function* parent(k: K): Routine {
  yield* store(k, 0, 1);
  yield at("look");
  const before: Pfn = frame(k);
  yield* sysFork(k, 1);
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield at("look again");
  if (frame(k) === before) note(k, IN_PLACE);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysExit(k);
  yield* openGate(k);
}

export default [
  thpScenario({
    name: "write-in-place-after-exit",
    why: "the child has gone: the parent takes its page out of the LRU batch that holds the last other reference, and keeps it",
    tier: "quick", options: { ...TWO_PROCESSES, frames: 4, enabled: ENABLED_NEVER }, areaEnd: 1, threads: { parent }, others: { child },
    finally: { "the page is written in place": noted(IN_PLACE) },
    expect: holds({ states: 111 }),
  }),
];
