/** The composition root: the one module that knows every part of the project. Only the command line loads it. */
import { defineConfig } from "thpcheck";
import type { KernelConfig } from "./impl/config/options.ts";
import { bugs } from "./test/commands/bugs.ts";
import { conform } from "./test/commands/conform.ts";
import { coverage } from "./test/commands/coverage.ts";
import { force } from "./test/commands/force.ts";
import { functions } from "./test/commands/functions.ts";
import { graph } from "./test/commands/graph.ts";
import { invariants } from "./test/commands/invariants.ts";
import { kernels } from "./test/commands/kernels.ts";
import { mutate } from "./test/commands/mutate.ts";
import { pairs } from "./test/commands/pairs.ts";
import { policies } from "./test/commands/policies.ts";
import { releases } from "./test/commands/releases.ts";
import { scanResults } from "./test/commands/scan-results.ts";
import { specCoverage } from "./test/commands/spec-coverage.ts";
import { steps } from "./test/commands/steps.ts";

export default defineConfig({
  scenarios: ["test/models/*.ts", "test/scenarios/*.ts", "test/bugs/scenarios/*.ts", "spec/models.ts"],
  // Loaded when a scenario of the kernel is checked: XState takes longer than most others.
  refine: async (scenario) =>
    "structs" in scenario && "ptTable" in scenario.structs
      ? (await import("./test/refinement/kernel-machines.ts")).kernelMachines(scenario)
      : [],
  calls: async (scenario) =>
    "structs" in scenario && "ptTable" in scenario.structs
      ? (await import("./test/scenarios/setup/outside-calls.ts")).outsideCalls(scenario.config as unknown as KernelConfig)
      : [],
  picture: (scenario) => ("structs" in scenario && "ptTable" in scenario.structs ? "picture/kernel.ts" : null),
  traceFormats: { ftrace: async () => (await import("./picture/ftrace.ts")).ftrace },
  lists: {
    invariants: async () => (await import("./test/commands/catalogue.ts")).catalogueRows(),
    machines: async () => (await import("./test/commands/catalogue.ts")).machineRows(),
    switches: async () => (await import("./test/commands/catalogue.ts")).switchRows(),
  },
  commands: [
    bugs, conform, steps, scanResults, coverage, force, functions, graph, invariants, kernels, mutate, pairs, policies, releases,
    specCoverage,
  ],
});
