/** `thpcheck force TRACE`: one run of the checker on real kernels, and what they say to it. */
import { existsSync } from "node:fs";
import { isInterrupted } from "../../../checker/cli/interruption.ts";
import { TRACE_STRING_PREFIX } from "../../../checker/trace/codec.ts";
import { ReplayMismatch } from "../../../checker/trace/replay.ts";
import { UsageError } from "../../../checker/usage-error.ts";
import { whyNoGuests } from "../../conformance/guest/qemu.ts";
import { kernelsFor, NotFetched, refuseUnknownKernel } from "../../conformance/guest/store.ts";
import { stepToText } from "../../conformance/program.ts";
import type { ForceFlags } from "../force.ts";
import { ForcedMachine } from "../machine.ts";
import { outcomeInWords } from "../outcome.ts";
import { askedRun, forceRun, realOf } from "./traced.ts";
import { NotForceable, type Run } from "./run.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const EXIT_REFUTED = 1;
const EXIT_NOT_REALISED = 3;

/** A trace is meant, and no pair: pairs are no files, and have no dots. */
export function isTraced(patterns: readonly string[], { witness, scenario, from }: ForceFlags): boolean {
  if (witness !== undefined || scenario !== undefined || from !== undefined) return true;
  return patterns.some((p) => p.startsWith(TRACE_STRING_PREFIX) || (p.endsWith(".json") || existsSync(p)));
}

/** Confirmed: exit code 0. Throws a UsageError for what is no trace, and for what is asked of pairs. */
export async function runTraced(given: readonly string[], flags: ForceFlags): Promise<void> {
  const pairsOnly = (["schedule", "anchors", "record", "recorded"] as const).find((name) => flags[name] !== undefined);
  if (pairsOnly !== undefined) throw new UsageError(`--${pairsOnly} is about pairs, not about a trace`);
  const [trace, ...more] = given;
  if (trace === undefined) throw new UsageError("name the trace, or with --witness the scenario");
  if (more.length > 0) throw new UsageError(`one trace at a time: ${given.join(" ")}`);
  if (flags.witness !== undefined && flags.scenario !== undefined) throw new UsageError("--scenario is about a file of results, not about --witness");
  if (flags.kernel === undefined) throw new UsageError("a trace is forced on a kernel: add --kernel 7.3.4");
  refuseUnknownKernel(flags.kernel);
  const run = await runAsked(trace, flags);
  if (run === null) return;
  sayRun(run);
  const why = whyNoGuests();
  if (why !== null) {
    say(`SKIP: ${why}; nothing is forced`);
    return;
  }
  try {
    for (const image of await kernelsFor(flags.kernel, { modules: false, said: say })) {
      if (isInterrupted()) break;
      const machine = await ForcedMachine.boot(image);
      try {
        say(`Linux ${image.name}`);
        await onMachine(machine, run, flags);
      } finally {
        await machine.stop();
      }
    }
  } catch (e) {
    if (!(e instanceof NotFetched)) throw e;
    say(`SKIP: ${e.message}`);
  }
}

async function runAsked(trace: string, { witness, scenario, from }: ForceFlags): Promise<Run | null> {
  try {
    return await askedRun({ trace, witness, scenario, from }, process.cwd());
  } catch (e) {
    if (e instanceof ReplayMismatch) throw new UsageError(e.message);
    if (!(e instanceof NotForceable)) throw e;
    say(`NOT FORCEABLE: ${e.message}`);
    process.exitCode = EXIT_NOT_REALISED;
    return null;
  }
}

function sayRun(run: Run): void {
  const { knobs, memory, calls } = realOf(run);
  say(`${run.name}: enabled=${knobs.enabled}; ${memory.map(stepToText).join("; ")}`);
  calls.forEach((of, side) => { say(`  ${"AB"[side]}: ${of.map(stepToText).join("; ")}`); });
  say(`  in turn ${run.turns.map(({ side, until }) => `${"AB"[side]} to ${until === null ? "its end" : until.words}`).join(", ")}, and on to the ends`);
  if (run.alone) say("  one page of many is used alone: of the pages behind it nothing is compared");
}

async function onMachine(machine: ForcedMachine, run: Run, flags: ForceFlags): Promise<void> {
  try {
    const result = await forceRun(machine, run, say);
    const { verdict } = result;
    if (verdict === "confirmed") {
      say(`CONFIRMED: ${outcomeInWords(result.derived.outcome)}`);
      return;
    }
    say(`${verdict.toUpperCase()}: ${result.why}`);
    if (flags.show === true && result.forced !== null) say(`  Linux: ${outcomeInWords(result.forced.outcome)}`);
    if (process.exitCode !== EXIT_REFUTED) process.exitCode = verdict === "refuted" ? EXIT_REFUTED : EXIT_NOT_REALISED;
  } catch (e) {
    if (!(e instanceof NotForceable)) throw e;
    say(`NOT REALISED: ${e.message}`);
    process.exitCode ??= EXIT_NOT_REALISED;
  }
}
