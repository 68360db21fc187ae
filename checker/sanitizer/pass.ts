/**
 * The sanitizer pass: the instrumented variant of a scenario, explored over the same state space as the plain one.
 *
 * First every different block is collected and judged (`sanitizer/sanitize.ts`); verdicts use facts about the whole
 * exploration, so only then is it known what is a finding. For the first finding a second exploration raises it where
 * it shows, which gives its shortest trace.
 */
import type { RecordedBlock } from "./block-log.ts";
import type { SanitizerRule } from "./evidence.ts";
import { trustedFields } from "./guard.ts";
import type { LockEdge } from "./lock-order.ts";
import { makeSanitizer, SANITIZER_RULES, viewOf, type FrameArea, type Sanitizer, type SanitizerOptions } from "./sanitize.ts";
import { compileImage } from "../compile/compile.ts";
import { CompiledSystem } from "../image/compiled-system.ts";
import type { ProgramImage } from "../image/image.ts";
import type { Scenario } from "../scenario.ts";
import { explore, type ExploreOptions, type Finding, type Outcome } from "../search/explore.ts";
import type { TransitionSystem } from "../system.ts";

/** Bounds and reporting of the pass's searches, which choose strategy, exactness and workers themselves. */
export type PassOptions = Omit<ExploreOptions, "strategy" | "exact" | "workers" | "workersAfterMs" | "expectedStates">;

export interface SanitizedRun {
  readonly outcome: Outcome;
  /** In words, one per rule and lines; empty when every block is as it should be. */
  readonly findings: readonly string[];
  /**
   * What the sanitizers took on trust, in words: the guards "cpu", "lifetime" and "model", objects that are taken while
   * others use them, and blocks that are one instruction.
   */
  readonly trusted: readonly string[];
  /** The first finding with its trace, and the system that raises it; null when there is none, or none could be reached again. */
  readonly raised: { readonly finding: Finding; readonly system: TransitionSystem } | null;
}

/** Whether a fault is one that only the instrumented variant reports. */
export function isSanitizerRule(name: string): name is SanitizerRule {
  return (SANITIZER_RULES as readonly string[]).includes(name);
}

/** Explores the instrumented variant, breadth-first with one worker. */
export async function sanitize(scenario: Scenario, options: PassOptions, clearDeadLocals: boolean): Promise<SanitizedRun> {
  const collecting = instrumented(scenario, clearDeadLocals, {});
  const search = searchOptions(options);
  const outcome = await explore(collecting.system, null, search);
  const findings = collecting.sanitizer.findings();
  const { sanitizer, system } = collecting;
  const trusted = [...trustedFields(system.image.plan), ...sanitizer.trusted(), ...trustedInstructions(sanitizer.blocks())];
  if (findings.length === 0) return { outcome, findings: [], trusted, raised: null };
  const raising = instrumented(scenario, clearDeadLocals, { raise: true, knowledge: collecting.sanitizer.blocks() });
  const again = await explore(raising.system, null, search);
  const raised = again.finding === null ? null : { finding: again.finding, system: raising.system };
  return { outcome, findings: findings.map((f) => f.message), trusted, raised };
}

const searchOptions = (options: PassOptions): ExploreOptions =>
  ({ ...options, strategy: "bfs", workers: 1, exact: false, goOn: false, liveness: false });

/** A system that raises the scenario's sanitizer findings at the step where each shows: what a replay of one needs. */
export async function raisingSystem(scenario: Scenario, options: PassOptions, clearDeadLocals: boolean): Promise<TransitionSystem> {
  const collecting = instrumented(scenario, clearDeadLocals, {});
  await explore(collecting.system, null, searchOptions(options));
  return instrumented(scenario, clearDeadLocals, { raise: true, knowledge: collecting.sanitizer.blocks() }).system;
}

/**
 * The lock order of a scenario: every "takes B while holding A" that one of its schedules contains, with one example each.
 * Throws an Error where the exploration does not end, since edges could be missing.
 */
export async function lockEdges(scenario: Scenario, options: PassOptions, clearDeadLocals: boolean): Promise<readonly LockEdge[]> {
  const { system, sanitizer } = instrumented(scenario, clearDeadLocals, {});
  const outcome = await explore(system, null, searchOptions(options));
  if (!outcome.complete) throw new Error(`lock order of ${scenario.name}: the exploration did not end; raise its bounds`);
  return sanitizer.lockEdges();
}

function trustedInstructions(blocks: readonly RecordedBlock[]): string[] {
  const labels = [...new Set(blocks.filter((b) => b.instruction).map((b) => JSON.stringify(b.label)))].sort();
  if (labels.length === 0) return [];
  return ["The sanitizers take on trust that a CPU executes each of these blocks as one instruction, " +
    `with the walk that translates its address, so that nothing comes between: ${labels.join(", ")}`];
}

/** Frames lie behind the structs, one thread after the other. */
function frameAreas(image: ProgramImage): FrameArea[] {
  return image.roots.map(({ base }, actor) => ({ from: base, to: image.roots[actor + 1]?.base ?? image.stateWords * 4 }));
}

interface Instrumented {
  readonly system: CompiledSystem;
  readonly sanitizer: Sanitizer;
}

function instrumented(scenario: Scenario, clearDeadLocals: boolean, options: SanitizerOptions): Instrumented {
  const image = compileImage(scenario, { variant: "instrumented", clearDeadLocals });
  const actors = image.actors.map((a) => a.name);
  let sanitizer: Sanitizer | null = null;
  const system = new CompiledSystem(image, (bytes) => {
    const view = viewOf(image.plan, bytes, actors.length, frameAreas(image));
    return (sanitizer = makeSanitizer(image.plan, image.sites, view, { actors, ...options }));
  });
  return { system, sanitizer: sanitizer! };
}
