/**
 * What lies where in the memories of a lowered program. Memory 0 has the state, as its views see it, then the choices of the step,
 * the state before, and what a search keeps of a batch. The visited table, the two frontiers and the links have a memory each,
 * since each grows on its own.
 */
import { EVENT_ARGUMENTS } from "../image/refinement-runtime.ts";
import { OP } from "./encode.ts";

export interface ViewPlace {
  /** First byte. */
  readonly offset: number;
  /** Of an index, so that it becomes bytes. */
  readonly shift: number;
  readonly load: number;
  readonly store: number;
  /** Elements. */
  readonly length: number;
  /** Elements, where an index beyond them traps; null: the program checks its indices itself. */
  readonly checked: number | null;
}

/** Memories by number. */
export const MEMORIES = ["memory", "table", "even", "odd", "links"] as const;

/** Those of a search on several workers: after these, the frontiers of all. */
export function memoriesOf(workers: number): readonly string[] {
  return workers === 1 ? MEMORIES : [...MEMORIES, ...Array.from({ length: workers }, (_, w) => [`even${w}`, `odd${w}`]).flat()];
}

/** Choices of one step. A step that takes more traps, and is left to JavaScript. */
export const CHOICES_MAX = 64;

/** Arrays of memory 0, in words, one after the other. */
export class Layout {
  readonly arrays = new Map<string, { readonly offset: number; readonly length: number }>();
  #end = 0;

  add(name: string, length: number): void {
    this.arrays.set(name, { offset: this.#end, length });
    // Registers of 16 bytes are loaded fastest where they do not lie across a cache line.
    this.#end += Math.ceil(length / 4) * 16;
  }

  offset(name: string): number {
    return this.arrays.get(name)!.offset;
  }

  /** Pages of 64 KiB that all of it takes. */
  get pages(): number {
    return Math.max(1, Math.ceil(this.#end / 65536));
  }
}

/** The arrays that a step needs. `words`: of the state with its statistics. */
export function programLayout(words: number, callBytes: number): Layout {
  const layout = new Layout();
  layout.add("vector", words);
  layout.add("before", words);
  layout.add("chosen", CHOICES_MAX);
  layout.add("options", CHOICES_MAX);
  layout.add("changed", words);
  layout.add("calls", Math.ceil(callBytes / 4));
  return layout;
}

/** By the name of the view in an emitted program; `$sets` are the sets of properties that a search asks. `tables`: of the program. */
export function viewPlaces(layout: Layout, tables: readonly string[]): Readonly<Record<string, ViewPlace>> {
  const place = (name: string, shift: number, load: number, store: number, checked: number | null = null): ViewPlace => {
    const { offset, length } = layout.arrays.get(name) ?? { offset: 0, length: 0 };
    return { offset, shift, load, store, length: (4 * length) >> shift, checked };
  };
  const state = (name: string): readonly ViewPlace[] => [
    place(name, 0, OP.load8u, OP.store8), place(name, 1, OP.load16u, OP.store16), place(name, 2, OP.load32u, OP.store32),
    place(name, 2, OP.load32s, OP.store32),
  ];
  const [$B, $H, $W, $vector] = state("vector");
  const [$PB, $PH, $PW, $before] = state("before");
  const signed = (name: string, checked: number | null = null): ViewPlace => place(name, 2, OP.load32s, OP.store32, checked);
  return {
    ...Object.fromEntries(tables.map((name) => [name, signed(name, layout.arrays.get(name)!.length)])),
    $B: $B!, $H: $H!, $W: $W!, $vector: $vector!, $PB: $PB!, $PH: $PH!, $PW: $PW!, $before: $before!,
    $cs: signed("chosen", CHOICES_MAX), $cn: signed("options", CHOICES_MAX), $changed: signed("changed"), $sets: signed("sets"),
    $lockAt: signed("lockAt"), $lockKind: signed("lockKind"), $lockQueued: signed("lockQueued"), $spinAt: signed("spinAt"),
    $calls: place("calls", 0, OP.load8u, OP.store8),
    $event: signed("event"), $args: signed("args", EVENT_ARGUMENTS), $machineOf: signed("$machineOf"),
  };
}
