/**
 * A program image: a scenario compiled to one closed text plus the tables that explain it. Plain data: a worker thread
 * receives it as it is and needs neither the user's modules nor the compiler.
 */
import type { LayoutPlan } from "../program/layout.ts";
import type { Site } from "../program/observer.ts";
import type { RefinementPlan } from "../refinement-plan.ts";
import type { ActorInfo, Liveness } from "../system.ts";

/** How a local is stored: `bits` bits holding `value - min`. */
export interface SlotType {
  readonly bits: number;
  readonly min: number;
  readonly max: number;
  readonly boolean: boolean;
  /** For references and locks, what to print: the table's name, or "lock". */
  readonly refersTo: string | null;
  /** The value of the configuration that the range ends at; null or absent: it does not end at one. */
  readonly upTo?: string;
}

/** A local that lives across a yield. */
export interface FrameLocal {
  /** The unique name of the local in the emitted code. */
  readonly variable: string;
  /** The name as written. */
  readonly name: string;
  readonly type: SlotType;
}

/** A local that is kept at a point, and its place in the frame there. */
export interface Slot extends FrameLocal {
  /** First byte within the frame. */
  readonly byte: number;
  /** Within the byte, for slots narrower than 8 bits. */
  readonly shift: number;
}

/** What a frame holds while its routine stands at one point. */
export interface FrameLayout {
  readonly slots: readonly Slot[];
  /** The frame of a callee begins behind them. */
  readonly bytes: number;
}

/** The frame of a routine: its saved program counter, then the slots of where it stands. Counted from the base of the frame. */
export interface FramePlan {
  readonly pcBytes: number;
  /** Bits of the program counter when it shares its byte (pcBytes is 1). */
  readonly pcBits: number;
  /** All that have a slot at some point. */
  readonly locals: readonly FrameLocal[];
  /** By program counter; 0 (not started, or ended) keeps nothing. */
  readonly layouts: readonly FrameLayout[];
  /** Of the largest layout. */
  readonly bytes: number;
}

/** One yield or call of a routine, by its program counter: what traces and deadlock reports are made from. */
export interface Point {
  readonly kind: "yield" | "lock" | "call";
  /** The step's label; for a lock whose class is known only at run time, without the class. */
  readonly label: string;
  readonly site: number;
  readonly idle: boolean;
  /** For calls: emitted name of the callee. */
  readonly callee: string | null;
  /** For locks held in a local: that local's unique name. */
  readonly lockVariable: string | null;
  /** Unique names of the locals that live across this point. */
  readonly live: readonly string[];
}

export interface RoutineImage {
  readonly emitted: string;
  readonly name: string;
  readonly frame: FramePlan;
  readonly points: readonly (Point | null)[];
}

/** The functions by which steps are held to machines, by their emitted names. */
export interface RefiningFunctions {
  /** By machine: reads the state of an instance after the step, and before it. */
  readonly abstractions: readonly string[];
  readonly abstractionsBefore: readonly string[];
  /** How events concern machines, in the order in which each event is handed to them. `bounds`: a constant of the program. */
  readonly routes: readonly {
    readonly event: number; readonly machine: number; readonly first: number; readonly end: number;
    readonly bounds: string; readonly route: string;
  }[];
}

export interface ProgramImage {
  readonly scenario: string;
  readonly code: string;
  /** Source map of the emitted function, version 3, where it was asked for. */
  readonly map: object | null;
  readonly plan: LayoutPlan;
  readonly actors: readonly ActorInfo[];
  /** For compiled programs: root routine and first byte of the frame area of each thread. Empty for hand-written models. */
  readonly roots: readonly { readonly routine: string; readonly base: number }[];
  readonly stateWords: number;
  readonly statisticWords: number;
  readonly routines: readonly RoutineImage[];
  readonly points: readonly { readonly routine: string; readonly pc: number }[];
  readonly sites: readonly Site[];
  readonly always: readonly string[];
  /** How many excuses there are, and that of each state property; -1: none. */
  readonly excuses: number;
  readonly excuseOf: readonly number[];
  readonly stepProperties: readonly string[];
  readonly finally: readonly string[];
  readonly sometimes: readonly string[];
  /** Whether the scenario has a filter on initial states, and a bound on the search. */
  readonly initially: boolean;
  readonly within: boolean;
  readonly deadlockIsFine: boolean;
  readonly recurring: readonly string[];
  /** Absent: nothing is promised of whole runs. */
  readonly liveness?: Omit<Liveness, "holds">;
  readonly instrumented: boolean;
  /** Sites of the basic blocks that are counted; empty unless coverage was asked for. */
  readonly blocks: readonly number[];
  /** Places that call routines through which the outside calls; `routine` is the emitted name of the one that the place is in. */
  readonly calls: readonly { readonly routine: string; readonly site: number; readonly callee: string }[];
  /** As `Scenario.beyond`. */
  readonly beyond: Readonly<Record<string, string>>;
  /** The machines that each step is held to; null when there are none. */
  readonly refinement: RefinementPlan | null;
  readonly refining: RefiningFunctions | null;
  readonly refineAll: boolean;
}
