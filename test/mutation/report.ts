/** `thpcheck mutate`: what came of the sample, as a table and as JSON. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { onInterruption } from "../../checker/cli/interruption.ts";
import { table } from "../../checker/report/summary.ts";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { Reach } from "./blocks.ts";
import { EQUIVALENT } from "./equivalent.ts";
import { EXCLUDED } from "./excluded.ts";
import { refuseStale } from "./explained.ts";
import { allMutants } from "./generate.ts";
import { Journal } from "./journal.ts";
import { diffOf, OPERATORS, type Mutant, type OperatorName } from "./mutant.ts";
import { measureScenarios, worldHash } from "./reach.ts";
import { trySample, type Tried } from "./run.ts";
import { quotas, ranked } from "./sample.ts";
import { judge, type Judged } from "./score.ts";
import { SURVIVORS } from "./survivors.ts";
import { Laboratory, tryMutant, type Trial } from "./try-mutant.ts";
import type { Measured } from "./worker.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface MutateFlags {
  readonly seed: number;
  readonly sample: number;
  readonly threshold: number;
  readonly tier: Tier;
  readonly budget: number;
  readonly jobs: number;
  readonly cache: string;
  readonly show?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** Runs the command and sets the exit code: 0 if the score is reached and every survivor has its explanation. */
