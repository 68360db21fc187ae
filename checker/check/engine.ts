/** The compiler and the explorer of the project, loaded when the first scenario needs them. */
import { createHash } from "node:crypto";
import { CompiledSystem } from "../image/compiled-system.ts";
import { isModel, type ModelScenario } from "../scenario.ts";
import type { TransitionSystem } from "../system.ts";
import type { Compiled, Engine } from "./options.ts";

export async function defaultEngine(): Promise<Engine> {
  const [{ compileScenario }, { explore }] = await Promise.all([import("../compile/compile.ts"), import("../search/explore.ts")]);
  return {
    compile: (s, request) => {
      const readyMade = isModel(s) ? s.model.system : undefined;
      return readyMade === undefined ? compileScenario(s, request) : loadSystem(readyMade);
    },
    explore,
    lower: async ({ system, source }, request) => {
      if (!(system instanceof CompiledSystem) || source === null) return { reason: "a ready-made system is not lowered" };
      const { lowerOrKept } = await import("../wasm/kept-search.ts");
      const { seed, fingerprintBits, workers } = request;
      return lowerOrKept(system.image, { seed, fingerprintBits, workers, programHash: source.programHash });
    },
  };
}

/** A system that is ready made. What decides its behaviour is what it is made from, as far as names and data tell. */
async function loadSystem({ module, data }: NonNullable<ModelScenario["model"]["system"]>): Promise<Compiled> {
  const made = (await import(module)) as { instantiate(data: unknown): TransitionSystem; behaviour(data: unknown): string };
  const programHash = createHash("sha256").update(made.behaviour(data)).digest("hex").slice(0, 16);
  return { system: made.instantiate(data), source: { module, data, programHash } };
}
