/** A process that does not outlive the one that started it, however that one ended and whatever this one is busy with. */
import { Worker } from "node:worker_threads";

/** Milliseconds between two looks at who the parent is: it changes when the parent is gone. */
const INTERVAL_MS = 500;

/** While the main thread computes it hears nothing; this thread does. */
const THREAD = `
const parent = process.ppid;
const word = new Int32Array(new SharedArrayBuffer(4));
while (process.ppid === parent) Atomics.wait(word, 0, 0, ${INTERVAL_MS});
process.kill(process.pid, "SIGKILL");`;

/** Call first: from then on the process ends with its parent. */
export function endWithParent(): void {
  const exit = process.exit.bind(process);
  process.on("disconnect", () => { exit(); });
  // It may be gone before this line.
  if (!process.connected) exit();
  const thread = new Worker(THREAD, { eval: true });
  thread.on("error", () => {});
  thread.unref();
}
