/**
 * What runs the scenarios of a command. A runner decides where and in which order they are checked, never with which result:
 * answers are handed over in the order of the scenarios, and are the same from any runner (`runners.ts`).
 */
import type { CheckOptions, Engine } from "../check/options.ts";
import type { Probe } from "../reach/block-key.ts";
import type { LoadedScenario } from "../project/project.ts";
import type { CheckAnswer, CheckNews } from "./check-job.ts";

/** How all scenarios of a run are checked. */
export interface RunSettings {
  /** Without regard to its `shouldStop` and `onProgress`, which the runner replaces. */
  readonly options: CheckOptions;
  /** The policy that the scenarios were put under; null: none. */
  readonly policy: string | null;
  readonly audit: boolean;
  /** Under a patch, the places that it changes: where none ran, the program is compared with that without it. Null: nobody has to ask. */
  readonly probe: Probe | null;
  /** The folder whose configuration applies. */
  readonly folder: string;
  /** Cores of the machine. */
  readonly cores: number;
  readonly engine: Engine;
  /** Whether the person has asked to stop. Scenarios that have begun then end with what they have; no others begin. */
  readonly shouldStop: () => boolean;
}

/** Is told of a run, one scenario at a time. `index` counts from 0. */
export interface RunListener {
  readonly started: (s: LoadedScenario, index: number) => void;
  /** Of the scenario that was started last. */
  readonly news: (news: CheckNews) => void;
  readonly answered: (s: LoadedScenario, answer: CheckAnswer) => void;
}

export interface Runner {
  /** Checks the scenarios. Gives the number that were checked: all, unless the person stopped the run. */
  run(scenarios: readonly LoadedScenario[], listener: RunListener): Promise<number>;
}
