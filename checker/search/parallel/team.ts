/** The helper threads of a breadth-first search. */
import { Worker } from "node:worker_threads";
import type { HelperTask, Joining } from "./helper.ts";
import type { WorkerReport } from "./level-worker.ts";

/** Threads kept for the next search, because to start one takes longer than most searches. They do not keep the process alive. */
const idle: Worker[] = [];

/** Starts the threads that searches on `workers` workers need besides the calling one, if they are not there; returns at once. */
export function prepareHelpers(workers: number): void {
  while (idle.length < workers - 1) idle.push(startThread());
}
export function idleHelpers(): number {
  return idle.length;
}

export class Team {
  readonly #threads: readonly Worker[];
  #told = false;
  /** What the threads have done; rejects with the error of one that failed. */
  readonly reports: Promise<WorkerReport[]>;

  /** Gives threads the task; they say in the control words when they are ready. `failed` is called when one dies. */
  constructor(task: Omit<HelperTask, "me">, failed: () => void) {
    this.#threads = Array.from({ length: task.workers - 1 }, () => idle.pop() ?? startThread());
    this.reports = Promise.all(this.#threads.map(reportOf));
    this.reports.catch(failed);
    for (const [i, thread] of this.#threads.entries()) {
      thread.ref();
      thread.postMessage({ ...task, me: i + 1 } satisfies HelperTask);
    }
  }

  /** Lets the threads join the search. */
  join(joining: NonNullable<Joining>): void {
    this.#tell(joining);
  }

  /** The search has ended as it should: the threads are free when they have reported. */
  disband(): void {
    if (!this.#told) this.#tell(null);
    for (const thread of this.#threads) thread.unref();
    this.reports.then(() => idle.push(...this.#threads), () => this.dismiss());
  }

  /** The search has failed: ends the threads, whatever they do. */
  async dismiss(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #tell(joining: Joining): void {
    this.#told = true;
    for (const thread of this.#threads) thread.postMessage(joining);
  }
}

function startThread(): Worker {
  const here = import.meta.url;
  // The published build holds .js files.
  const thread = new Worker(new URL(`./helper.${here.endsWith(".ts") ? "ts" : "js"}`, here));
  // Whoever waits for a report hears of it; a thread that dies while idle is only forgotten.
  thread.on("error", () => undefined);
  thread.on("exit", () => {
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
  });
  thread.unref();
  return thread;
}

/** Resolves with the next report of a thread. */
function reportOf(thread: Worker): Promise<WorkerReport> {
  const { promise, resolve, reject } = Promise.withResolvers<WorkerReport>();
  const ended = (code: number): void => reject(new Error(`a search thread ended without a result (exit code ${code})`));
  thread.once("message", resolve).once("error", reject).once("exit", ended);
  const forget = (): void => void thread.off("message", resolve).off("error", reject).off("exit", ended);
  promise.then(forget, forget);
  return promise;
}
