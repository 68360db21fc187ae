/**
 * Spin, exact: full state vectors, no partial-order reduction, and none of the optimisations that change what is
 * counted. Its state counts are then the same to the digit. Generating and compiling the verifier is not timed.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { numberIn, type Contestant } from "./contestant.ts";
import { isInstalled, measure } from "./measure.ts";

/** Compiler of the generated verifier. */
const CC = process.env["CC"] ?? "cc";

/** Why Spin cannot be compared here; null when it can. */
export function missingSpin(): string | null {
  if (!isInstalled("spin", "-V")) return "not installed (apt-get install spin)";
  if (!isInstalled(CC, "--version")) return `no C compiler ${CC} for the verifier that it generates (apt-get install gcc, or set CC)`;
  return null;
}

export const spin: Contestant = {
  name: "Spin, exact",
  tool: "spin",
  workers: 1,
  // Spin counts the initial state as reached by a transition.
  expectedTransitions: (edges) => edges + 1,
  prepare: (model, folder) => {
    const promela = model.spin;
    if (promela === undefined) return null;
    const cwd = join(folder, `spin-${model.name}`);
    mkdirSync(cwd);
    copyFileSync(new URL(promela.file, import.meta.url), join(cwd, promela.file));
    const defines = Object.entries(promela.defines).map(([name, value]) => `-D${name}=${value}`);
    build("spin", ["-o1", "-o2", "-o3", ...defines, "-a", promela.file], cwd);
    build(CC, ["-w", "-O2", "-DSAFETY", "-DMEMLIM=16000", "-DNOREDUCE", "-o", "pan", "pan.c"], cwd);
    return () => {
      const run = measure(join(cwd, "pan"), [`-m${promela.depth}`, "-w23"], cwd);
      if (run.status !== 0 || !/errors: 0\b/.test(run.stdout)) throw new Error(`Spin: ${model.name} failed:\n${run.stdout}${run.stderr}`);
      if (/max search depth too small/.test(run.stdout)) throw new Error(`Spin: ${model.name}: -m${promela.depth} is too small, states were left out`);
      const { wallSeconds, cpuSeconds, peakBytes } = run;
      return {
        states: numberIn(run.stdout, /^\s*([\d.e+]+) states, stored/m, "the number of states"),
        transitions: numberIn(run.stdout, /^\s*([\d.e+]+) transitions \(= stored\+matched\)/m, "the number of transitions"),
        searchSeconds: numberIn(run.stdout, /elapsed time ([\d.]+) seconds/, "the elapsed time"),
        wallSeconds, cpuSeconds, peakBytes,
      };
    };
  },
};

function build(program: string, args: readonly string[], cwd: string): void {
  const run = measure(program, args, cwd);
  if (run.status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${run.stdout}${run.stderr}`);
}