export async function runMutate(ids: readonly string[], flags: MutateFlags): Promise<void> {
  const all = allMutants(ROOT);
  if (flags.show !== undefined) {
    process.stdout.write(diffOf(byId(all, flags.show)));
    return;
  }
  refuseStale([...EQUIVALENT, ...SURVIVORS], all);
  const ranks = ids.length === 0 ? ranked(all, flags.seed) : byOperator(ids.map((id) => byId(all, id)));
  const wanted = ids.length === 0 ? quotas(flags.sample) : new Map([...ranks].map(([operator, mutants]) => [operator, mutants.length]));
  if (flags.list === true) {
    for (const [operator, n] of wanted) for (const m of ranks.get(operator)!.slice(0, n)) process.stdout.write(`${line(m)}\n`);
    return;
  }
  const { tried, scenarios, interrupted } = await run(ranks, wanted, flags);
  const judged = judge(tried, EQUIVALENT, SURVIVORS);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(asJson(judged, tried, all, flags), null, 2)}\n`);
  else process.stdout.write(`${render(judged, tried, all, scenarios, flags)}\n`);
  if (interrupted) {
    process.stderr.write(`interrupted; what was tried is kept in ${flags.cache}, and the same command goes on from there\n`);
    process.exitCode = 130;
  } else if (ids.length === 0 && (judged.score === null || judged.score < flags.threshold || judged.unexplained.length > 0 || judged.wrong.length > 0)) process.exitCode = 1;
}

function byId(all: readonly Mutant[], id: string): Mutant {
  const found = all.find((m) => m.id === id);
  if (found === undefined) throw new UsageError(`there is no mutant ${id} of the kernel as it is now; "npx thpcheck mutate --list" prints those of the sample`);
  return found;
}

function byOperator(mutants: readonly Mutant[]): ReadonlyMap<OperatorName, readonly Mutant[]> {
  return new Map(OPERATORS.map((o) => [o, mutants.filter((m) => m.operator === o)]));
}

async function run(ranks: ReadonlyMap<OperatorName, readonly Mutant[]>, wanted: ReadonlyMap<OperatorName, number>, flags: MutateFlags): Promise<{ tried: Tried[]; scenarios: readonly Measured[]; interrupted: boolean }> {
  const interruption = new AbortController();
  const release = onInterruption(() => { interruption.abort(); });
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  try {
    mkdirSync(flags.cache, { recursive: true });
    const scenarios = await measureScenarios(ROOT, flags.tier, join(flags.cache, `reach-${flags.tier}.json`), flags.jobs, say, interruption.signal);
    if (interruption.signal.aborted) return { tried: [], scenarios, interrupted: true };
    const reach = new Reach(scenarios.filter((s) => s.unusable === null));
    const journal = new Journal(join(flags.cache, "trials.jsonl"), `${worldHash(ROOT)} ${flags.tier} ${flags.budget}`);
    const laboratories = Array.from({ length: flags.jobs }, () => new Laboratory(ROOT));
    const end = (): void => { for (const l of laboratories) l.end(); };
    interruption.signal.addEventListener("abort", end, { once: true });
    const attempt = async (mutant: Mutant, runner: number): Promise<Trial | null> => {
      if (interruption.signal.aborted) return null;
      const trial = await tryMutant(mutant, reach.of(mutant), flags.budget, laboratories[runner]!.begin(mutant));
      return interruption.signal.aborted ? null : trial;
    };
    const tried = await trySample(ranks, wanted, flags.jobs, attempt, journal, ({ mutant, trial }) => { say(`${trial.verdict.padEnd(8)} ${line(mutant)}${trial.promise === null ? "" : `  [${trial.promise}: ${trial.scenario}]`}`); });
    end();
    return { tried, scenarios, interrupted: interruption.signal.aborted };
  } finally {
    release();
  }
}

const line = (m: Mutant): string => `${m.id} ${m.operator.padEnd(15)} ${m.file}:${m.line} ${m.routine}: ${m.summary}`;

function render(judged: Judged, tried: readonly Tried[], all: readonly Mutant[], scenarios: readonly Measured[], flags: MutateFlags): string {
  const color = (text: string, row: number): string => (row === 0 ? pc.bold(text) : text);
  const rows = judged.rows.map((r) => [r.operator, String(all.filter((m) => m.operator === r.operator).length), String(r.killed), String(r.survived), String(r.equivalent), String(r.invalid), r.score === null ? "-" : `${r.score.toFixed(1)}%`]);
  const out = [table([["operator", "in impl/", "killed", "survived", "equivalent", "invalid", "score"], ...rows], [false, true, true, true, true, true, true], color)];
  const list = (title: string, entries: readonly { readonly tried: Tried; readonly why: string }[]): void => {
    if (entries.length === 0) return;
    out.push("", pc.bold(title));
    for (const { tried: { mutant, trial }, why } of entries) out.push(`  ${line(mutant)}`, `    ${why}`, pc.dim(`    ${trial.possible === 0 ? "no scenario reaches it" : `${trial.tried} of ${trial.possible} explorations${trial.unfinished > 0 ? `, ${trial.unfinished} of them unfinished (${trial.message})` : ""}`}`));
  };
  list("survivors", judged.survivors.map((s) => ({ tried: s.tried, why: s.why ?? pc.red("no explanation in test/mutation/survivors.ts") })));
  list("equivalent", judged.equivalents.map((s) => ({ tried: s.tried, why: s.why ?? "" })));
  if (judged.wrong.length > 0) out.push("", pc.red("explained as alive, and killed: take the explanation out"), ...judged.wrong.map(({ mutant, trial }) => `  ${line(mutant)}\n    ${trial.promise}: ${trial.scenario}`));
  const range = tried.filter((t) => t.trial.promise === "range").length;
  const unusable = scenarios.filter((s) => s.unusable !== null);
  const cpu = tried.reduce((n, t) => n + t.trial.cpuSeconds, 0);
  out.push(
    "",
    `${judged.killed} of ${judged.killed + judged.survivors.length} mutants killed that are not equivalent: ${judged.score === null ? "no score" : `${judged.score.toFixed(1)}%`} (asked for: ${flags.threshold}%); ${judged.equivalents.length} equivalent, ${judged.invalid} did not compile`,
    `${range} of the killed ${range === 1 ? "is" : "are"} seen only by a value that leaves its range`,
    `seed ${flags.seed}; ${scenarios.length - unusable.length} scenarios of tier ${flags.tier} and of the bugs${unusable.length > 0 ? `, ${unusable.length} left out (too large, or not as expected)` : ""}; ${(cpu / Math.max(1, tried.length)).toFixed(1)} s of processor time a mutant`,
    `not mutated: ${EXCLUDED.map((e) => (e.routine === undefined ? e.path : `${e.routine}()`)).join(", ")} (test/mutation/excluded.ts says why)`,
  );
  return out.join("\n");
}

function asJson(judged: Judged, tried: readonly Tried[], all: readonly Mutant[], flags: MutateFlags): unknown {
  const named = (id: string): string | null => [...judged.survivors, ...judged.equivalents].find((s) => s.tried.mutant.id === id)?.why ?? null;
  const equivalent = new Set(judged.equivalents.map((e) => e.tried.mutant.id));
  return {
    seed: flags.seed, tier: flags.tier, mutantsInAll: all.length, score: judged.score, threshold: flags.threshold,
    operators: judged.rows,
    mutants: tried.map(({ mutant: { id, operator, file, line: at, routine, summary }, trial }) => ({ operator, file, line: at, routine, change: summary, ...trial, verdict: equivalent.has(id) ? "equivalent" : trial.verdict, why: named(id) })),
    wrong: judged.wrong.map((t) => t.mutant.id), unexplained: judged.unexplained.map((t) => t.mutant.id),
  };
}
