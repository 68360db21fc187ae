/** Runs scenarios one after the other, in this process. */
import type { LoadedScenario } from "../project/project.ts";
import type { Progress } from "../search/explore.ts";
import { errorResult } from "../check/verdict.ts";
import { checkOne, errorAnswer, type CheckAnswer } from "./check-job.ts";
import { secondLook } from "./same-program.ts";
import type { RunListener, RunSettings, Runner } from "./runner.ts";

export class InProcessRunner implements Runner {
  readonly #settings: RunSettings;

  constructor(settings: RunSettings) {
    this.#settings = settings;
  }

  async run(scenarios: readonly LoadedScenario[], listener: RunListener): Promise<number> {
    let next = 0;
    for (; next < scenarios.length && !this.#settings.shouldStop(); next++) await this.one(scenarios[next]!, next, listener);
    return next;
  }

  /** Checks one scenario, whether the run is to stop or not. */
  async one(s: LoadedScenario, index: number, listener: RunListener): Promise<void> {
    const { options, folder, policy, audit, cores, probe, engine, shouldStop } = this.#settings;
    listener.started(s, index);
    const onProgress = (progress: Progress): void => { listener.news({ progress }); };
    const onVariant = (variant: string): void => { listener.news({ variant }); };
    const { difference, notCompared } = await secondLook(s, this.#settings);
    if (difference !== null) return listener.answered(s, errorAnswer(errorResult(s.scenario, options, 1, difference)));
    const origin = { file: s.file, name: s.scenario.name, folder, policy };
    const context = { origin, audit, cores, probe, engine };
    const answer = await checkOne(s.scenario, { ...options, shouldStop, onProgress }, context, onVariant);
    listener.answered(s, notCompared === null ? answer : withRemark(answer, notCompared));
  }
}

function withRemark(answer: CheckAnswer, remark: string): CheckAnswer {
  const { checked } = answer;
  const { result } = checked;
  return { ...answer, checked: { ...checked, result: { ...result, notChecked: [...result.notChecked, remark] } } };
}
