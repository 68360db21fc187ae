/**
 * The lock order of impl/README.md is the one that the kernel keeps: the sanitizer's graph of scenarios that together
 * meet every pair of lock classes.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { LockEdge } from "../../checker/sanitizer/lock-order.ts";
import { lockEdges } from "../../checker/sanitizer/pass.ts";
import { clearsDeadLocals } from "../../checker/check/options.ts";
import type { Scenario } from "../../checker/scenario.ts";
import { DEFAULTS } from "../checker/search/options.ts";
import collapseMunmap from "../scenarios/collapse-munmap.ts";
import collapseSplit from "../scenarios/collapse-split.ts";
import forkCow from "../scenarios/fork-cow.ts";
import khugepagedRefusals from "../scenarios/khugepaged-refusals.ts";
import mremap from "../scenarios/mremap.ts";
import reclaim from "../scenarios/reclaim.ts";
import reservationFaults from "../scenarios/reservation-faults.ts";
import reservationFork from "../scenarios/reservation-fork.ts";
import reservationFull from "../scenarios/reservation-full.ts";
import reservationPromotion from "../scenarios/reservation-promotion.ts";
import reservationShrinker from "../scenarios/reservation-shrinker.ts";
import splitZap from "../scenarios/split-zap.ts";
import swap from "../scenarios/swap.ts";
import unmap from "../scenarios/unmap.ts";

const ALL = [
  collapseMunmap, collapseSplit, forkCow, khugepagedRefusals, mremap, reclaim, reservationFaults, reservationFork,
  reservationFull, reservationPromotion, reservationShrinker, splitZap, swap, unmap,
].flat() as unknown as readonly Scenario[];

/** Small ones, of each kind of operation. */
const MET_BY = [
  "collapse-munmap", "collapse-split-poison", "dontneed-pt-reclaim", "fork-cow-exit", "fork-cow-huge", "khugepaged-dontneed",
  "mremap-table-underused", "reclaim-twice", "reservation-collapse-half@rfc-choices", "reservation-dontneed@rfc-choices",
  "reservation-fork-both-write@rfc-2018", "reservation-shrinker@rfc-choices", "split-dontneed-pin", "swap-out-dontneed",
];

interface Row {
  readonly lock: string;
  /** Classes that may be taken while it is held. */
  readonly inside: readonly string[];
  /** Those of them that no scenario here takes; a note below the table says why. */
  readonly notMet: readonly string[];
}

/** `| 3 | folio lock | page.lock | 4 6 (7) | ... |`: a number in brackets is a pair that is not met. */
export function lockTable(document: string): Row[] {
  const rows = [...document.matchAll(/^\| (\d+) \| [^|]+ \| `([\w.]+)` \|([^|]*)\|/gm)].map((m) => ({ no: m[1]!, lock: m[2]!, inside: m[3]! }));
  const lockOf = (no: string): string => rows.find((r) => r.no === no)?.lock ?? `there is no row ${no}`;
  return rows.map(({ lock, inside }) => ({
    lock,
    inside: [...inside.matchAll(/\d+/g)].map((m) => lockOf(m[0])),
    notMet: [...inside.matchAll(/\((\d+)\)/g)].map((m) => lockOf(m[1]!)),
  }));
}

const rows = lockTable(readFileSync(new URL("../../impl/README.md", import.meta.url), "utf8"));
const pair = (from: string, to: string): string => `${from} -> ${to}`;

describe("the lock order of impl/README.md", () => {
  const edges: LockEdge[] = [];
  beforeAll(async () => {
    for (const name of MET_BY) {
      const scenario = ALL.find((s) => s.name === name);
      if (scenario === undefined) throw new Error(`there is no scenario ${name} any more: choose another that takes the same locks`);
      edges.push(...(await lockEdges(scenario, DEFAULTS, clearsDeadLocals(scenario, null))));
    }
  });

  it("goes down the table: no lock is taken while one of a later row is held", () => {
    const place = (lock: string): number => rows.findIndex((r) => r.lock === lock);
    expect(edges.filter((e) => place(e.from) < 0 || place(e.to) <= place(e.from)).map((e) => pair(e.from, e.to))).toEqual([]);
    expect(rows.flatMap((r) => r.inside.filter((to) => place(to) <= place(r.lock)).map((to) => pair(r.lock, to)))).toEqual([]);
  });

  it("has every pair that is met, and no others but those that it marks", () => {
    const met = new Set(edges.map((e) => pair(e.from, e.to)));
    const listed = rows.flatMap((r) => r.inside.map((to) => pair(r.lock, to)));
    const marked = new Set(rows.flatMap((r) => r.notMet.map((to) => pair(r.lock, to))));
    expect([...met].filter((p) => !listed.includes(p)), "pairs to be added to the table").toEqual([]);
    expect(listed.filter((p) => !met.has(p) && !marked.has(p)), "pairs that are not met").toEqual([]);
    expect([...marked].filter((p) => met.has(p)), "pairs that are met though marked").toEqual([]);
  });

  it("has a folio lock inside a VMA lock only where that is held for reading", () => {
    const modes = edges.filter((e) => e.from === "vma.lock" && e.to === "page.lock").map((e) => e.fromMode);
    expect(new Set(modes)).toEqual(new Set(["shared"]));
  });
});

describe("a table of locks", () => {
  it("is read from its rows", () => {
    expect(lockTable("| 1 | a | `x.lock` | 2 (3) | |\n| 2 | b | `y.lock` | | |\n| 3 | c | `z.lock` |  | |\n")).toEqual([
      { lock: "x.lock", inside: ["y.lock", "z.lock"], notMet: ["z.lock"] },
      { lock: "y.lock", inside: [], notMet: [] },
      { lock: "z.lock", inside: [], notMet: [] },
    ]);
  });
});
