/** Scans of the split queue as kernels before 7.2 have them, on a folio that its owner tears and frees meanwhile. */
import { holds, type Scenario } from "thpcheck";
import { SPLIT_SCAN_BATCH, SPLIT_SCAN_PRIVATE_LIST, type SplitQueueScan } from "../../../spec/enumerations.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { ownerUnmaps, scanned, shrinker } from "../../scenarios/setup/torn.ts";
import type { Structs } from "../../../kernel/world.ts";

function freedInScan(name: string, splitQueueScan: SplitQueueScan): Scenario<Structs> {
  return thpScenario({
    name: `exits-scan-${name}`, why: "a scan splits a torn folio, or finds it whole again, locked, or without references", tier: "quick",
    options: { grain: ["lists"], splitQueueScan }, threads: { ownerUnmaps }, others: { shrinker }, sometimes: scanned, expect: holds(),
  });
}

export const freedInPrivateList = freedInScan("private", SPLIT_SCAN_PRIVATE_LIST);
export const freedInBatch = freedInScan("batch", SPLIT_SCAN_BATCH);
