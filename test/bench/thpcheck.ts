/** This checker, as a user runs it: one process for each run, through the command line. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ResultFile } from "../../checker/result.ts";
import type { Contestant, Measurement } from "./contestant.ts";
import type { BenchModel } from "./models.ts";
import { measure } from "./measure.ts";

/** Of a checkout. */
export const COMMAND = join("checker", "cli", "thpcheck.js");
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** How it is run. */
export interface Run {
  readonly workers: number;
  readonly engine?: "js" | "wasm";
  /** False: scenarios of the kernel, not held to the machines of the specification, to see what that costs. */
  readonly refine?: boolean;
}

/** Breadth-first with traces, invariants on, 64-bit fingerprints: the defaults. A program runs as itself, and on one core. */
export function thpcheck({ workers, engine = "js", refine = true }: Run): Contestant {
  const how = `${engine === "js" ? "" : ", WebAssembly"}${refine ? "" : ", --no-refine"}`;
  const name = `thpcheck, ${workers} worker${workers === 1 ? "" : "s"}${how}`;
  return {
    name,
    tool: "thpcheck",
    workers,
    refines: refine,
    expectedTransitions: (edges) => edges,
    prepare: (model) => {
      const { program } = model;
      if ((!refine && model.kernel !== true) || (engine === "wasm" && model.lowered !== true) || model.startOnly === true) return null;
      const flags = ["--workers", String(workers), "--engine", engine, "--time", "3600", ...(refine ? [] : ["--no-refine"])];
      if (program === undefined) return () => check(name, model, flags, {});
      return workers === 1 && engine === "js" ? () => runProgram(name, program) : null;
    },
  };
}

/** An earlier state of this project: another checkout, installed, as its own command runs it. What it counts may differ. */
export function earlier(root: string): Contestant {
  const name = `thpcheck of ${root}, 1 worker`;
  return {
    name, tool: "earlier", workers: 1, expectedTransitions: (edges) => edges,
    prepare: (model) => {
      if (model.kernel !== true && model.spin === undefined) return null;
      return () => check(name, model, ["--workers", "1", "--time", "3600"], {}, root);
    },
  };
}

/** The start of a process, with a cache that is empty or with one that an earlier process has filled; one worker, JavaScript. */
export function start(cache: "empty" | "warm"): Contestant {
  const name = `thpcheck, ${cache} cache`;
  return {
    name, tool: "thpcheck", workers: 1, expectedTransitions: (edges) => edges,
    prepare: (model, folder) => {
      if (model.startOnly !== true) return null;
      const kept = join(folder, `${model.name}-${cache}`);
      const run = (): Measurement => check(name, model, ["--workers", "1", "--engine", "js"], { THPCHECK_CACHE: kept });
      if (cache === "warm") run();
      return () => {
        if (cache === "empty") rmSync(kept, { recursive: true, force: true });
        return run();
      };
    },
  };
}

function check(
  name: string, model: BenchModel, flags: readonly string[], env: Readonly<Record<string, string>>, root: string = ROOT,
): Measurement {
  const command = [join(root, COMMAND), "check", model.scenario ?? model.name, "--format", "json", ...flags];
  const run = measure(process.execPath, command, root, env);
  if (run.status !== 0) throw new Error(`${name}: ${model.name} ended with status ${run.status}:\n${run.stdout}${run.stderr}`);
  const [result] = (JSON.parse(run.stdout) as ResultFile).results;
  if (result?.verdict !== "holds") throw new Error(`${name}: ${model.name}: ${result?.verdict ?? "no result"}`);
  const asked = flags.indexOf("--engine");
  const wanted = flags[asked + 1];
  if (asked >= 0 && result.engine !== wanted) {
    throw new Error(`${name}: ${model.name} did not run in ${wanted}: ${result.notes?.join("; ")}`);
  }
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
