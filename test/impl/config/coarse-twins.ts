/** Scenarios of the grain without it: what its faults are not seen by. */
import { holds } from "thpcheck";
import { flagsLock } from "../../scenarios/grain-flags.ts";
import { migrationFork } from "../../scenarios/grain-migration.ts";
import { lruActivate } from "../../scenarios/grain-lru.ts";
import { slotsExit } from "../../scenarios/grain-slots.ts";
import { traceInsertion } from "../../scenarios/grain-trace.ts";
import { zeroShrinker, zeroSplit } from "../../scenarios/grain-zero.ts";

export default [
  slotsExit("coarse-slots-exit", "coarse", holds()),
  zeroShrinker("coarse-zero-shrinker", "coarse", holds()),
  zeroSplit("coarse-zero-split", "coarse", holds()),
  flagsLock("coarse-flags-lock", "coarse", holds()),
  migrationFork("coarse-migration-fork", "coarse", holds()),
  lruActivate("coarse-lru-activate", "coarse", holds()),
  traceInsertion("coarse-trace-insertion", "coarse", holds()),
];
