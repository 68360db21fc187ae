/** The compiled programs of this process: one for each world, with a third thread and without, and each patch. */
import { fileURLToPath } from "node:url";
import { compileScenario, type CompiledScenario } from "../../checker/compile/compile.ts";
import { withMachines } from "../../checker/project/machines.ts";
import { loadModule, patchRoot } from "../../checker/project/project.ts";
import { registerPatch } from "../../checker/patch/patch.ts";
import type { Patch } from "../../checker/result.ts";
import type { Scenario } from "../../checker/scenario.ts";

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** As a command names it. */
export const PROGRAM_FILE = "test/pairs/program.ts";

export interface Program extends CompiledScenario {
  readonly scenario: Scenario;
}

const known = new Map<string, Promise<Program>>();

/** The program with this name, compiled. Throws a PatchMisfit, or what the compiler refuses. */
export function programNamed(name: string, patch: Patch | null): Promise<Program> {
  const key = `${name} ${patch?.text ?? ""}`;
  const program = known.get(key) ?? compiled(name, patch);
  known.set(key, program);
  return program;
}

/** The scenario of that name, with the machines of the project. */
export async function scenarioNamed(name: string, patch: Patch | null): Promise<Scenario> {
  const id = patch === null ? null : registerPatch(patch, patchRoot(ROOT));
  const { scenarios, failures } = await loadModule(fileURLToPath(new URL("./program.ts", import.meta.url)), id);
  const found = scenarios.find((s) => s.scenario.name === name);
  if (found === undefined) throw new Error(`${PROGRAM_FILE} has no scenario ${name}${failures.map((f) => `; ${f}`).join("")}`);
  return withMachines(found.scenario, ROOT);
}

async function compiled(name: string, patch: Patch | null): Promise<Program> {
  const scenario = await scenarioNamed(name, patch);
  return { scenario, ...compileScenario(scenario, { sourceMap: false }) };
}
