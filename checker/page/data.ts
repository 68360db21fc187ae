/**
 * What a page holds: a program and a trace of it, as plain data from which `viewer/` draws every step.
 *
 * States are the words of the state vector: the first one whole, each other one as what differs from the one before. With
 * the layout, the same functions as everywhere read values from them (`program/world.ts`, `program/value-text.ts`).
 */
import type { LayoutPlan } from "../program/layout.ts";

export const PAGE_FORMAT = "thpcheck-page";
export const PAGE_VERSION = 1;

export interface PageData {
  readonly format: typeof PAGE_FORMAT;
  readonly version: typeof PAGE_VERSION;
  readonly program: ProgramData;
  readonly trace: TraceData;
}

export interface ProgramData {
  readonly scenario: string;
  readonly why: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly actors: readonly string[];
  /** Null for a system that is ready made: its states are known by named values alone. */
  readonly layout: LayoutPlan | null;
  /** Every instance of the machines that steps are held to, numbered as in `StateData.machines`. */
  readonly instances: readonly { readonly machine: string; readonly title: string }[];
}

/** A line of a page, and what it is: an alarm, a change, ... */
export interface TextLine {
  readonly text: string;
  readonly style: "plain" | "bold" | "dim" | "change" | "alarm";
}

/** A place in the source. `file` is an index into `TraceData.sources`. */
export interface Place {
  readonly routine: string;
  readonly file: number;
  readonly line: number;
}

export interface TraceData {
  /** What is broken, in words; none for a trace that breaks nothing. */
  readonly verdict: readonly TextLine[];
  /** The command that replays the trace; null: there is none. */
  readonly replay: string | null;
  /** What was chosen at first. */
  readonly choices: readonly string[];
  /** Step n is number n + 1. */
  readonly steps: readonly StepData[];
  /** One more than steps: state n is that after step n. */
  readonly states: readonly StateData[];
  /** Values as their declarations show them, by `struct.field`: all that occur. */
  readonly shown: Readonly<Record<string, Readonly<Record<number, string>>>>;
  /** The files of places, each with the lines that are shown. */
  readonly sources: readonly { readonly file: string; readonly lines: Readonly<Record<number, string>> }[];
  /** The state to which the trace returns for ever; null: to none. */
  readonly loop: number | null;
}

export interface StepData {
  /** An index into `ProgramData.actors`. */
  readonly actor: number;
  readonly label: string;
  readonly choices: readonly string[];
  /** Why another actor runs from here on; null: it is the same one, or the first. */
  readonly switched: string | null;
  /** The routines that the actor is in, the outermost first. */
  readonly stack: readonly Place[];
  /** The call of the thread's own routine that the step is in, as the source has it; null: in none, or not known. */
  readonly call: string | null;
  /** How much the step matters to the broken promise, from 1 (most) to 4; 5: not at all. See `trace/slice.ts`. */
  readonly rank: number;
  /** What it did, in words. */
  readonly lines: readonly TextLine[];
  /** The events that it announced to the machines. */
  readonly events: readonly string[];
  /** What it counted. */
  readonly statistics: readonly string[];
}

export interface StateData {
  /** Of state 0 all words of the vector; of each other one, pairs of a word's index and its value. */
  readonly words: readonly number[];
  /** Named values that no field of a struct is (locals of routines), as they are from here on; null: gone. */
  readonly named: readonly (readonly [name: string, value: string | null])[];
  /** Where actors stand from here on: those for whom it is another place than before. */
  readonly stands: readonly (readonly [actor: number, where: Standing])[];
  /** States of instances from here on, in words; null: no state of the machine. */
  readonly machines: readonly (readonly [instance: number, state: string | null])[];
}

/** Where an actor stands. */
export interface Standing {
  /** The label of its next step; null: it has none, or does not say. */
  readonly label: string | null;
  readonly place: Place | null;
  /** The lock that its next step takes; null: none. */
  readonly lock: string | null;
  readonly canMove: boolean;
  /** It has ended, or may rest here for ever. */
  readonly atRest: boolean;
}
