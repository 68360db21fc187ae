/**
 * Runs functional tests of the kernel and its scenarios with counters, and adds up what they reached: first those that
 * reach most for their price (`order.ts`), then, as long as the caller needs more, the others.
 *
 * What was not run can only make code look less reached than it is, so to stop early hides nothing. A run that is counted
 * twice does no harm.
 */
import { onInterruption } from "../../checker/cli/interruption.ts";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { measureTests, testFiles, type TestRun } from "./functional-tests.ts";
import { FIRST_SCENARIOS, FIRST_TESTS } from "./order.ts";
import { mergeBlocks, type Recorded } from "./recorded.ts";
import { runScenario, scenariosOf, sufficient, type ScenarioRun } from "./scenarios.ts";

export interface MeasureOptions {
  readonly tier: Tier;
  /** Whether what has been reached so far answers the question; false to run everything there is. */
  readonly enough: (soFar: Recorded) => boolean;
  /** Gets a line for each part that begins. */
  readonly say: (line: string) => void;
}

export interface Measured extends Recorded {
  /** Sentences about what went wrong: a scenario that is not as expected, tests that fail. */
  readonly complaints: readonly string[];
  /** Files of tests, and scenarios, that were run, in order. */
  readonly ran: readonly string[];
  /** Those that were not needed. */
  readonly left: number;
  /** Of the scenarios that were run, enough to reach what the first tests do not, but for what needs other tests. */
  readonly sufficient: readonly string[];
}

/** Until it is enough. Throws a UsageError when the person interrupts it: half of it would look like lines that nothing reaches. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const interruption = new AbortController();
  const release = onInterruption(() => { interruption.abort(); });
  try {
    return await measureAll(options, interruption.signal);
  } finally {
    release();
  }
}

async function measureAll({ tier, enough, say }: MeasureOptions, signal: AbortSignal): Promise<Measured> {
  const { scenarios, failures } = await scenariosOf(tier);
  const measured = await measureUntil(enough, {
    files: divide(testFiles(), FIRST_TESTS, (file) => file),
    scenarios: divide(scenarios, FIRST_SCENARIOS, (s) => s.scenario.name),
    runTests: async (files) => {
      say(`functional tests: ${files.length} files`);
      const run = await measureTests(files, signal);
      stopIfInterrupted(signal);
      return run;
    },
    runScenario: async (loaded) => {
      say(`scenario ${loaded.scenario.name}`);
      const run = await runScenario(loaded, signal);
      // Signals arrive between turns of the event loop, of which a small scenario takes none.
      await new Promise((resolve) => setImmediate(resolve));
      stopIfInterrupted(signal);
      return run;
    },
  });
  return { ...measured, complaints: [...failures, ...measured.complaints] };
}

/** What can be run: what comes first, and the others. */
export interface Sources<S> {
  readonly files: readonly [first: readonly string[], others: readonly string[]];
  readonly scenarios: readonly [first: readonly S[], others: readonly S[]];
  readonly runTests: (files: readonly string[]) => Promise<TestRun>;
  readonly runScenario: (scenario: S) => Promise<ScenarioRun>;
}

/** Runs the first tests and scenarios, then the others, and stops as soon as what they reached is `enough`. */
export async function measureUntil<S>(enough: (soFar: Recorded) => boolean, { files, scenarios, runTests, runScenario }: Sources<S>): Promise<Measured> {
  const tests: TestRun[] = [];
  const runs: ScenarioRun[] = [];
  const ran: string[] = [];
  let soFar: Recorded = { blocks: [], scanResults: [] };
  const add = (run: Recorded): void => { soFar = { blocks: mergeBlocks([soFar.blocks, run.blocks]), scanResults: [...soFar.scanResults, ...run.scanResults] }; };
  for (const round of [0, 1] as const) {
    if (files[round].length > 0 && !enough(soFar)) {
      tests.push(await runTests(files[round]));
      add(tests.at(-1)!);
      ran.push(...files[round]);
    }
    for (const scenario of scenarios[round]) {
      if (enough(soFar)) break;
      runs.push(await runScenario(scenario));
      add(runs.at(-1)!);
      ran.push(runs.at(-1)!.name);
    }
  }
  return {
    ...soFar,
    complaints: [...tests.flatMap((t) => t.complaints), ...runs.flatMap((r) => r.complaint ?? [])],
    ran, left: files.flat().length + scenarios.flat().length - ran.length, sufficient: sufficient(tests[0] ?? { blocks: [], scanResults: [] }, runs),
  };
}

/** Those that `first` names, in its order, and the others in theirs. */
export function divide<T>(all: readonly T[], first: readonly string[], nameOf: (x: T) => string): [first: T[], others: T[]] {
  return [first.flatMap((name) => all.filter((x) => nameOf(x) === name)), all.filter((x) => !first.includes(nameOf(x)))];
}

function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new UsageError("interrupted; nothing was compared");
}
