/** The check, or audit, of one scenario: in this process, or as a job for a process of a pool. */
import { auditScenario, type Audit } from "../check/audit.ts";
import { checkScenario } from "../check/check.ts";
import { defaultEngine } from "../check/engine.ts";
import { nothingChecked, type Checked, type CheckOptions, type Engine } from "../check/options.ts";
import { errorResult } from "../check/verdict.ts";
import { digestLines, digestOf, type DigestLine } from "../compile/digest.ts";
import type { JobContext } from "./pool/job.ts";
import { registerPatch } from "../patch/patch.ts";
import type { Probe } from "../reach/block-key.ts";
import type { ScenarioResult, TraceStory } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import type { Progress } from "../search/explore.ts";
import { withMachines } from "../project/machines.ts";
import { scenarioUnder } from "../project/under-policy.ts";
import { loadModule, patchRoot } from "../project/project.ts";
import { absent } from "./unlike.ts";
import { isSameWithoutPatch, type Origin } from "./without-patch.ts";

/** What it takes to find the scenario again in another process, and how to check it. */
export interface CheckTask extends Origin {
  readonly audit: boolean;
  /** As `RunSettings.probe`. */
  readonly probe: Probe | null;
  readonly cores: number;
  /** What the scenario is made of in the process that asks; see `compile/digest.ts`. */
  readonly digest: string;
  readonly options: Omit<CheckOptions, "shouldStop" | "onProgress">;
}

/** How far it is; or which variant of an audit begins. */
export type CheckNews = { readonly progress: Progress } | { readonly variant: string };

export interface CheckAnswer {
  readonly checked: Checked;
  /** Null unless it was audited. */
  readonly audit: Audit | null;
  /** Why the steps of the trace matter; null where the trace will not be shown, or there is none. */
  readonly story: TraceStory | null;
  /** Whether the program is the same without the patch; null where that was not asked. */
  readonly sameProgram: boolean | null;
  /** The scenario is made of something else in the process that answers, of this: it was not checked. Null: it is the same. */
  readonly unlike: readonly DigestLine[] | null;
}

/** An answer that says only what went wrong. */
export function errorAnswer(result: ScenarioResult): CheckAnswer {
  return { checked: nothingChecked(result), audit: null, story: null, sameProgram: null, unlike: null };
}

/** The module of this job, for `Pool.run`. */
export const CHECK_JOB = import.meta.url;

export async function perform(task: CheckTask, { tell, shouldStop }: JobContext<CheckNews>): Promise<CheckAnswer> {
  const { audit, cores, probe } = task;
  const options = { ...task.options, shouldStop, onProgress: (progress: Progress) => { tell({ progress }); } };
  const context = { origin: task, audit, cores, probe, engine: await defaultEngine() };
  const scenario = await scenarioOf(task);
  if (digestOf(scenario) !== task.digest) {
    return { ...errorAnswer(errorResult(scenario, options, 1, "it is another program in another process")), unlike: digestLines(scenario) };
  }
  return checkOne(scenario, options, context, (variant) => { tell({ variant }); });
}

/** Loads the scenario of the task again. Throws an Error if its module has none of that name any more. */
async function scenarioOf({ file, name, folder, policy, options }: CheckTask): Promise<Scenario> {
  const patch = options.patch === null ? null : registerPatch(options.patch, patchRoot(folder));
  const loaded = (await loadModule(file, patch)).scenarios.map((s) => s.scenario);
  const found = (policy === null ? loaded : loaded.map((s) => scenarioUnder(s, policy))).find((s) => s?.name === name);
  if (found == null) throw new Error(absent(file, name));
  return found;
}

/** What a check needs besides the scenario and its options. */
export interface CheckContext {
  readonly origin: Origin;
  readonly audit: boolean;
  /** As `RunSettings.probe`. */
  readonly probe: Probe | null;
  readonly cores: number;
  readonly engine: Engine;
}

/** Checks or audits one scenario in this process. `onVariant` hears which variant of an audit begins. */
export async function checkOne(
  s: Scenario, options: CheckOptions, { origin, audit, cores, probe, engine }: CheckContext, onVariant: (name: string) => void,
): Promise<CheckAnswer> {
  const scenario = await withMachines(s, origin.folder);
  const audited = audit ? await auditScenario(scenario, options, { cores, engine, onVariant }) : null;
  const checked = audited?.checked ?? (await checkScenario(scenario, options, cores, engine));
  const answered = await withStories(scenario, checked, options);
  const story = await storyFor(scenario, checked, options);
  const sameProgram = probe === null ? null : await isSameWithoutPatch(checked, origin, probe, options, engine);
  return { checked: answered, audit: audited, story, sameProgram, unlike: null };
}

/** Whether the trace of a violation will be shown: one that is wanted is told only to who asked for it. */
const isTold = ({ result }: Checked, options: CheckOptions): boolean => !result.asExpected || options.story;

async function storyFor(scenario: Scenario, checked: Checked, options: CheckOptions): Promise<TraceStory | null> {
  const { replayed } = checked;
  if (replayed === null || !isTold(checked, options)) return null;
  return (await import("../trace/story.ts")).storyOf(scenario, replayed);
}

/** With the stories of further violations. */
async function withStories(scenario: Scenario, checked: Checked, options: CheckOptions): Promise<Checked> {
  if (checked.further.length === 0 || !isTold(checked, options)) return checked;
  const { storyOf } = await import("../trace/story.ts");
  return { ...checked, further: checked.further.map(({ replayed }) => ({ replayed, story: storyOf(scenario, replayed) })) };
}
