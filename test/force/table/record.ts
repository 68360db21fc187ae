/** The table of anchors of a kernel that is there: made of what it shows, and compared with that. */
import { isInterrupted } from "../../../checker/cli/interruption.ts";
import type { KernelImage } from "../../conformance/guest/store.ts";
import type { Anchor } from "../anchors.ts";
import { bootHost, on, type Host } from "../host.ts";
import { PAIRS, type Pair } from "../pairs.ts";
import type { Side } from "../schedule.ts";
import { followed, type Anchors } from "../sweep.ts";
import { anchorTable, callsOfPair, callsOfPairs, keepTable, tableOf, unlike } from "./anchor-table.ts";

/** Each call is followed once more, alone, and the table of this kernel is made of that. Nothing is kept where it is stopped. */
export async function recordAnchors(image: KernelImage, say: Host["say"]): Promise<void> {
  const host = await bootHost(image, say);
  try {
    const shown = new Map<string, readonly Anchor[]>();
    await on(host, (m) => followed(m, PAIRS[0]!));
    for (const [call, { pair }] of callsOfPairs()) {
      if (isInterrupted()) {
        say("stopped: no table is kept");
        process.exitCode = 3;
        return;
      }
      if (shown.has(call)) continue;
      const { anchors } = await on(host, (m) => followed(m, pair));
      callsOfPair(pair).forEach((name, side) => { if (!shown.has(name)) shown.set(name, anchors[side as Side]!); });
    }
    const table = anchorTable(image.release, host.machine.symbols, shown);
    say(`${keepTable(table)}: ${table.rows.length} points, ${table.rows.filter((r) => r.anchor !== null).length} of them anchors`);
  } finally {
    await host.machine.stop();
  }
}

/** What the two calls, followed on this kernel, come by otherwise than in its table. A table is of a release: others have none. */
export function unlikeTable(release: string, pair: Pair, anchors: Anchors): string[] {
  const table = tableOf(release);
  return table === null ? [] : callsOfPair(pair).flatMap((call, side) => unlike(table, call, anchors[side as Side]!));
}
