/** What the commands need of the process they run in, so that tests can run them without one. */
import { availableParallelism } from "node:os";
import picocolors from "picocolors";
import type { Engine } from "../check/options.ts";
import { errorSentence, isError, placeOf, thrownInWords } from "../error-sentence.ts";
import type { Output, Paint } from "../report/output.ts";
import { isInterrupted, listenForInterruption } from "./interruption.ts";

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

/** The real process. */
export function processHost(): Host {
  listenForInterruption();
  const color = picocolors.isColorSupported && (process.stdout.isTTY || process.env["FORCE_COLOR"] !== undefined);
  return {
    out: process.stdout, err: process.stderr, color, paint: picocolors.createColors(color),
    folder: process.cwd(), cores: availableParallelism(), interrupted: isInterrupted,
  };
}

/** What went wrong in this process beside the command itself. */
export interface Mishaps {
  /** How many there were: none of them may end as a success. */
  count(): number;
  /** The command has ended: whoever ends the process from now on may. */
  finished(): void;
}

/**
 * Looks after the process: what is thrown where nobody waits for it is said in one sentence, output that cannot be written is
 * said once, and a process that ends before its work is done does not end with success.
 */
export function watchProcess(): Mishaps {
  let count = 0;
  let isFinished = false;
  const say = (text: string): void => {
    count++;
    process.stderr.write(`thpcheck: ${text}\n`);
  };
  const thrown = (e: unknown): void => {
    // The fault is ours where no line of the user's has to do with it: then nothing that follows can be trusted.
    if (placeOf(e) !== null || !isError(e)) say(`outside of any scenario: ${errorSentence(e)}${placed(e)}`);
    else {
      process.stderr.write(internalError(e));
      process.exit(EXIT_USAGE);
    }
  };
  process.on("uncaughtException", thrown);
  process.on("unhandledRejection", thrown);
  const refused = new Set<object>();
  for (const [name, stream] of [["standard output", process.stdout], ["standard error", process.stderr]] as const) {
    stream.on("error", (e: NodeJS.ErrnoException) => {
      // `thpcheck check | head` closes our output: the run goes on, for its exit code and --out.
      if (e.code === "EPIPE" || refused.has(stream)) return;
      refused.add(stream);
      say(`the ${name} cannot be written (${e.code ?? e.message})`);
    });
  }
  process.on("exit", (code) => {
    if (isFinished || code !== EXIT_AS_EXPECTED) return;
    process.stderr.write("thpcheck: a module of yours ended the process (process.exit) before the work was done\n");
    process.exitCode = EXIT_USAGE;
  });
  return { count: () => count, finished: () => { isFinished = true; } };
}

const placed = (e: unknown): string => {
  const place = placeOf(e);
  return place === null || errorSentence(e).includes(place) ? "" : ` (${place})`;
};

/** What is said of an error that no line of the user's has to do with. */
export function internalError(e: unknown): string {
  const what = isError(e) ? e.stack : thrownInWords(e);
  return `[thpcheck internal] this is a fault of thpcheck, not of your scenario; please report it\n${what}\n`;
}
