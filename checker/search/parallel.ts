/**
 * Breadth-first search on several threads. They share the visited table and the frontiers and meet at the end of
 * each level; the calling thread only watches the clock, so that its timers and signals run.
 *
 * A level is finished before a violation in it is chosen, and the choice is by a total order: verdict and counts
 * do not depend on the number of workers. Which of several parents a state is linked to does; `minimise` makes
 * the trace the same too.
 */
import { Worker } from "node:worker_threads";
import type { SystemSource, TransitionSystem } from "../system.ts";
import { compareCandidates } from "./candidate.ts";
import { Control, STOP_ASKED, STOP_OUT_OF_MEMORY } from "./control.ts";
import { Discovery } from "./discovery.ts";
import { Genealogy } from "./genealogy.ts";
import { levelBound } from "./level.ts";
import type { ExploreOptions, SearchRun } from "./run.ts";
import { pathOf } from "./steps.ts";
import { Pacer, SLICE_MS } from "./run.ts";
import { reserveTable } from "./visited.ts";
import type { WorkerReport, WorkerTask } from "./worker.ts";

export async function parallelBreadthFirst(system: TransitionSystem, source: SystemSource, options: ExploreOptions): Promise<SearchRun> {
  const { workers } = options;
  const pacer = new Pacer(options);
  const table = reserveTable();
  const discoveries = Array.from({ length: workers }, () => new Discovery(system.stateWords));
  const controlBuffer = Control.allocate(workers);
  const control = new Control(controlBuffer, workers, 0);
  const task: Omit<WorkerTask, "me"> = {
    source, workers, control: controlBuffer, table, discoveries: discoveries.map((d) => d.buffers),
    seed: options.seed, fingerprintBits: options.fingerprintBits, maxStates: options.maxStates, maxDepth: options.maxDepth,
  };

  let bound: string | null = null;
  const timer = setInterval(() => {
    bound ??= pacer.bound();
    if (bound !== null) control.stop(STOP_ASKED);
    pacer.report(() => control.progress());
  }, SLICE_MS);
  let reports: WorkerReport[];
  try {
    reports = await Promise.all(Array.from({ length: workers }, (_, me) => runWorker({ ...task, me })));
  } finally {
    clearInterval(timer);
  }

  const depth = Math.max(...reports.map((r) => r.levels.length));
  const perLevel = Array.from({ length: depth }, (_, level) => reports.map((r) => r.levels[level]!));
  const levels = perLevel.map((counts) => counts.reduce((sum, n) => sum + n, 0));
  if (levels.at(-1) === 0) levels.pop();
  const states = levels.reduce((sum, n) => sum + n, 0);
  const violation = reports.map((r) => r.violation).filter((v) => v !== null).sort(compareCandidates)[0] ?? null;
  let stopReason = control.stopped === STOP_OUT_OF_MEMORY ? "out of memory" : control.stopped === STOP_ASKED ? bound : null;
  // As the workers decided; a search whose last level has no successors is done all the same.
  stopReason ??= perLevel.length > levels.length ? null : levelBound(options, states, levels.length, levels.at(-1) ?? 0);
  for (const d of discoveries) d.links.refresh();
  return {
    complete: stopReason === null && violation === null,
    stopReason: violation === null ? stopReason : null,
    states,
    transitions: reports.reduce((sum, r) => sum + r.transitions, 0),
    depth: levels.length,
    terminals: reports.reduce((sum, r) => sum + r.terminals, 0),
    levels,
    tableBytes: table.byteLength + discoveries.reduce((sum, d) => sum + d.links.bytes, 0),
    workers,
    witnessed: Uint8Array.from(reports[0]!.witnessed, (_, i) => (reports.some((r) => r.witnessed[i] === 1) ? 1 : 0)),
    violation: violation?.broken ?? null,
    path: violation === null ? null : () => pathOf(system, new Genealogy(discoveries.map((d) => d.links.view), perLevel).lineageOf(violation)),
  };
}

/** Starts a worker; resolves with its report. */
function runWorker(task: WorkerTask): Promise<WorkerReport> {
  const here = import.meta.url;
  // The published build holds .js files.
  const worker = new Worker(new URL(`./worker.${here.endsWith(".ts") ? "ts" : "js"}`, here), { workerData: task });
  return new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`a search worker ended without a result (exit code ${code})`)));
  });
}
