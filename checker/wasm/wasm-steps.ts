/** A lowered program at work: its steps over a state of its own. */
import type { ProgramImage } from "../image/image.ts";
import { instantiate, newMemory, type WasmGlobal } from "../search/lowered/module.ts";
import { lowerProgram } from "./lower-program.ts";

/** What a lowered program exports. All numbers are 64-bit integers. */
interface Exports {
  step(actor: bigint): bigint;
  nextBranch(): bigint;
  checkState(): bigint;
  checkEnd(): bigint;
  readonly $ci: WasmGlobal<bigint>;
  readonly $cl: WasmGlobal<bigint>;
}

/**
 * The part of a transition system that is lowered. A step or a check that ends in a fault throws `WebAssembly.RuntimeError`,
 * and leaves the state in between: the JavaScript program repeats it from the state before, and says what is wrong.
 */
export class WasmSteps {
  /** The state, with its statistics behind it. */
  readonly vector: Int32Array;
  readonly #exports: Exports;

  private constructor(vector: Int32Array, exports: Exports) {
    this.vector = vector;
    this.#exports = exports;
  }

  /** The steps of a program, or why it is not lowered. */
  static of(image: ProgramImage): WasmSteps | { readonly reason: string } {
    const lowered = lowerProgram(image);
    if ("reason" in lowered) return lowered;
    const memory = newMemory(lowered.pages);
    for (const [offset, words] of lowered.contents) new Int32Array(memory.buffer, offset, words.length).set(words);
    const exports = instantiate(lowered.bytes, { memory }) as Exports;
    return new WasmSteps(new Int32Array(memory.buffer, 0, image.stateWords + image.statisticWords), exports);
  }

  /** 1 when the actor took a step, 0 when it cannot move. */
  step(actor: number): number {
    return Number(this.#exports.step(BigInt(actor)));
  }

  /** Whether the step that was last taken has another outcome, which the next `step` then takes. */
  nextBranch(): boolean {
    return this.#exports.nextBranch() !== 0n;
  }

  /** The next step chooses first what comes first. */
  forgetChoices(): void {
    this.#exports.$ci.value = 0n;
    this.#exports.$cl.value = 0n;
  }

  /** The index of the first promise that the state breaks; negative when it keeps all. */
  checkState(): number {
    return Number(this.#exports.checkState());
  }

  /** The same for the promises about end states. */
  checkEnd(): number {
    return Number(this.#exports.checkEnd());
  }
}
