/** One thread of a parallel breadth-first search. Started by `parallel.ts`. */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { SystemSource, TransitionSystem } from "../system.ts";
import { OutOfMemory } from "./column.ts";
import type { Candidate } from "./candidate.ts";
import { Control, DONE, GO_ON, STOP_FAILED, STOP_OUT_OF_MEMORY } from "./control.ts";
import type { Decision } from "./control.ts";
import type { DiscoveryBuffers } from "./discovery.ts";
import { Discovery } from "./discovery.ts";
import { BATCH, makeExpander } from "./expand.ts";
import { makeCopyState, makeFingerprint } from "./fingerprint.ts";
import { levelBound } from "./level.ts";
import { SharedFingerprintSet } from "./shared-set.ts";
import { Watch } from "./watch.ts";

export interface WorkerTask {
  readonly source: SystemSource;
  readonly me: number;
  readonly workers: number;
  readonly control: SharedArrayBuffer;
  readonly table: SharedArrayBuffer;
  /** Of every worker, in order. */
  readonly discoveries: readonly DiscoveryBuffers[];
  readonly seed: number;
  readonly fingerprintBits: 32 | 64;
  readonly maxStates: number | null;
  readonly maxDepth: number | null;
}

/** Where the workers go on. Worker 0 also goes on with the discoveries of the calling thread. */
export interface Handover {
  /** The level to expand, 0 being the initial one, and the number of states before it. */
  readonly level: number;
  readonly before: number;
  /** States of the next level, and of all, that are discovered already. */
  readonly building: number;
  readonly discovered: number;
  /** A violation has been found in this level. */
  readonly violated: boolean;
  readonly witnessed: Uint8Array;
}

/** What a worker says when it ends. */
export interface WorkerReport {
  /** States that this worker discovered in each level after that of the handover. */
  readonly levels: readonly number[];
  readonly transitions: number;
  readonly terminals: number;
  readonly violation: Candidate | null;
  readonly witnessed: Uint8Array;
}

/** States taken from a level at a time: enough that taking is rare, few enough that the last ones are shared out. */
const CHUNK = 128;

/** Searches until all workers are done. */
function searchLevels(system: TransitionSystem, task: WorkerTask, control: Control, handover: Handover): WorkerReport {
  const { me, workers } = task;
  const all = task.discoveries.map((buffers) => new Discovery(system.stateWords, buffers));
  const discovery = all[me]!;
  const fingerprint = makeFingerprint(system.stateWords, task.fingerprintBits, task.seed);
  const watch = new Watch(system, fingerprint);
  const witnessed = handover.witnessed.slice();
  const expander = makeExpander({
    system, batch: BATCH, fingerprint, copyState: makeCopyState(system.stateWords),
    visited: new SharedFingerprintSet(task.table, control), discovery, events: watch, witnessed,
  });
  const levels: number[] = [];
  let before = handover.before;
  const sizes = (level: number): number[] => all.map((_, w) => control.countOf(w, level));

  /** Takes states of the level from the shared cursor until none are left. */
  const expandLevel = (level: number, counts: readonly number[], size: number): void => {
    const frontiers = all.map((d) => d.frontier(level));
    for (let from = control.take(level, CHUNK); from < size && control.stopped === 0; from = control.take(level, CHUNK)) {
      const to = Math.min(from + CHUNK, size);
      // A chunk may reach over the parts of several workers.
      for (let w = 0, first = 0; w < workers; first += counts[w]!, w++) {
        const a = Math.max(from, first);
        const b = Math.min(to, first + counts[w]!);
        if (a < b) expander.expand(frontiers[w]!, a - first, b - first, before + first);
      }
      control.publishProgress(discovery.discovered, expander.transitions);
    }
    expander.flush();
  };
  /** Ends the building of a level: true when it is to be expanded. */
  const endLevel = (level: number): boolean => {
    levels.push(discovery.count);
    control.publishCount(level, discovery.count, watch.best !== null || handover.violated);
    control.publishProgress(discovery.discovered, expander.transitions);
    const decide = (): Decision => {
      const size = sum(sizes(level));
      if (size === 0 || control.anyViolation() || control.stopped !== 0) return DONE;
      return levelBound(task, before + size, level + 1, size) === null ? GO_ON : DONE;
    };
    return control.meet(level, before, decide) && control.decision === GO_ON;
  };

  for (let level = handover.level; ; level++) {
    const counts = sizes(level);
    const size = sum(counts);
    watch.length = level;
    if (level === handover.level && me === 0) discovery.resume(level + 1, handover.building, handover.discovered);
    else discovery.begin(level + 1);
    try {
      expandLevel(level, counts, size);
    } catch (error) {
      // Ends the search at the next meeting.
      if (!(error instanceof OutOfMemory)) throw error;
      control.stop(STOP_OUT_OF_MEMORY);
    }
    before += size;
    if (!endLevel(level + 1)) break;
  }
  return { levels, transitions: expander.transitions, terminals: watch.terminals, violation: watch.best, witnessed };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

async function main(task: WorkerTask): Promise<void> {
  const control = new Control(task.control, task.workers, task.me);
  try {
    const module = (await import(task.source.module)) as { instantiate(data: unknown): TransitionSystem };
    const system = module.instantiate(task.source.data);
    const start = once(parentPort!, "message");
    control.ready();
    const [handover] = (await start) as [Handover];
    parentPort!.postMessage(searchLevels(system, task, control, handover));
  } catch (error) {
    control.stop(STOP_FAILED);
    control.leave();
    throw error;
  }
}

await main(workerData as WorkerTask);
