/** XState's own explorer, `getAdjacencyMap` of `xstate/graph`, for copies of one machine of the specification. */
import { fileURLToPath } from "node:url";
import type { Contestant } from "./contestant.ts";
import { measure } from "./measure.ts";

const PROGRAM = fileURLToPath(new URL("./xstate-copies.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export const xstate: Contestant = {
  name: "xstate/graph",
  tool: "xstate",
  workers: 1,
  expectedTransitions: (edges) => edges,
  prepare: ({ name, copies }) => {
    if (copies === undefined) return null;
    return () => {
      const run = measure(process.execPath, [PROGRAM, copies.machine, String(copies.instances), ...copies.without], ROOT);
      if (run.status !== 0) throw new Error(`xstate/graph: ${name} ended with status ${run.status}:\n${run.stdout}${run.stderr}`);
      const { states, edges, seconds } = JSON.parse(run.stdout) as { states: number; edges: number; seconds: number };
      const { wallSeconds, cpuSeconds, peakBytes } = run;
      return { states, transitions: edges, searchSeconds: seconds, wallSeconds, cpuSeconds, peakBytes };
    };
  },
};
