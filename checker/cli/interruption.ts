/** Ctrl-C and `kill`: a command that watches for them ends with the results it has, any other ends at once. */

const EXIT_INTERRUPTED = 130;

/** A second signal sooner than this is the same one, which reached us on two ways (the terminal and a parent process). */
const SAME_SIGNAL_MS = 250;

let askedAt: number | null = null;
let isPolled = false;
let isListening = false;
const watchers = new Set<() => void>();

/**
 * Whether the person has asked this process to end (SIGINT, SIGTERM). Who calls it promises to call it again, every second or
 * so, and to end with what there is once it says yes; until the first call a signal ends the process.
 */
export function isInterrupted(): boolean {
  isPolled = true;
  return askedAt !== null;
}

/**
 * Calls `stop` at the first signal, at once if that has come already, until the function that it returns is called: whoever
 * asks for it ends the run by itself.
 */
export function onInterruption(stop: () => void): () => void {
  listenForInterruption();
  watchers.add(stop);
  if (askedAt !== null) stop();
  return () => { watchers.delete(stop); };
}

/** Listens for both signals until the process ends. The first one asks, a second ends the process at once. */
export function listenForInterruption(): void {
  if (isListening) return;
  isListening = true;
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => { onSignal(signal); });
}

function onSignal(signal: NodeJS.Signals): void {
  const now = performance.now();
  if (askedAt !== null && now - askedAt <= SAME_SIGNAL_MS) return;
  const isKept = isPolled || watchers.size > 0;
  if (askedAt !== null || !isKept) {
    process.stderr.write(`\nthpcheck: ${signal}: ended${isKept ? "" : "; this command prints its results when it has them all"}\n`);
    process.exit(EXIT_INTERRUPTED);
  }
  askedAt = now;
  process.stderr.write(`\nthpcheck: ${signal}: ending with the results so far; once more ends it at once\n`);
  for (const stop of watchers) stop();
}
