/**
 * A shortest path to a state that shows a witness of a scenario, of which `check` says only that there is one; or to what breaks
 * a promise.
 */
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { forEachInitial, forEachStep, type Path, type PathStep } from "../../../checker/search/steps.ts";
import { UsageError } from "../../../checker/usage-error.ts";

const STATES_MAX = 400_000;

interface Found {
  readonly words: Int32Array;
  readonly from: Found | null;
  readonly step: PathStep | null;
  readonly initial: readonly number[];
}

/**
 * `witness` null: to the first state, or step, that breaks a promise. Throws a UsageError for a witness that the scenario does not
 * have, for what never comes, and where more states would have to be looked at.
 */
export function pathTo(scenario: Scenario, witness: string | null): Path {
  const { system } = compileScenario(scenario, { sourceMap: false });
  const index = witness === null ? -1 : system.sometimes.indexOf(witness);
  const what = witness === null ? "a broken promise" : JSON.stringify(witness);
  if (witness !== null && index < 0) {
    const has = system.sometimes.length === 0 ? "it has none" : `it has ${system.sometimes.map((s) => JSON.stringify(s)).join(", ")}`;
    throw new UsageError(`${scenario.name} has no witness ${JSON.stringify(witness)}: ${has}`);
  }
  const { vector, stateWords } = system;
  const keyNow = (): string => Buffer.from(vector.buffer, vector.byteOffset, stateWords * 4).toString("latin1");
  const seen = new Set<string>();
  const open: Found[] = [];
  forEachInitial(system, () => {
    seen.add(keyNow());
    open.push({ words: vector.slice(0, stateWords), from: null, step: null, initial: system.branch() });
  });
  for (let at = 0; at < open.length; at++) {
    const now = open[at]!;
    vector.set(now.words);
    if (witness === null ? system.checkState() >= 0 : system.witness(index)) return pathOf(now);
    if (seen.size > STATES_MAX) throw new UsageError(`${scenario.name} does not show ${what} in ${STATES_MAX} states`);
    let broken: Found | null = null;
    const steps = forEachStep(system, now.words, 0, (actor, _, fault) => {
      const step = { actor, choices: system.branch() };
      const next: Found = { words: vector.slice(0, stateWords), from: now, step, initial: now.initial };
      if (fault !== null) {
        broken ??= next;
        return;
      }
      const key = keyNow();
      if (seen.has(key)) return;
      seen.add(key);
      open.push(next);
    });
    if (witness !== null) continue;
    if (broken !== null) return pathOf(broken);
    vector.set(now.words);
    if (steps === 0 && system.checkEnd() >= 0) return pathOf(now);
  }
  throw new UsageError(`${scenario.name} never shows ${what}`);
}

function pathOf(end: Found): Path {
  const steps: PathStep[] = [];
  for (let at: Found | null = end; at !== null; at = at.from) if (at.step !== null) steps.unshift(at.step);
  return { initial: end.initial, steps };
}
