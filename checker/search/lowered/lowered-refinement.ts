/** What a lowered search counts of machines, and how it is taken back where a step is left to JavaScript. */
import type { RefinementChecks } from "../../system.ts";
import type { WorkerMemories } from "./memories.ts";
import type { WasmGlobal } from "./module.ts";

/** Globals of `wasm/refinement-text.ts`. */
interface Exports {
  readonly $refining: WasmGlobal<number>;
  readonly $journaled: WasmGlobal<number>;
  readonly $cellsTaken: WasmGlobal<number>;
}

export class LoweredRefinement {
  readonly #checks: RefinementChecks;
  readonly #module: Exports;
  /** Steps checked, then how often each cell was taken, since JavaScript last asked. */
  readonly #taken: Int32Array;
  readonly #cellsTaken: Int32Array;
  readonly #journal: Int32Array;
  readonly #touched: Int32Array;
  readonly #loaded: Int32Array;

  constructor(checks: RefinementChecks, memories: WorkerMemories, module: object) {
    this.#checks = checks;
    this.#module = module as Exports;
    this.#taken = memories.array("taken");
    this.#cellsTaken = memories.array("cellsTaken");
    this.#journal = memories.array("journal");
    this.#touched = memories.array("touched");
    this.#loaded = memories.array("loaded");
  }

  /** After a trap: a check that was not finished has not been. */
  forgetUnfinished(): void {
    const { $refining, $journaled } = this.#module;
    if ($refining.value === 0) return;
    $refining.value = 0;
    this.#taken[0]!--;
    for (let n = 0; n < $journaled.value; n++) this.#taken[1 + this.#journal[n]!]!--;
    this.#touched.fill(0);
    this.#loaded.fill(0);
    // What was taken back to none is not to be noted twice.
    this.catchUp();
  }

  /** What was counted becomes known outside. */
  catchUp(): void {
    const { $cellsTaken } = this.#module;
    const counts = this.#checks.counts();
    const taken = this.#taken;
    counts[0]! += taken[0]!;
    taken[0] = 0;
    for (const cell of this.#cellsTaken.subarray(0, $cellsTaken.value)) {
      counts[1 + cell]! += taken[1 + cell]!;
      taken[1 + cell] = 0;
    }
    $cellsTaken.value = 0;
  }
}
