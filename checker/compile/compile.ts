/** Compiles a scenario into a program image and makes a transition system of it. */
import { createHash } from "node:crypto";
import { CompiledSystem, type Ask } from "../image/compiled-system.ts";
import type { ProgramImage } from "../image/image.ts";
import { UNKNOWN, type RefinementPlan } from "../refinement-plan.ts";
import type { Scenario } from "../scenario.ts";
import type { SystemSource } from "../system.ts";
import { Assembly, type CompileOptions } from "./assembly.ts";
import { assembledOrKept } from "./kept-image.ts";

export type { CompileOptions } from "./assembly.ts";

export interface CompiledScenario {
  readonly system: CompiledSystem;
  /** For worker threads. */
  readonly source: SystemSource;
  readonly image: ProgramImage;
}

/** The module that a worker imports: TypeScript in a checkout, JavaScript in the published package. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";
const WORKER_MODULE = new URL(`../image/compiled-system.${EXTENSION}`, import.meta.url).href;

/** Compiles and instantiates. Throws CompileError for what the subset refuses, Error for a scenario that is not well formed. */
export function compileScenario(scenario: Scenario, options: CompileOptions = {}): CompiledScenario {
  const { image, ask } = assembledOrKept(scenario, options);
  return {
    image,
    system: new CompiledSystem(image, options.observer === undefined ? null : () => options.observer!, ask),
    source: {
      module: WORKER_MODULE, programHash: programHash(image),
      // A worker cannot ask a machine: it gets the table whole.
      get data() {
        if (image.refinement !== null) fillCells(image.refinement, ask);
        return image;
      },
    },
  };
}

function fillCells(plan: RefinementPlan, ask: Ask): void {
  for (const [n, m] of plan.machines.entries()) {
    for (let state = 0; state < m.descriptions.length; state++) {
      for (let column = 0; column < m.columns.length; column++) {
        const cell = m.firstCell + state * m.columns.length + column;
        if (plan.cells[cell] === UNKNOWN) plan.cells[cell] = ask(n, state, column);
      }
    }
  }
}

/** Hash of all that decides behaviour: emitted text and layout. Source positions are left out: a comment changes nothing. */
export function programHash(image: ProgramImage): string {
  return createHash("sha256").update(image.code).update(JSON.stringify(image.plan)).digest("hex").slice(0, 16);
}

export function compileImage(scenario: Scenario, options: CompileOptions = {}): ProgramImage {
  return new Assembly(scenario, options).assembled().image;
}
