/** `thpcheck force TRACE`: one run of the checker on real kernels, and what they say to it. */
import { existsSync } from "node:fs";
import picomatch from "picomatch";
import { isInterrupted } from "../../../checker/cli/interruption.ts";
import { TRACE_STRING_PREFIX } from "../../../checker/trace/codec.ts";
import { UsageError } from "../../../checker/usage-error.ts";
import { whyNoGuests } from "../../conformance/guest/qemu.ts";
import { kernelsFor, NotFetched, refuseUnknownKernel, type KernelImage } from "../../conformance/guest/store.ts";
import { stepToText } from "../../conformance/program.ts";
import type { ForceFlags } from "../flags.ts";
import { bootHost, guestLost, on, type Host } from "../host.ts";
import { outcomeInWords } from "../outcome.ts";
import { becameInWords, scheduleInWords, SIDES } from "../schedule.ts";
import { keepRun } from "./recorded-runs.ts";
import { NotForceable, type Run } from "./run.ts";
import { askedRun, forceRun, namedRun, realOf } from "./traced.ts";
import { TRACES, type NamedRun } from "./traces.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const EXIT_REFUTED = 1;
const EXIT_NOT_REALISED = 3;

/** A trace is meant, and no pair: pairs are no files, and have no dots. */
export function isTraced(patterns: readonly string[], { witness, scenario, from, traces }: ForceFlags): boolean {
  if (witness !== undefined || scenario !== undefined || from !== undefined || traces === true) return true;
  return patterns.some((p) => p.startsWith(TRACE_STRING_PREFIX) || p.endsWith(".json") || existsSync(p));
}

/** A run that is asked for, and how it is kept. */
interface Wanted {
  readonly run: Run;
  readonly named: NamedRun | null;
}

/** Confirmed: exit code 0. Throws a UsageError for what is no trace, and for what is asked of pairs. */
export async function runTraced(given: readonly string[], flags: ForceFlags): Promise<void> {
  refuseOthers(given, flags);
  const wanted = flags.traces === true ? await listed(given) : await single(given[0]!, flags);
  if (wanted.length === 0) return;
  const why = whyNoGuests();
  if (why !== null) {
    say(`SKIP: ${why}; nothing is forced`);
    return;
  }
  try {
    for (const image of await kernelsFor(flags.kernel!, { modules: false, said: say })) {
      if (!isInterrupted()) await onKernel(image, wanted, flags);
    }
  } catch (e) {
    if (!(e instanceof NotFetched)) throw e;
    say(`SKIP: ${e.message}`);
  }
}

function refuseOthers(given: readonly string[], flags: ForceFlags): void {
  const pairsOnly = (["schedule", "anchors", "recorded"] as const).find((name) => flags[name] !== undefined);
  if (pairsOnly !== undefined) throw new UsageError(`--${pairsOnly} is about pairs, not about a trace`);
  if (flags.traces === true) {
    const other = (["witness", "scenario", "from"] as const).find((name) => flags[name] !== undefined);
    if (other !== undefined) throw new UsageError(`--${other} is about one trace, and --traces about all of test/force/traced/traces.ts`);
  } else {
    if (flags.record !== undefined) throw new UsageError("--record is about pairs and --traces, not about one trace");
    if (given.length === 0) throw new UsageError("name the trace, or with --witness the scenario");
    if (given.length > 1) throw new UsageError(`one trace at a time: ${given.join(" ")}`);
    if (flags.witness !== undefined && flags.scenario !== undefined) {
      throw new UsageError("--scenario is about a file of results, not about --witness");
    }
  }
  if (flags.kernel === undefined) throw new UsageError("a trace is forced on a kernel: add --kernel 7.3.4");
  refuseUnknownKernel(flags.kernel);
}

async function single(trace: string, { witness, scenario, from }: ForceFlags): Promise<readonly Wanted[]> {
  try {
    return [{ run: await askedRun({ trace, witness, scenario, from }, process.cwd()), named: null }];
  } catch (e) {
    if (!(e instanceof NotForceable)) throw e;
    say(`NOT FORCEABLE: ${e.message}`);
    process.exitCode = EXIT_NOT_REALISED;
    return [];
  }
}

async function listed(patterns: readonly string[]): Promise<readonly Wanted[]> {
  const isMeant = picomatch(patterns.length === 0 ? "*" : [...patterns]);
  const named = TRACES.filter(({ scenario }) => isMeant(scenario));
  if (named.length === 0) {
    const there = [...new Set(TRACES.map((t) => t.scenario))].join(", ");
    throw new UsageError(`no trace is of a scenario ${patterns.join(" or ")}: they are of ${there}`);
  }
  const wanted: Wanted[] = [];
  for (const n of named) wanted.push({ run: await namedRun(n, process.cwd()), named: n });
  return wanted;
}

async function onKernel(image: KernelImage, wanted: readonly Wanted[], flags: ForceFlags): Promise<void> {
  const counts = new Map<string, number>();
  say(`Linux ${image.name}`);
  for (const [threads, of] of Map.groupBy(wanted, ({ run }) => run.calls.length)) {
    const host = await bootHost(image, say, threads);
    try {
      for (const one of of) {
        if (isInterrupted()) break;
        const verdict = await onHost(host, one, flags);
        counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
      }
    } finally {
      await host.machine.stop();
    }
  }
  if (isInterrupted()) process.exitCode = EXIT_NOT_REALISED;
  if (wanted.length > 1) say([...counts].map(([verdict, n]) => `${n} ${verdict}`).join(", "));
}

function sayRun(run: Run): void {
  const { knobs, memory, calls } = realOf(run);
  say(`${run.name}: enabled=${knobs.enabled}; ${memory.map(stepToText).join("; ")}`);
  calls.forEach((of, side) => { say(`  ${SIDES[side]}: ${of.map(stepToText).join("; ")}`); });
  const turns = run.turns.map(({ side, until }) => `${SIDES[side]} to ${until === null ? "its end" : until.words}`);
  say(`  in turn ${turns.join(", ")}, and on to the ends`);
  if (run.alone) say("  one page of many is used alone: of the pages behind it nothing is compared");
}

async function onHost(host: Host, { run, named }: Wanted, flags: ForceFlags): Promise<string> {
  sayRun(run);
  try {
    const result = await on(host, (m) => forceRun(m, run, say));
    const { verdict, forced } = result;
    if (verdict === "confirmed") say(`CONFIRMED: ${outcomeInWords(result.derived.outcome)}`);
    else say(`${verdict.toUpperCase()}: ${result.why}`);
    if (flags.show === true && forced !== null) say(`  Linux: ${outcomeInWords(forced.outcome)}`);
    if (flags.record === true && named !== null && forced !== null && verdict !== "not realised") {
      const became = forced.became.filter((b) => b.what !== "skipped").map(becameInWords);
      const why = verdict === "refuted" ? result.why : null;
      const schedule = scheduleInWords(forced.schedule);
      keepRun({ kernel: host.machine.release, ...named, verdict, why, schedule, became, outcome: forced.outcome });
    }
    if (verdict === "refuted") process.exitCode = EXIT_REFUTED;
    if (verdict === "not realised") process.exitCode ??= EXIT_NOT_REALISED;
    return verdict;
  } catch (e) {
    const why = e instanceof NotForceable ? e.message : guestLost(e);
    if (why === null) throw e;
    say(`NOT REALISED: ${why}`);
    process.exitCode ??= EXIT_NOT_REALISED;
    return "not realised";
  }
}
