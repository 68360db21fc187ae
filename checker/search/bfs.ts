/** Breadth-first search in the calling thread, level by level: the first violation found is a nearest one. */
import type { TransitionSystem } from "../system.ts";
import { OutOfMemory } from "./column.ts";
import { Discovery } from "./discovery.ts";
import { BATCH, makeExpander } from "./expand.ts";
import { makeCopyState, makeFingerprint } from "./fingerprint.ts";
import { Genealogy } from "./genealogy.ts";
import { levelBound, seed } from "./level.ts";
import type { ExploreOptions, SearchRun } from "./run.ts";
import { pathOf } from "./steps.ts";
import { Pacer } from "./run.ts";
import { StateIndex } from "./state-index.ts";
import type { Visited } from "./visited.ts";
import { FingerprintSet } from "./visited.ts";
import { Watch } from "./watch.ts";

/** States expanded between looks at the clock. */
const CHUNK = 512;

export async function breadthFirst(system: TransitionSystem, options: ExploreOptions): Promise<SearchRun> {
  const pacer = new Pacer(options);
  const fingerprint = makeFingerprint(system.stateWords, options.fingerprintBits, options.seed);
  const visited: Visited = options.exact ? new StateIndex(system.stateWords, true) : new FingerprintSet();
  const discovery = new Discovery(system.stateWords);
  const watch = new Watch(system, fingerprint);
  const witnessed = new Uint8Array(system.sometimes.length);
  const expander = makeExpander({ system, batch: BATCH, fingerprint, copyState: makeCopyState(system.stateWords), visited, discovery, events: watch, witnessed });

  const levels: number[] = [];
  let level = 0;
  let states = 0;
  let stopReason: string | null = null;
  try {
    seed(system, expander, watch);
    while (discovery.count > 0) {
      const size = discovery.count;
      levels.push(size);
      const firstId = states;
      states += size;
      stopReason = watch.best === null ? levelBound(options, states, levels.length, size) : null;
      if (stopReason !== null || watch.best !== null) break;
      const words = discovery.frontier(level);
      watch.length = level;
      discovery.begin(++level);
      for (let from = 0; from < size && stopReason === null; from += CHUNK) {
        expander.expand(words, from, Math.min(from + CHUNK, size), firstId);
        if (pacer.due()) {
          stopReason = await pacer.pause(() => ({ states: discovery.discovered, transitions: expander.transitions, depth: levels.length, frontier: discovery.discovered - firstId - from }));
        }
      }
      expander.flush();
      if (stopReason !== null) break;
    }
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    stopReason = `out of memory: ${error.message}`;
  }
  // A level that a bound cut off counts as far as it came.
  if (discovery.discovered > states) levels.push(discovery.discovered - states);
  const violation = watch.best;
  return {
    complete: stopReason === null && violation === null,
    stopReason: violation === null ? stopReason : null,
    states: discovery.discovered,
    transitions: expander.transitions,
    depth: levels.length,
    terminals: watch.terminals,
    levels,
    tableBytes: visited.bytes + discovery.links.bytes,
    workers: 1,
    witnessed,
    violation: violation?.broken ?? null,
    path: violation === null ? null : () => pathOf(system, new Genealogy([discovery.links.view], levels.map((n) => [n])).lineageOf(violation)),
  };
}
