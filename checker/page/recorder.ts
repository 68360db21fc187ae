/**
 * The states of a trace for a page: notes, of each state that the system's vector holds, what differs from the one before.
 */
import { CompiledSystem } from "../image/compiled-system.ts";
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";
import { elementName, elementText, type Shows } from "../program/value-text.ts";
import { localValues, showsOf, type ChangedValue } from "../program/values.ts";
import { positionOf, StateBytes } from "../program/world.ts";
import { isModel, type Scenario } from "../scenario.ts";
import type { SourceFrame, TransitionSystem } from "../system.ts";
import { canMove } from "../trace/replay.ts";
import type { Place, ProgramData, Standing, StateData, TraceData } from "./data.ts";
import type { SourceExcerpts } from "./source-excerpts.ts";

export class StateRecorder {
  readonly #system: TransitionSystem;
  /** The same, where it was compiled. */
  readonly #compiled: CompiledSystem | null;
  readonly #layout: LayoutPlan | null;
  readonly #shows: Shows;
  readonly #sources: SourceExcerpts;
  readonly #states: StateData[] = [];
  readonly #shown: Record<string, Record<number, string>> = {};
  /** What the step to the state noted last changed in structs, in words. */
  #changes: readonly ChangedValue[] = [];
  /** As they were last noted. */
  #words: Int32Array | null = null;
  #named: ReadonlyMap<string, string> = new Map();
  readonly #stands: string[] = [];
  readonly #machines: (string | null)[] = [];

  constructor(system: TransitionSystem, scenario: Scenario, sources: SourceExcerpts) {
    this.#system = system;
    this.#compiled = system instanceof CompiledSystem ? system : null;
    this.#layout = this.#compiled?.image.plan ?? null;
    this.#shows = showsOf(isModel(scenario) ? scenario.model.structs : scenario.structs);
    this.#sources = sources;
  }

  get states(): readonly StateData[] { return this.#states; }
  get shown(): TraceData["shown"] { return this.#shown; }

  /** What the trace does not change. */
  program(scenario: Scenario): ProgramData {
    const machines = this.#compiled?.image.refinement?.machines ?? [];
    return {
      scenario: scenario.name, why: scenario.why, config: scenario.config ?? {},
      actors: this.#system.actors.map((a) => a.name), layout: this.#layout === null ? null : slim(this.#layout),
      instances: machines.flatMap(({ name, titles }) => titles.map((title) => ({ machine: name, title }))),
    };
  }

  /** What the step to the state noted last changed in structs, in words; null where states have no structs. */
  get changes(): readonly ChangedValue[] | null { return this.#layout === null ? null : this.#changes; }

  /** The events of the step that led to the present state. Asked right after the step. */
  events(): readonly string[] {
    return this.#compiled?.announced() ?? [];
  }

  /** The routines that the actor is in, the outermost first. */
  stack(actor: number): Place[] {
    return this.#system.position(actor).stack.map((frame) => this.#place(frame)).reverse();
  }

  /** Notes the state in the vector. */
  note(): void {
    this.#noteShown();
    this.#noteChanges();
    this.#states.push({ words: this.#newWords(), named: this.#newNames(), machines: this.#newMachines(), stands: this.#newStands() });
  }

  #place({ routine, file, line }: SourceFrame): Place {
    return { routine, file: this.#sources.show(file, line), line };
  }

  #newWords(): number[] {
    const now = this.#system.vector.slice(0, this.#system.stateWords);
    const before = this.#words;
    this.#words = now;
    if (before === null) return [...now];
    return [...now].flatMap((word, n) => (word === before[n] ? [] : [n, word]));
  }

  #newNames(): [string, string | null][] {
    // The fields of structs are in the words.
    const values = this.#system.values();
    const now = new Map((this.#layout === null ? values : localValues(this.#layout, values)).map((v) => [v.name, v.value]));
    const before = this.#named;
    this.#named = now;
    const changed = [...now].filter(([name, value]) => before.get(name) !== value);
    return [...changed, ...[...before.keys()].filter((name) => !now.has(name)).map((name): [string, null] => [name, null])];
  }

  #newStands(): [number, Standing][] {
    return this.#system.actors.flatMap((_, actor): [number, Standing][] => {
      const where = this.#standing(actor);
      const text = JSON.stringify(where);
      if (this.#stands[actor] === text) return [];
      this.#stands[actor] = text;
      return [[actor, where]];
    });
  }

  #standing(actor: number): Standing {
    const { label, stack: [innermost], waitsFor } = this.#system.position(actor);
    return {
      label, place: innermost === undefined ? null : this.#place(innermost), lock: waitsFor?.lock ?? null,
      canMove: canMove(this.#system, actor), atRest: this.#system.atRest(actor),
    };
  }

  #newMachines(): [number, string | null][] {
    const instances = this.#compiled?.image.refinement?.machineOf.length ?? 0;
    return Array.from({ length: instances }, (_, n) => n).flatMap((n): [number, string | null][] => {
      const state = this.#machineState(n);
      if (this.#machines[n] === state) return [];
      this.#machines[n] = state;
      return [[n, state]];
    });
  }

  /** After a step that went wrong, an abstraction may read what it is not made for. */
  #machineState(instance: number): string | null {
    try {
      return this.#compiled!.machineState(instance);
    } catch {
      return null;
    }
  }

  #noteChanges(): void {
    if (this.#layout === null || this.#words === null) return;
    const layout = this.#layout;
    const [now, was] = [new StateBytes(this.#system.vector.buffer), new StateBytes(this.#words.slice().buffer)];
    const view = { actors: this.#system.actors.map((a) => a.name), shows: this.#shows };
    this.#changes = layout.fields.filter((f) => f.role !== "statistic").flatMap((field) => elementsOf(field).flatMap((word) => {
      const [before, after] = [elementText(layout, was, word, view), elementText(layout, now, word, view)];
      return before === after ? [] : [{ name: elementName(field, word.i, word.j), before, after }];
    }));
  }

  /** The words of values that have not been met before. */
  #noteShown(): void {
    if (this.#layout === null) return;
    const bytes = new StateBytes(this.#system.vector.buffer);
    for (const f of this.#layout.fields) {
      const show = f.role === "statistic" ? undefined : this.#shows.get(f.path);
      if (show === undefined) continue;
      const words = (this.#shown[f.path] ??= {});
      for (const { i, j } of elementsOf(f)) {
        const value = bytes.raw(f, positionOf(f, 0, i, j)) + f.min;
        words[value] ??= show(value);
      }
    }
  }
}

function elementsOf(field: FieldPlan): { readonly field: FieldPlan; readonly i: number; readonly j: number }[] {
  return Array.from({ length: field.count }, (_, i) => i)
    .flatMap((i) => Array.from({ length: field.length ?? 1 }, (_, j) => ({ field, i, j })));
}

/** Without the declarations, which say again what the plan of each field says, and without statistics, which no state has. */
function slim(layout: LayoutPlan): LayoutPlan {
  const structs = Object.entries(layout.structs).map(([name, { shape, count }]) => [name, { shape, count, fields: {} }] as const);
  return { ...layout, structs: Object.fromEntries(structs), fields: layout.fields.filter((f) => f.role !== "statistic") };
}
