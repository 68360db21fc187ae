/** What the commands need of the process they run in, so that tests can run them without one. */
import { availableParallelism } from "node:os";
import picocolors from "picocolors";
import type { Engine } from "../check/options.ts";
import type { Output, Paint } from "../report/output.ts";

export const EXIT_AS_EXPECTED = 0;
export const EXIT_NOT_AS_EXPECTED = 1;
export const EXIT_USAGE = 2;
export const EXIT_INCOMPLETE = 3;

export interface Host {
  readonly out: Output;
  readonly err: Output;
  readonly color: boolean;
  readonly paint: Paint;
  readonly folder: string;
  readonly cores: number;
  /** The compiler and explorer to use in place of the default ones. */
  readonly engine?: Engine;
  /** Whether the person has asked to stop (Ctrl-C). */
  interrupted(): boolean;
}

/** A second Ctrl-C sooner than this is the same one, which reached us on two ways (the terminal and a parent process). */
const SAME_SIGNAL_MS = 250;

/** The real process. The first SIGINT or SIGTERM asks the run to end with what it has, the second ends it at once. */
export function processHost(): Host {
  let askedAt: number | null = null;
  const ask = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (askedAt === null) {
      askedAt = now;
      process.stderr.write(`\nthpcheck: ${signal}: ending with the results so far; once more ends it at once\n`);
    } else if (now - askedAt > SAME_SIGNAL_MS) process.exit(130);
  };
  process.on("SIGINT", ask);
  process.on("SIGTERM", ask);
  // `thpcheck check | head` closes our output: the run goes on, for its exit code and --out.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (e: NodeJS.ErrnoException) => {
      if (e.code !== "EPIPE") throw e;
    });
  }
  const color = picocolors.isColorSupported && (process.stdout.isTTY || process.env["FORCE_COLOR"] !== undefined);
  return {
    out: process.stdout, err: process.stderr, color, paint: picocolors.createColors(color),
    folder: process.cwd(), cores: availableParallelism(), interrupted: () => askedAt !== null,
  };
}
