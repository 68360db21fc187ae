/** A thread that helps with breadth-first searches, one after the other. Started by `team.ts`. */
import { parentPort } from "node:worker_threads";
import type { SystemSource, TransitionSystem } from "../../system.ts";
import { Control, STOP_FAILED } from "./control.ts";
import type { DiscoveryBuffers } from "./discovery.ts";
import { Discovery } from "./discovery.ts";
import { recordWords } from "../expand.ts";
import { SharedMemories, WorkerMemories, type PostedMemories } from "../lowered/memories.ts";
import type { LoweredSearch } from "../lowered/module.ts";
import type { LevelOptions } from "./level-worker.ts";
import { LevelWorker } from "./level-worker.ts";
import { makeHashing } from "../store/fingerprint.ts";
import { Moves } from "../store/moves.ts";
import { releaseMemory } from "../store/release.ts";
import { GraphLog } from "../traps/graph-log.ts";
import { SharedFingerprintSet } from "../store/shared-set.ts";

/** The first message of a search. */
export interface HelperTask {
  readonly source: SystemSource;
  readonly me: number;
  readonly workers: number;
  readonly control: SharedArrayBuffer;
  /** Of the `Moves` of the table; null: nobody wants to know. */
  readonly moves: SharedArrayBuffer | null;
  /** Of a search in JavaScript, or of one in WebAssembly. */
  readonly memory: InJavaScript | InWebAssembly;
  readonly options: LevelOptions;
}
interface InJavaScript {
  readonly table: SharedArrayBuffer;
  /** Of every worker, in order; worker 0 is the thread that called. */
  readonly discoveries: readonly PostedBuffers[];
}
interface InWebAssembly {
  readonly search: LoweredSearch;
  readonly memories: PostedMemories;
}

/** `DiscoveryBuffers` that can be posted. */
export type PostedBuffers = Readonly<Record<keyof DiscoveryBuffers, SharedArrayBuffer>>;

/** The second message: where the search is when the helpers join it; null when it has ended before that. */
export type Joining = { readonly level: number; readonly before: number } | null;

const messages: unknown[] = [];
let wake = (): void => undefined;
parentPort!.on("message", (message) => {
  messages.push(message);
  wake();
});
async function nextMessage(): Promise<unknown> {
  while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve));
  return messages.shift();
}

/** Takes part in one search and reports. */
async function help(task: HelperTask): Promise<void> {
  const control = new Control(task.control, task.workers, task.me);
  try {
    const module = (await import(task.source.module)) as { instantiate(data: unknown): TransitionSystem };
    const system = module.instantiate(task.source.data);
    const { options, memory, me } = task;
    const shared = "search" in memory ? new SharedMemories(memory.memories, memory.search.pagesMax) : memory;
    const discoveries = shared.discoveries.map((buffers) => new Discovery(recordWords(system), buffers));
    const hashing = makeHashing(system.stateWords, options.fingerprintBits, options.seed);
    const visited = new SharedFingerprintSet(shared.table, control, task.moves === null ? null : new Moves(task.moves));
    const lowered = shared instanceof SharedMemories && "search" in memory
      ? { search: memory.search, memories: new WorkerMemories(memory.search, shared, me) } : null;
    const worker = new LevelWorker({ system, options, hashing, visited, control, discoveries, lowered });
    control.ready();
    const joining = (await nextMessage()) as Joining;
    if (joining !== null) {
      worker.join(joining.level, joining.before);
      while (worker.advance());
    }
    const report = worker.report();
    parentPort!.postMessage(report, report.graph === null ? [] : GraphLog.buffers(report.graph));
  } catch (error) {
    control.stop(STOP_FAILED);
    control.gate.leave();
    throw error;
  }
}

for (;;) {
  const task = (await nextMessage()) as HelperTask;
  const { memory } = task;
  await help(task);
  releaseMemory("search" in memory ? memory.memories.table.buffer.byteLength : memory.table.byteLength);
}
