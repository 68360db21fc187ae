/**
 * A picture of memory: what a project draws of a state of its own programs, beside the view that every program has.
 *
 * A picture is a module for a browser, registered in `thpcheck.config.ts` (`Config.picture`). Its default export is a function
 * from a scene to a drawing, which is plain data: elements with a class, and values of fields. The viewer makes elements of
 * it, writes the values, and marks those that the selected step changed; so what is written is what the state says.
 */
import type { Structs } from "../program/layout.ts";
import type { World } from "../program/world.ts";

/** A module that draws: its default export, and rules for the classes that it uses. */
export interface Picture<S extends Structs = Structs> {
  readonly draw: (scene: Scene<S>) => Drawing;
  /** CSS. Colours are best taken from the page's variables, such as `var(--line)`, so that they suit light and dark. */
  readonly style?: string;
}

/** A state, and the step that led to it. */
export interface Scene<S extends Structs = Structs> {
  /** The state after the step. Only reading: what is stored is lost. */
  readonly k: World<S>;
  /** The state before the step; of the initial state, that state. */
  readonly before: World<S>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly actors: readonly string[];
  /** The value of a field, `struct.field`, in words: of object `i`, element `j` of an array. Of a lock: who holds it. */
  value(field: string, i?: number, j?: number): Drawing;
  /** A field that is true or false, by a word of its own: struck out where it is false. */
  flag(field: string, word: string, i?: number): Drawing;
  /** The value as text, for a title. */
  text(field: string, i?: number, j?: number): string;
  /** Whether the step changed it. */
  isChanged(field: string, i?: number, j?: number): boolean;
  /** The actors that stand before the lock and cannot take it, by name. */
  waiters(field: string, i?: number): readonly string[];
}

export type Drawing = string | number | null | readonly Drawing[] | Figure | DrawnValue;

export interface Figure {
  readonly tag: Tag;
  readonly class?: string;
  /** Shown when the pointer rests on it. */
  readonly title?: string;
  /** Columns that a cell spans. */
  readonly columns?: number;
  /** The name of what it stands for, such as `page 3`: figures of one name light up together under the pointer. */
  readonly of?: string;
  readonly content: Drawing;
}

/** Elements that figures can be. */
export type Tag = "div" | "span" | "section" | "h3" | "h4" | "p" | "ul" | "li" | "table" | "tbody" | "tr" | "th" | "td";

/** The value of a field: made by `Scene.value` and `Scene.flag`. */
export interface DrawnValue {
  readonly field: string;
  readonly i: number;
  readonly j: number;
  /** What is written in place of the value. */
  readonly word?: string;
}
