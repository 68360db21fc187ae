/**
 * A thread that ends code of the user's which never ends by itself: the main thread is then deaf to timers and signals.
 * It says first which code that is. Whoever waits for that code hears nothing of it any more, and must look at `hasStruck`.
 */
import { Worker } from "node:worker_threads";

/** Words of the memory shared with the thread: what it does (below), and how many milliseconds are left for it. */
const STATE = 0;
const MILLISECONDS = 1;
/** Nothing of the user's runs; something does; it was ended. */
const IDLE = 0;
const WATCHING = 1;
const STRUCK = 2;

/** Milliseconds that a blocked thread has to let itself be ended, before its process is. */
const PATIENCE_MS = 5000;
const INTERVAL_MS = 20;

const THREAD = `
const { workerData: { memory, patience, interval } } = require("node:worker_threads");
const { Session } = require("node:inspector");
const words = new Int32Array(memory);
for (;;) {
  Atomics.wait(words, ${STATE}, ${IDLE});
  let ended = Atomics.wait(words, ${STATE}, ${WATCHING}, Atomics.load(words, ${MILLISECONDS}));
  if (ended !== "timed-out" || Atomics.compareExchange(words, ${STATE}, ${WATCHING}, ${STRUCK}) !== ${WATCHING}) continue;
  const session = new Session();
  session.connectToMainThread();
  // More than once: of promises without end, each time only the one that runs is ended.
  let end = Date.now() + patience;
  do {
    session.post("Runtime.terminateExecution");
    ended = Atomics.wait(words, ${STATE}, ${STRUCK}, interval);
  } while (ended === "timed-out" && Date.now() < end);
  if (ended === "timed-out") process.kill(process.pid, "SIGKILL");
  session.disconnect();
}`;

let shared: Int32Array<SharedArrayBuffer> | null = null;

/** From now on the main thread has so many milliseconds until \`relax\`. Without a thread (in a test) nothing is watched. */
export function watch(milliseconds: number): void {
  if (shared === null) {
    shared = new Int32Array(new SharedArrayBuffer(8));
    const thread = new Worker(THREAD, {
      eval: true,
      workerData: { memory: shared.buffer, patience: PATIENCE_MS, interval: INTERVAL_MS },
      stdout: true,
      stderr: true,
    });
    thread.on("error", () => {});
    thread.unref();
  }
  Atomics.store(shared, MILLISECONDS, milliseconds);
  Atomics.store(shared, STATE, WATCHING);
  Atomics.notify(shared, STATE);
}

/** The user's code has ended, or was given up. */
export function relax(): void {
  if (shared === null) return;
  Atomics.store(shared, STATE, IDLE);
  Atomics.notify(shared, STATE);
}
