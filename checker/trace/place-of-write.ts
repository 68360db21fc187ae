/**
 * Where a machine's state was changed that no event explains: the last store of the violating step to something that
 * the abstraction of the instance reads. The plain variant of a program does not know where its stores come from, so
 * the trace is taken once more by the instrumented one.
 */
import { CompiledSystem } from "../image/compiled-system.ts";
import { changedBits } from "../image/explain-refusal.ts";
import { bitsOf } from "../compile/reads.ts";
import { compileImage } from "../compile/compile.ts";
import type { LayoutPlan } from "../program/layout.ts";
import { READ, READ_ONCE, type Site, type StepObserver } from "../program/observer.ts";
import { refinementProperty } from "../refinement.ts";
import type { ReplayedTrace } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import type { TransitionSystem } from "../system.ts";

/** The trace with the place of the store in its explanation, where it is one that lacks it. `system` has just replayed it. */
export function withPlaceOfWrite(
  scenario: Scenario, system: TransitionSystem, clearDeadLocals: boolean, replayed: ReplayedTrace,
): ReplayedTrace {
  const { property, explanation } = replayed;
  if (property.kind !== "step" || explanation === null || explanation.source !== null) return replayed;
  const isOfMachine = (scenario.refine ?? []).some((r) => refinementProperty(r.machine) === property.name);
  if (!isOfMachine || !(system instanceof CompiledSystem)) return replayed;
  const refusal = system.refusal();
  if (refusal === null || system.refinement === undefined) return replayed;
  const changed = changedBits(system.refinement.plan, refusal.instance, system.incremental.before, system.vector);
  const site = lastStore(scenario, clearDeadLocals, replayed, changed);
  return site === null ? replayed : { ...replayed, explanation: { ...explanation, source: `${site.file}:${site.line}` } };
}

/** `changed`: the bits that no event explains, by word of the state. */
function lastStore(
  scenario: Scenario, clearDeadLocals: boolean, { trace }: ReplayedTrace, changed: ReadonlyMap<number, number>,
): Site | null {
  const image = compileImage(scenario, { variant: "instrumented", clearDeadLocals });
  let last: number | null = null;
  const system = new CompiledSystem(image, () => new StoreObserver(image.plan, changed, (site) => { last = site; }));
  system.setBranch(trace.initial);
  system.init();
  for (const step of trace.steps) {
    last = null;
    system.setBranch(step.choices);
    system.step(system.actors.findIndex((a) => a.name === step.actor));
  }
  return last === null ? null : image.sites[last] ?? null;
}

class StoreObserver implements StepObserver {
  readonly #plan: LayoutPlan;
  readonly #wanted: ReadonlyMap<number, number>;
  readonly #stored: (site: number) => void;

  constructor(plan: LayoutPlan, wanted: ReadonlyMap<number, number>, stored: (site: number) => void) {
    this.#plan = plan;
    this.#wanted = wanted;
    this.#stored = stored;
  }
  #touch(field: number, i: number, j: number, site: number): void {
    const f = this.#plan.fields[field]!;
    if (f.role === "statistic" || (f.bits === 0 && f.lockBase < 0)) return;
    if (bitsOf(f, i, j, this.#plan.maskBytes).some(({ word, mask }) => ((this.#wanted.get(word) ?? 0) & mask) !== 0)) this.#stored(site);
  }
  #lock(lock: number, site: number): void {
    const f = this.#plan.fields.find((x) => x.lockBase >= 0 && lock >= x.lockBase && lock < x.lockBase + x.count)!;
    this.#touch(f.id, lock - f.lockBase, 0, site);
  }
  access(field: number, i: number, j: number, mode: number, site: number): void {
    if (mode !== READ && mode !== READ_ONCE) this.#touch(field, i, j, site);
  }
  acquire(lock: number, _mode: string, _trylock: boolean, site: number): void {
    this.#lock(lock, site);
  }
  release(lock: number, _mode: string, site: number): void {
    this.#lock(lock, site);
  }
  beginStep(): void {}
  acquireFailed(): void {}
  endStep(): void {}
}
