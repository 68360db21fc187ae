/** What lies where in the memory of a lowered program: the state at 0, as its views see it, then the choices of the step. */
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

/** Choices of one step. A step that takes more traps, and is left to JavaScript. */
const CHOICES_MAX = 64;

/** By the name of the view. `words`: of the state with its statistics. */
export function viewPlaces(words: number): Readonly<Record<string, ViewPlace>> {
  const state = { offset: 0, checked: null };
  const choices = { shift: 2, load: OP.load32s, store: OP.store32, length: CHOICES_MAX, checked: CHOICES_MAX };
  return {
    $B: { ...state, shift: 0, load: OP.load8u, store: OP.store8, length: 4 * words },
    $H: { ...state, shift: 1, load: OP.load16u, store: OP.store16, length: 2 * words },
    $W: { ...state, shift: 2, load: OP.load32u, store: OP.store32, length: words },
    $vector: { ...state, shift: 2, load: OP.load32s, store: OP.store32, length: words },
    $cs: { ...choices, offset: 4 * words },
    $cn: { ...choices, offset: 4 * (words + CHOICES_MAX) },
  };
}

/** Pages of 64 KiB that all of it takes. */
export const memoryPages = (words: number): number => Math.ceil((4 * (words + 2 * CHOICES_MAX)) / 65536);
