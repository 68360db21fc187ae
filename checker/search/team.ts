/** The helper threads of one breadth-first search. */
import { Worker } from "node:worker_threads";
import type { HelperTask, Joining } from "./helper.ts";
import type { WorkerReport } from "./level-worker.ts";

export class Team {
  readonly #threads: readonly Worker[];
  readonly #reports: Promise<WorkerReport[]>;

  /** Starts the threads 1..workers-1; they say in the control words when they are ready. `failed` is called when one dies. */
  constructor(task: Omit<HelperTask, "me">, failed: () => void) {
    const here = import.meta.url;
    // The published build holds .js files.
    const module = new URL(`./helper.${here.endsWith(".ts") ? "ts" : "js"}`, here);
    this.#threads = Array.from({ length: task.workers - 1 }, (_, i) => new Worker(module, { workerData: { ...task, me: i + 1 } satisfies HelperTask }));
    this.#reports = Promise.all(this.#threads.map(reportOf));
    this.#reports.catch(failed);
  }

  /** Lets the threads join the search. */
  join(joining: Joining): void {
    for (const thread of this.#threads) thread.postMessage(joining);
  }

  /** Resolves when all have ended; rejects with the error of one that failed. */
  get reports(): Promise<WorkerReport[]> {
    return this.#reports;
  }

  /** Ends the threads, whatever they do. */
  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

function reportOf(thread: Worker): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    thread.on("message", resolve);
    thread.on("error", reject);
    thread.on("exit", (code) => reject(new Error(`a search thread ended without a result (exit code ${code})`)));
  });
}
