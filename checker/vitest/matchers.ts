/** Matchers for `expect.extend()`. They check a scenario in the test's own process; a failure shows the trace. */
import type {} from "vitest";
import { checkScenario } from "../check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type Checked } from "../check/options.ts";
import { renderTrace } from "../report/counterexample.ts";
import { verdictInWords } from "../report/summary.ts";
import { isScenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";

export interface MatcherOptions {
  /** Seconds after which the search is INCOMPLETE, which is a failure. Default: none; Vitest's own `testTimeout` cannot stop it. */
  readonly seconds?: number;
  /** States after which it is. Default: none. */
  readonly maxStates?: number;
  /** Hold every block to the sanitizers as well. Default: where the scenario asks for it. */
  readonly sanitize?: boolean;
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

const WIDTH = 100;

/** Passes if the scenario's verdict is "holds", whatever it expects. Throws where that is not known, with `not` as well. */
export async function toHold(received: unknown, options: MatcherOptions = {}): Promise<MatcherResult> {
  const checked = await check(received, options, "toHold");
  const { verdict, scenario } = checked.result;
  return { pass: verdict === "holds", message: () => (verdict === "holds" ? `${scenario} holds, and should not` : inWords(checked)) };
}

/** Passes if the scenario's verdict is the one that it expects, pinned counts included. */
export async function toBeAsExpected(received: unknown, options: MatcherOptions = {}): Promise<MatcherResult> {
  const checked = await check(received, options, "toBeAsExpected");
  const { asExpected, scenario, expected } = checked.result;
  return { pass: asExpected, message: () => (asExpected ? `${scenario}: ${expected}, as expected` : inWords(checked)) };
}

/** Throws a UsageError for what is no scenario, or could not be checked to its end: of that neither yes nor no is true. */
async function check(received: unknown, { seconds, maxStates, sanitize }: MatcherOptions, matcher: string): Promise<Checked> {
  if (!isScenario(received)) throw new UsageError(`${matcher}() is asked of a scenario, as scenario({ ... }) gives it`);
  const checked = await checkScenario(received, {
    ...DEFAULT_CHECK_OPTIONS, seconds: seconds ?? null, maxStates: maxStates ?? null, sanitize: sanitize === true ? "all" : "asked",
  }, 1);
  const { verdict, reason, scenario } = checked.result;
  if (verdict === "incomplete" || verdict === "error") throw new UsageError(`${scenario}: ${verdict}: ${reason ?? "no reason is known"}`);
  return checked;
}

function inWords({ result, replayed }: Checked): string {
  const { scenario, expected, reason } = result;
  const head = `${scenario} ${verdictInWords(result)}; it expects: ${expected}${reason === null ? "" : `; ${reason}`}`;
  if (replayed === null) return head;
  return `${head}\n\n${renderTrace(replayed, { width: WIDTH, color: false, full: false, replayCommand: "" }).trimEnd()}`;
}

// The parameters have to be named as Vitest names them.
declare module "vitest" {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    toHold(options?: T extends never ? never : MatcherOptions): R extends never ? never : Promise<void>;
    toBeAsExpected(options?: T extends never ? never : MatcherOptions): R extends never ? never : Promise<void>;
  }
}
