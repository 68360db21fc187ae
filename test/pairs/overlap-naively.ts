/** The oracle of overlap.ts: all runs of a small cell, written down state by state, without any order. */
import { forEachStep } from "../../checker/search/steps.ts";
import { choicesOf, type Cell } from "./cells.ts";
import type { Overlap } from "./overlap.ts";
import type { Program } from "./program-of.ts";

interface Run {
  readonly words: Int32Array;
  /** Steps that each side has taken since it began; -1 before that. */
  readonly steps: readonly [number, number];
  readonly ended: readonly ["" | "done" | "failed", "" | "done" | "failed"];
  /** Steps of one that were taken between the first and a later step of the other. */
  readonly inside: boolean;
}

export function overlapNaively({ system }: Program, cell: Cell): Overlap {
  system.setBranch(choicesOf(cell));
  system.init();
  system.setBranch([]);
  const start: Run = { words: system.vector.slice(0, system.stateWords), steps: [-1, -1], ended: ["", ""], inside: false };
  const seen = new Map<string, Run>([[keyOf(start), start]]);
  for (const run of seen.values()) {
    forEachStep(system, run.words, 0, (actor, _, fault) => {
      if (fault !== null || actor > 1) return;
      const next = after(system, run, actor as 0 | 1);
      if (!seen.has(keyOf(next))) seen.set(keyOf(next), next);
    });
  }
  const runs = [...seen.values()];
  if (runs.some((r) => r.ended[0] === "done" && r.ended[1] === "done" && r.inside)) return "covered";
  if (runs.some((r) => r.ended[0] === "done" && r.ended[1] === "done")) return "in turn";
  const [first, second] = [0, 1].map((side) => runs.some((r) => r.ended[side] === "done"));
  return first ? (second ? "either" : "second never") : second ? "first never" : "neither";
}

/** Steps are told apart as none, some. */
function keyOf({ words, steps, ended, inside }: Run): string {
  return JSON.stringify([[...words], steps.map((n) => Math.min(n, 1)), ended, inside]);
}

function after(system: Program["system"], run: Run, actor: 0 | 1): Run {
  const said = Object.fromEntries(system.statistics().map(({ name, value }) => [name, Number(value)]));
  const own = run.steps[actor];
  const other = run.steps[1 - actor]!;
  const now = (said["told.begun"] ?? 0) > 0 ? 0 : own >= 0 ? own + 1 : own;
  const end = (said["told.done"] ?? 0) > 0 ? "done" : (said["told.failed"] ?? 0) > 0 ? "failed" : run.ended[actor];
  const isReal = own >= 0 && run.ended[actor] === "";
  const inside = run.inside || (isReal && other > 0 && run.ended[1 - actor] === "");
  const put = <T>(pair: readonly [T, T], value: T): readonly [T, T] => (actor === 0 ? [value, pair[1]] : [pair[0], value]);
  return { words: system.vector.slice(0, system.stateWords), steps: put(run.steps, now), ended: put(run.ended, end), inside };
}
