/**
 * Code of the user's that is run for what it gives: a module that is imported, a function of the configuration. It has a
 * deadline, must not end the process, and whatever it throws becomes one sentence with its name.
 */
import { errorSentence, isError, thrownInWords } from "../error-sentence.ts";
import { UsageError } from "../usage-error.ts";
import { relax, watch } from "./watchdog.ts";

const SECONDS_DEFAULT = 30;

/** Seconds that a module may take to load: THPCHECK_LOAD_SECONDS, or 30. */
function secondsAllowed(): number {
  const given = Number(process.env["THPCHECK_LOAD_SECONDS"] ?? SECONDS_DEFAULT);
  return given > 0 && given <= 86_400 ? given : SECONDS_DEFAULT;
}

class ProcessEnd extends Error {}

/** The fault is theirs, also where no line of theirs is in the stack: what a value does that they give is done in ours. */
function sentenceOf(e: unknown): string {
  const said = errorSentence(e);
  return said.startsWith("[thpcheck internal]") ? thrownInWords(e) : said;
}

/** Pieces of the user's code that are running: there, \`process.exit\` is an error. */
let running = 0;
const exit = process.exit.bind(process);

/**
 * Runs it. `whose`: the beginning of the sentence for what goes wrong, such as `racy.ts cannot be loaded`. Throws a
 * UsageError with that sentence; one that the code itself throws is passed on.
 */
export async function runUserCode<T>(whose: string, code: () => T | Promise<T>): Promise<T> {
  const seconds = secondsAllowed();
  const { promise: stuck, reject } = Promise.withResolvers<never>();
  stuck.catch(() => {});
  let started = performance.now();
  const tooLong = (): boolean => performance.now() - started >= seconds * 1000;
  const late = (): void => {
    reject(new Error(`it has not ended after ${seconds} s; a loop in it does not end, or it waits for something that does not happen ` +
      "(THPCHECK_LOAD_SECONDS allows it more)"));
  };
  // Nothing is left to do, and the code has not ended: nothing will ever finish what it awaits, or the watchdog has ended it.
  const idle = (): void => {
    if (tooLong()) late();
    else reject(new Error("it never finishes loading; an await in it waits for something that does not happen"));
  };
  process.on("beforeExit", idle);
  const timer = setTimeout(late, seconds * 1000);
  timer.unref();
  if (running++ === 0) {
    process.exit = () => { throw new ProcessEnd("it ends the process (process.exit); leave that out"); };
    watch((seconds + 1) * 1000);
  }
  started = performance.now();
  try {
    const given = await Promise.race([Promise.resolve().then(code), stuck]);
    // Promises that it goes on with for ever let nothing else of the process run: then this, too, is never reached.
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), stuck]);
    return given;
  } catch (e) {
    if (isError(e) && e instanceof UsageError) throw e;
    throw new UsageError(`${whose}: ${isError(e) && e instanceof ProcessEnd ? e.message : sentenceOf(e)}`);
  } finally {
    clearTimeout(timer);
    process.off("beforeExit", idle);
    if (--running === 0) {
      relax();
      process.exit = exit;
    }
  }
}
