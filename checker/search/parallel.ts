/**
 * Breadth-first search on several threads. They share the visited table and the frontiers and meet at the end of
 * each level; the calling thread only watches the clock, so that its timers and signals run.
 *
 * The search begins in the calling thread and is handed over when the workers have started: small state spaces are
 * done before that. A level is finished before a violation in it is chosen, and the choice is by a total order:
 * verdict and counts do not depend on the number of workers. Which of several parents a state is linked to does;
 * `minimise` makes the trace the same too.
 */
import { Worker } from "node:worker_threads";
import type { SystemSource, TransitionSystem } from "../system.ts";
import { LevelSearch } from "./bfs.ts";
import { compareCandidates } from "./candidate.ts";
import { Control, STOP_ASKED, STOP_OUT_OF_MEMORY } from "./control.ts";
import { Discovery } from "./discovery.ts";
import { Genealogy } from "./genealogy.ts";
import { levelBound } from "./level.ts";
import type { ExploreOptions, SearchRun } from "./run.ts";
import { Pacer, SLICE_MS } from "./run.ts";
import { pathOf } from "./steps.ts";
import type { Handover, WorkerReport, WorkerTask } from "./worker.ts";

/** Milliseconds of search before workers are started: they take about as long to start. */
const ALONE_MS = 50;

export async function parallelBreadthFirst(system: TransitionSystem, source: SystemSource, options: ExploreOptions): Promise<SearchRun> {
  const pacer = new Pacer(options);
  const search = new LevelSearch(system, options);
  const startWorkers = performance.now() + (options.workersAfterMs ?? ALONE_MS);
  let team: Team | null = null;
  try {
    for (let more = search.more; more;) {
      if (performance.now() >= startWorkers) team ??= new Team(system, source, options, search);
      // Tests want the workers to do all the work.
      if (options.workersAfterMs === 0) await team!.started();
      if (team?.control.allReady === true) return await team.takeOver(pacer);
      more = search.advance();
      if (pacer.due()) search.stopReason ??= await pacer.pause(() => search.progress());
    }
    return { ...search.result(), workers: options.workers };
  } finally {
    await team?.end();
  }
}

/** The worker threads of one search. */
class Team {
  readonly #system: TransitionSystem;
  readonly #options: ExploreOptions;
  readonly #search: LevelSearch;
  readonly #discoveries: readonly Discovery[];
  readonly #workers: readonly Worker[];
  readonly #reports: Promise<WorkerReport[]>;
  readonly control: Control;

  constructor(system: TransitionSystem, source: SystemSource, options: ExploreOptions, search: LevelSearch) {
    const { workers } = options;
    this.#system = system;
    this.#options = options;
    this.#search = search;
    this.#discoveries = [search.discovery, ...Array.from({ length: workers - 1 }, () => new Discovery(system.stateWords))];
    const control = Control.allocate(workers);
    this.control = new Control(control, workers, 0);
    const task: Omit<WorkerTask, "me"> = {
      source, workers, control, table: search.table, discoveries: this.#discoveries.map((d) => d.buffers),
      seed: options.seed, fingerprintBits: options.fingerprintBits, maxStates: options.maxStates, maxDepth: options.maxDepth,
    };
    this.#workers = Array.from({ length: workers }, (_, me) => startWorker({ ...task, me }));
    this.#reports = Promise.all(this.#workers.map(reportOf));
    // Whoever waits for the reports sees the error; until then it is not unhandled.
    this.#reports.catch(() => undefined);
  }

  /** Resolves when every worker can take over; rejects when one cannot start. */
  async started(): Promise<void> {
    while (!this.control.allReady) await Promise.race([this.#reports, new Promise((resolve) => setTimeout(resolve, 1))]);
  }

  async takeOver(pacer: Pacer): Promise<SearchRun> {
    const { control } = this;
    const search = this.#search;
    search.expander.flush();
    const { discovery, levels } = search;
    const level = levels.length - 1;
    const solo = { transitions: search.expander.transitions, terminals: search.watch.terminals };
    control.preset(level, search.cursor, levels[level]!, search.firstId, discovery.discovered);
    const handover: Handover = {
      level, before: search.firstId, building: discovery.count, discovered: discovery.discovered,
      violated: search.watch.best !== null, witnessed: search.witnessed,
    };
    for (const worker of this.#workers) worker.postMessage(handover);
    let bound: string | null = null;
    const timer = setInterval(() => {
      bound ??= pacer.bound();
      if (bound !== null) control.stop(STOP_ASKED);
      pacer.report(() => {
        const p = control.progress();
        return { ...p, transitions: p.transitions + solo.transitions };
      });
    }, SLICE_MS);
    try {
      return this.#result(await this.#reports, solo, bound);
    } finally {
      clearInterval(timer);
    }
  }

  #result(reports: readonly WorkerReport[], solo: { transitions: number; terminals: number }, bound: string | null): SearchRun {
    const search = this.#search;
    const { workers } = this.#options;
    const stopped = this.control.stopped;
    const perLevel = search.levels.map((n) => [n, ...Array.from({ length: workers - 1 }, () => 0)]);
    for (const [i] of reports[0]!.levels.entries()) perLevel.push(reports.map((r) => r.levels[i]!));
    const levels = perLevel.map((counts) => counts.reduce((sum, n) => sum + n, 0));
    const exhausted = levels.at(-1) === 0 && stopped === 0;
    if (levels.at(-1) === 0) levels.pop();
    const states = levels.reduce((sum, n) => sum + n, 0);
    const violation = [search.watch.best, ...reports.map((r) => r.violation)].filter((v) => v !== null).sort(compareCandidates)[0] ?? null;
    let stopReason: string | null = null;
    if (stopped === STOP_OUT_OF_MEMORY) stopReason = "out of memory";
    else if (stopped === STOP_ASKED) stopReason = bound;
    else if (!exhausted) stopReason = levelBound(this.#options, states, levels.length, levels.at(-1)!);
    for (const d of this.#discoveries) d.links.refresh();
    return {
      complete: stopReason === null && violation === null,
      stopReason: violation === null ? stopReason : null,
      states,
      transitions: reports.reduce((sum, r) => sum + r.transitions, solo.transitions),
      depth: levels.length,
      terminals: reports.reduce((sum, r) => sum + r.terminals, solo.terminals),
      levels,
      tableBytes: search.table.byteLength + this.#discoveries.reduce((sum, d) => sum + d.links.bytes, 0),
      workers,
      witnessed: search.witnessed.map((_, i) => (reports.some((r) => r.witnessed[i] === 1) ? 1 : 0)),
      violation: violation?.broken ?? null,
      path: violation === null ? null : () => pathOf(this.#system, new Genealogy(this.#discoveries.map((d) => d.links.view), perLevel).lineageOf(violation)),
    };
  }

  /** Ends the threads, whatever they do. */
  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function startWorker(task: WorkerTask): Worker {
  const here = import.meta.url;
  // The published build holds .js files.
  return new Worker(new URL(`./worker.${here.endsWith(".ts") ? "ts" : "js"}`, here), { workerData: task });
}

function reportOf(worker: Worker): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`a search worker ended without a result (exit code ${code})`)));
  });
}
