/** Threads that run alone, without preemption. */
import { CompiledSystem } from "../image/compiled-system.ts";
import type { ProgramScenario } from "../scenario.ts";
import { compileImage } from "./compile.ts";

/**
 * A program without preemption: `run(actor)` takes a thread from its beginning to its end on the shared vector. Used
 * for functional tests and full-size simulation; statistics add up.
 */
export class StraightLine {
  readonly system: CompiledSystem;
  /** `initial`: what init chooses. */
  constructor(scenario: ProgramScenario, initial: readonly number[] = []) {
    this.system = new CompiledSystem(compileImage(scenario, { variant: "straight-line" }));
    this.system.setBranch(initial);
    this.system.init();
  }

  /**
   * Runs the thread and gives its result, following `choices` (0 beyond them). Throws StepFault, also where it would have to
   * wait.
   */
  run(actor: number, choices: readonly number[] = []): unknown {
    this.system.setBranch(choices);
    this.system.step(actor);
    return this.system.result();
  }
}
