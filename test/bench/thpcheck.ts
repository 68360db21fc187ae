/** This checker, as a user runs it: one process for each run, through the command line. */
import { fileURLToPath } from "node:url";
import type { ResultFile } from "../../checker/result.ts";
import type { Contestant, Measurement } from "./contestant.ts";
import type { BenchModel } from "./models.ts";
import { measure } from "./measure.ts";

const COMMAND = fileURLToPath(new URL("../../checker/cli/thpcheck.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Breadth-first with traces, invariants on, 64-bit fingerprints: the defaults. A program runs as itself, and on one core.
 * `refine` false: scenarios of the kernel, not held to the machines of the specification, to see what that costs.
 */
export function thpcheck(workers: number, refine: boolean = true): Contestant {
  const name = `thpcheck, ${workers} worker${workers === 1 ? "" : "s"}${refine ? "" : ", --no-refine"}`;
  return {
    name,
    tool: "thpcheck",
    workers,
    refines: refine,
    expectedTransitions: (edges) => edges,
    prepare: (model) => {
      const { program } = model;
      if (!refine && model.kernel !== true) return null;
      if (program === undefined) return () => check(name, model, workers, refine);
      return workers === 1 ? () => runProgram(name, program) : null;
    },
  };
}

function check(name: string, model: BenchModel, workers: number, refine: boolean): Measurement {
  const run = measure(process.execPath, [COMMAND, "check", model.scenario ?? model.name, "--format", "json", "--workers", String(workers), "--time", "3600", ...(refine ? [] : ["--no-refine"])], ROOT);
  if (run.status !== 0) throw new Error(`${name}: ${model.name} ended with status ${run.status}:\n${run.stdout}${run.stderr}`);
  const [result] = (JSON.parse(run.stdout) as ResultFile).results;
  if (result?.verdict !== "holds") throw new Error(`${name}: ${model.name}: ${result?.verdict ?? "no result"}`);
  const { wallSeconds, cpuSeconds, peakBytes } = run;
  return { states: result.states, transitions: result.transitions, searchSeconds: result.seconds, wallSeconds, cpuSeconds, peakBytes };
}

function runProgram(name: string, program: string): Measurement {
  const run = measure(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], ROOT);
  if (run.status !== 0) throw new Error(`${name}: ${program} ended with status ${run.status}:\n${run.stdout}${run.stderr}`);
  const { count, seconds } = JSON.parse(run.stdout) as { count: number; seconds: number };
  const { wallSeconds, cpuSeconds, peakBytes } = run;
  return { states: count, transitions: 0, searchSeconds: seconds, wallSeconds, cpuSeconds, peakBytes };
}
