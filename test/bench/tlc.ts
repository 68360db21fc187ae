/** TLC, from the jar that the environment variable TLA2TOOLS names. Its wall time contains the start of the Java runtime. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { numberIn, type Contestant } from "./contestant.ts";
import { isInstalled, measure } from "./measure.ts";

/** Heap of the Java runtime. TLC's peak memory follows from it rather than from need. */
const HEAP = "-Xmx4g";

/** Why TLC cannot be compared here; null when it can. */
export function missingTlc(): string | null {
  const jar = process.env["TLA2TOOLS"];
  if (jar === undefined || jar === "") return "set TLA2TOOLS to the path of tla2tools.jar (from the releases of github.com/tlaplus/tlaplus)";
  if (!existsSync(jar)) return `TLA2TOOLS names ${jar}, which does not exist`;
  if (!isInstalled("java", "-version")) return "java is not installed (apt-get install default-jre-headless)";
  return null;
}

export function tlc(workers: number): Contestant {
  const name = `TLC, ${workers} worker${workers === 1 ? "" : "s"}`;
  return {
    name,
    tool: "tlc",
    workers,
    // TLC counts the initial state, and in each end state the stuttering step that keeps it from being a deadlock.
    expectedTransitions: (edges, model) => edges + 1 + model.terminals,
    prepare: (model, folder) => {
      const { tla } = model;
      if (tla === undefined) return null;
      const cwd = join(folder, `tlc-${model.name}-${workers}`);
      const module = `${tla.module}.tla`;
      mkdirSync(cwd);
      copyFileSync(new URL(module, import.meta.url), join(cwd, module));
      writeFileSync(join(cwd, `${tla.module}.cfg`), tla.config);
      return () => {
        const run = measure("java", ["-XX:+UseParallelGC", HEAP, "-cp", process.env["TLA2TOOLS"] ?? "", "tlc2.TLC", "-workers", String(workers), "-metadir", "meta", "-noGenerateSpecTE", "-checkpoint", "0", module], cwd);
        if (run.status !== 0) throw new Error(`${name}: ${model.name} ended with status ${run.status}:\n${run.stdout}${run.stderr}`);
        const { wallSeconds, cpuSeconds, peakBytes } = run;
        return {
          states: numberIn(run.stdout, /([\d,]+) distinct states found, 0 states left/, "the number of states"),
          transitions: numberIn(run.stdout, /([\d,]+) states generated, [\d,]+ distinct states found, 0 states left/, "the number of generated states"),
          searchSeconds: finishedIn(run.stdout),
          wallSeconds, cpuSeconds, peakBytes,
        };
      };
    },
  };
}

const SECONDS: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, min: 60, s: 1, ms: 0.001 };

/** TLC's own time, `Finished in 01min 12s at (...)`; whole seconds from one second on. Exported for its test. */
export function finishedIn(output: string): number {
  const duration = /Finished in (.+?) at /.exec(output)?.[1];
  if (duration === undefined) throw new Error(`TLC's time is missing from the output:\n${output.slice(-2000)}`);
  return [...duration.matchAll(/(\d+)\s*(ms|min|[dhs])/g)].reduce((sum, [, n, unit]) => sum + Number(n) * SECONDS[unit!]!, 0);
}
