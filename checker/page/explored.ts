/** What the explorer's server and its page tell one another. */
import type { PageData } from "./data.ts";

/** A run from an initial state: the choices of `init`, then who steps, and which choices it takes. */
export interface WalkedPath {
  readonly initial: readonly number[];
  readonly steps: readonly { readonly actor: number; readonly choices: readonly number[] }[];
}

/** A step that can be taken. */
export interface NextStep {
  readonly actor: number;
  readonly choices: readonly number[];
  readonly label: string;
  /** What it chooses, in words. */
  readonly words: readonly string[];
  /** How it goes wrong; null: it does not. */
  readonly fault: string | null;
}

/** Where a path has led. */
export interface Explored {
  readonly page: PageData;
  readonly path: WalkedPath;
  /** The path as a trace string. */
  readonly link: string;
  readonly next: readonly NextStep[];
  /** Initial states to choose from: more than one only while the path has no steps. */
  readonly initials: readonly { readonly choices: readonly number[]; readonly words: readonly string[] }[];
  /** What one can look for, by name. */
  readonly promises: readonly string[];
  readonly witnesses: readonly string[];
}

/** What a run or a search stops at. */
export type Goal =
  | { readonly kind: "broken" }
  | { readonly kind: "promise" | "witness" | "label" | "field"; readonly name: string };

/** `walk`: by chance from here; `nearest`: the nearest state behind this one. */
export type Way = "walk" | "nearest";

/** What came of it. */
export interface Arrival {
  /** A sentence. */
  readonly says: string;
  /** Null: nothing was found, and one is where one was. */
  readonly state: Explored | null;
}
