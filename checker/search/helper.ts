/** A thread that helps with a breadth-first search. Started by `team.ts`. */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { SystemSource, TransitionSystem } from "../system.ts";
import { Control, STOP_FAILED } from "./control.ts";
import type { DiscoveryBuffers } from "./discovery.ts";
import { Discovery } from "./discovery.ts";
import type { LevelOptions } from "./level-worker.ts";
import { LevelWorker } from "./level-worker.ts";
import { SharedFingerprintSet } from "./shared-set.ts";

export interface HelperTask {
  readonly source: SystemSource;
  readonly me: number;
  readonly workers: number;
  readonly control: SharedArrayBuffer;
  readonly table: SharedArrayBuffer;
  /** Of every worker, in order; worker 0 is the thread that called. */
  readonly discoveries: readonly DiscoveryBuffers[];
  readonly options: LevelOptions;
}

/** Where the search is when the helpers join it. */
export interface Joining {
  readonly level: number;
  readonly before: number;
}

const task = workerData as HelperTask;
const control = new Control(task.control, task.workers, task.me);
try {
  const module = (await import(task.source.module)) as { instantiate(data: unknown): TransitionSystem };
  const system = module.instantiate(task.source.data);
  const discoveries = task.discoveries.map((buffers) => new Discovery(system.stateWords, buffers));
  const worker = new LevelWorker(system, task.options, new SharedFingerprintSet(task.table, control), control, discoveries);
  const joining = once(parentPort!, "message");
  control.ready();
  const [{ level, before }] = (await joining) as [Joining];
  worker.join(level, before);
  while (worker.advance());
  parentPort!.postMessage(worker.report());
} catch (error) {
  control.stop(STOP_FAILED);
  control.leave();
  throw error;
}
