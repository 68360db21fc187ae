/**
 * A sweep over the levels of a state graph, last to first, settles the states that have a step to a settled one.
 *
 * Most states have led to a new one, and are settled by a link: a sequential read. Of the others (the leaves of the tree that the
 * links make) most have a step to the level behind; one bit is read for it, in a map of the places that fits the cache.
 * Loops that lead back are followed further by each sweep: of the kernel's scenarios the first settles half of the states, and
 * each that follows most of the rest.
 */
import { JUMP, entryAt, forEachRun, type Run, type Words } from "./graph-log.ts";
import type { OpenSteps } from "./open-steps.ts";
import type { Settled } from "./settled.ts";
import type { Part, StateGraph } from "./state-graph.ts";

/** What a sweep works on. `open` gets each step of which neither state was settled when the sweep came to it. */
export interface Sweeping {
  readonly graph: StateGraph;
  /** Of the graph. */
  readonly parts: readonly (readonly Part[])[];
  readonly settled: Settled;
  readonly open: OpenSteps;
}

export function sweep({ graph, parts, settled, open }: Sweeping): void {
  open.clear();
  for (let level = parts.length - 1; level >= 0; level--) {
    for (const part of parts[level + 1] ?? []) sweepLinks(part, graph.links[part.worker]!, settled, open);
    for (const log of graph.logs) forEachRun(log, level, (run) => sweepSteps(run, log.jumps, settled, open));
  }
}

// The two loops take most of the time of the search for traps: each goes over arrays, without calls but for open steps.

/** The links from the level before to a part. `links`: of the worker that discovered these states. */
function sweepLinks({ first, own, count }: Part, links: Int32Array, settled: Settled, open: OpenSteps): void {
  const { byNumber, byPlace, places } = settled;
  let left = settled.left;
  for (let i = 0; i < count; i++) {
    const parent = links[2 * (own + i)]!;
    if (byNumber[parent] === 1) continue;
    if (byNumber[first + i] === 0) {
      open.push(parent, places[first + i]!);
      continue;
    }
    const place = places[parent]!;
    byNumber[parent] = 1;
    byPlace[place >>> 5]! |= 1 << place;
    left--;
  }
  settled.left = left;
}

/** Steps that a worker wrote down. */
function sweepSteps(run: Run, jumps: Words, settled: Settled, open: OpenSteps): void {
  const { byNumber, byPlace, places } = settled;
  const { targets, gaps, begin, end } = run;
  let { from, jump } = run;
  let left = settled.left;
  for (let i = begin; i < end; i++) {
    const gap = gaps[i]!;
    if (gap === JUMP) from = entryAt(jumps, jump++);
    else from += gap;
    if (byNumber[from] === 1) continue;
    const target = targets[i]!;
    if (((byPlace[target >>> 5]! >>> target) & 1) === 0) {
      open.push(from, target);
      continue;
    }
    const place = places[from]!;
    byNumber[from] = 1;
    byPlace[place >>> 5]! |= 1 << place;
    left--;
  }
  run.from = from;
  run.jump = jump;
  settled.left = left;
}
