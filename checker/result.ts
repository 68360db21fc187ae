/** Results as plain data. Rendering them is the business of `report/`. */
import type { Explanation, LivenessKind, NamedValue, SourceFrame } from "./system.ts";

export const RESULT_FORMAT = "thpcheck-result";
export const RESULT_VERSION = 1;
export const TRACE_FORMAT = "thpcheck-trace";
export const TRACE_VERSION = 1;

export type Tier = "quick" | "full" | "nightly";
export type StrategyName = "bfs" | "dfs" | "random" | "pct";
/** What a search runs in: the program as JavaScript, or both lowered to WebAssembly. */
export type EngineName = "js" | "wasm";
/** What is asked for; `auto`: WebAssembly where a search is large enough to pay for the lowering. */
export type EngineChoice = EngineName | "auto";
export type Verdict = "holds" | "violated" | "incomplete" | "error";

/** What a program's result does not cover unless the sanitizers ran; said once for a whole run, since it is true of most. */
export const ATOMICITY_NOT_CHECKED =
  "That the blocks between two yields are atomic was taken as the routines state it; --sanitize checks it.";

/** How the note begins that a search was to run in WebAssembly, and why it could not. */
export const IN_JAVASCRIPT = "it ran in JavaScript";

/** How the remark begins that nobody looked for states from which no end can be reached. */
export const TRAPS_NOT_CHECKED = "That an end stays reachable from every state was not checked";

/** How the remark begins that nobody looked at whole runs. */
export const LIVENESS_NOT_CHECKED = "What is promised of whole runs (liveness) was not checked";

/**
 * What a trace shows to be broken. `fault` names a rule that every program is held to, `recurring` what must stay reachable from
 * everywhere; of the kinds of liveness the trace is a run that goes round for ever (`Trace.loop`).
 */
export interface PropertyRef {
  readonly kind: "always" | "step" | "finally" | "sometimes" | "deadlock" | "fault" | "recurring" | LivenessKind;
  readonly name: string;
}

/** A unified diff that the program is loaded under, applied in memory. */
export interface Patch {
  /** The file that it was read from, as the person named it. */
  readonly name: string;
  readonly text: string;
}

/** Everything a counterexample needs; replay recomputes the rest. See contracts, "Trace JSON". */
export interface Trace {
  readonly format: typeof TRACE_FORMAT;
  readonly version: typeof TRACE_VERSION;
  readonly scenario: string;
  readonly programHash: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly policy: string | null;
  readonly patch: Patch | null;
  readonly memoryModel: "sc";
  readonly seed: number;
  readonly property: PropertyRef;
  /** Choices of `init`, when it branches. */
  readonly initial: readonly number[];
  readonly steps: readonly TraceStep[];
  readonly loop: number | null;
}

export interface TraceStep {
  readonly actor: string;
  readonly label: string;
  readonly choices: readonly number[];
}

export interface Violation {
  /** The name of the promise: what `violated("...")` is compared with. */
  readonly property: string;
  readonly kind: PropertyRef["kind"];
  readonly message: string;
  readonly trace: Trace | null;
  /** Steps of the trace; states are one more. */
  readonly length: number;
  /** Shortest and with the fewest context switches among the shortest; false when that search would not fit its bounds. */
  readonly minimised: boolean;
  /** The promise has no value in the last state: what it throws there. */
  readonly throws?: string;
}

export interface WitnessReport {
  readonly name: string;
  readonly reached: boolean;
}

/** What a search counts. */
export interface Counts {
  /** Distinct states. */
  readonly states: number;
  /** (state, step) pairs, with multiplicity; a step back to the same state counts. */
  readonly transitions: number;
  /** BFS levels (the initial states are level 1); for other strategies the longest path walked, in states. */
  readonly depth: number;
  /** End states: no step is possible, and every actor has ended or rests. */
  readonly terminals: number;
  /** States of each BFS level; empty for other strategies. */
  readonly levels: readonly number[];
  /** Peak bytes of visited table and predecessor links. */
  readonly tableBytes: number;
  /** Threads that searched. */
  readonly workers: number;
  /** Walks taken by a random or PCT run, the one that found something included; null for a search. */
  readonly walks: number | null;
}

/** What is measured of a search, from the explorer to the result. */
export interface Measures extends Counts {
  /** The search for a shorter trace included. */
  readonly seconds: number;
  readonly statesPerSecond: number;
  readonly bytesPerState: number;
  /** Expected number of states lost to equal fingerprints, n(n-1)/2 / 2^bits; 0 in exact mode. */
  readonly expectedCollisions: number;
  readonly fingerprintBits: number;
  readonly exact: boolean;
  readonly strategy: StrategyName;
  readonly engine: EngineName;
  readonly seed: number;
}

/** In how many states of a run a promise about every state was in force. */
export interface InvariantReport {
  readonly name: string;
  /**
   * Stored states in which the promise was in force: its excuse did not apply. In each of them the promise was evaluated,
   * or the step to the state changed nothing that the promise reads, and the promise holds before the step. All states
   * for a promise without excuse; 0 says that it promised nothing. A function of the states: the same for any number of
   * workers.
   */
  readonly inForce: number;
}

/** What a run says of one machine. */
export interface MachineReport {
  readonly machine: string;
  readonly instances: number;
  /** Transitions taken in all, counted at each step. */
  readonly moves: number;
  /** How often each arrow of the machine was taken; those that never were are left out. */
  readonly taken: readonly { readonly arrow: string; readonly count: number }[];
  /** Arrows that some program could take. */
  readonly arrows: number;
}

export interface RefinementReport {
  /** Steps that were held to the machines. */
  readonly steps: number;
  readonly machines: readonly MachineReport[];
}

export interface ScenarioResult extends Measures {
  readonly scenario: string;
  readonly verdict: Verdict;
  /** The verdict that the scenario declares, in words: `holds`, `holds (14,456 states)`, `violated("I1")`. */
  readonly expected: string;
  readonly asExpected: boolean;
  /** Why `asExpected` is false or the verdict is incomplete or error; null otherwise. */
  readonly reason: string | null;
  /** What is worth knowing and no reason against the result, in sentences: under a patch, counts that are not as pinned. */
  readonly notes: readonly string[];
  readonly reductions: readonly string[];
  readonly witnesses: readonly WitnessReport[];
  /** The promises about every state, in the order of their declaration. */
  readonly invariants: readonly InvariantReport[];
  /** What this run did not look at, in sentences. */
  readonly notChecked: readonly string[];
  /** Why it says less than it seems to, in sentences: no call ever succeeds, a thread never gets past its first call. */
  readonly warnings: readonly string[];
  readonly violation: Violation | null;
  /**
   * What else is broken: breadth-first, each promise that breaks in some state or step of the level at which the search ended, or
   * of any level if the search went on past violations (`--continue`); otherwise in the state or step at which it ended. A scenario
   * that expects one of them to be violated is shown that one, as `violation`. The shortest traces come first, then the order of
   * declaration.
   */
  readonly alsoViolated: readonly PropertyRef[];
  /** Of a search that went on past violations: those of `alsoViolated`, each with the shortest trace to it. */
  readonly further: readonly Violation[];
  /** What was held to the machines of the specification; null when nothing was. */
  readonly refinement: RefinementReport | null;
}

/**
 * A result under the names of version 1 of the format. `collisionProbability` is the expected number of collisions,
 * `unexcused` the number of states in which an invariant was in force. Version 2 will have the names of `ScenarioResult`.
 */
export interface ResultV1 extends Omit<
  ScenarioResult, "alsoViolated" | "further" | "notes" | "warnings" | "engine" | "expectedCollisions" | "levels" | "invariants"
> {
  /** Absent in files that were written before there was this field; so are the next four. */
  readonly alsoViolated?: readonly PropertyRef[];
  readonly further?: readonly Violation[];
  readonly warnings?: readonly string[];
  readonly notes?: readonly string[];
  readonly engine?: EngineName;
  readonly collisionProbability: number;
  readonly invariants: readonly { readonly name: string; readonly unexcused: number }[];
  /** The scenario's module, with slashes, relative to the folder of the run where it lies in it. This and what follows: as `notes`. */
  readonly file?: string;
  /**
   * Where the broken promise was found broken, the source line of the trace's last step; or where the scenario was refused. Null:
   * there is no such line.
   */
  readonly place?: { readonly file: string; readonly line: number } | null;
  /** Which part of the promise failed, and the values that it was computed from; null: nothing more is known than the message. */
  readonly explanation?: Explanation | null;
  /** The command that replays the violation; null: there is none. */
  readonly replay?: string | null;
}

/** A place that a hunk changes, and who ran it under the patch. */
export interface PatchPlace {
  /** In a line that was put in, or taken out; or between two lines, where some were taken out. */
  readonly kind: "added" | "removed" | "between";
  /** In the text as patched; of a removed line in the text without the patch. */
  readonly line: number;
  readonly function: string;
  /** The line; empty for a place between lines. */
  readonly source: string;
  /** False: the head of a statement whose body is changed as well, of which alone the effect is. */
  readonly leaf: boolean;
  /** Of the scenarios of the run, those that ran it, and how often. Of a removed line: those that run it without the patch, not counted. */
  readonly ranIn: readonly { readonly scenario: string; readonly times: number | null }[];
  /** Nothing is known of it: it is part of no program of the run, or, of a removed line, of no program of the index. */
  readonly unknown: boolean;
}

/**
 * What a run says of a hunk. `ran`: its changed lines did. `elsewhere`: they are nothing that is counted, but programs are others by
 * the patch. `nothing`: they are comments, empty lines, or no part of a module. `never`: none of the above, so that the results say
 * nothing of the hunk.
 */
export type HunkEffect = "ran" | "elsewhere" | "nothing" | "never";

export interface PatchHunk {
  /** The line at which the patch says that it begins, and that at which it does. */
  readonly says: number;
  readonly at: number;
  /** Other lines at which it would fit as well, where it does not lie where it says. */
  readonly elsewhere: readonly number[];
  readonly places: readonly PatchPlace[];
  /** What its lines are besides, in words: "comments", "constants", ... */
  readonly others: readonly string[];
  readonly effect: HunkEffect;
}

export interface PatchFile {
  readonly file: string;
  /** The name that it had; null where the patch does not rename it. */
  readonly was: string | null;
  readonly change: "changed" | "new" | "gone" | "renamed";
  readonly isModule: boolean;
  /** Parts of the patch that change it; where there are several, the hunks are what they come to. */
  readonly parts: number;
  readonly hunks: readonly PatchHunk[];
}

/** A scenario that, without the patch, comes to changed lines. */
export interface PatchReach {
  readonly scenario: string;
  readonly tier: Tier;
  readonly states: number;
  /** Of the changed places that are known to the index, how many. */
  readonly places: number;
}

/** What a run under a patch says of the patch itself. */
export interface PatchReport {
  readonly name: string;
  readonly files: readonly PatchFile[];
  /** Scenarios of the run. */
  readonly scenarios: readonly string[];
  /** Of these, the programs that are others by the patch, where that was asked because nothing else could tell; null: it was not. */
  readonly otherPrograms: readonly string[] | null;
  /** Scenarios that pin how many states they have, and have as many under the patch; and those that have others. */
  readonly countsAsPinned: readonly string[];
  readonly countsOther: readonly string[];
  /** Some hunk is `ran` or `elsewhere`. Otherwise the results say nothing of the patch. */
  readonly wasExercised: boolean;
  /** Changed places that the index knows. */
  readonly knownPlaces: number;
  /** Scenarios that come to changed lines and were not part of the run, in the order in which to try them; null: there is no index. */
  readonly reach: readonly PatchReach[] | null;
  /** Scenarios, too large to be explored whole, that may come there as well. */
  readonly mayReach: readonly string[];
  /** Functions whose text is another than the index has: what it says of them is about the whole function. */
  readonly outdated: readonly string[];
  /** Scenarios that are others by now than the index has. They are offered all the same; of the run, nothing is said by their rows. */
  readonly outdatedScenarios: number;
}

/** What a run has come to. */
export interface RunTotals {
  readonly exitCode: number;
  /** Scenarios that were checked, by what came out: their sum is the number of results. */
  readonly asExpected: number;
  readonly notAsExpected: number;
  readonly incomplete: number;
  readonly error: number;
  readonly states: number;
  readonly seconds: number;
  /** Names of scenarios that were not checked, because the run was stopped, or that `--up-to` left out. */
  readonly notRun: readonly string[];
  readonly leftOut: readonly string[];
  /** Why modules gave no scenarios, a sentence each. */
  readonly failures: readonly string[];
}

export interface ResultFile {
  readonly format: typeof RESULT_FORMAT;
  readonly version: typeof RESULT_VERSION;
  readonly tier: Tier;
  readonly seed: number;
  readonly results: readonly ResultV1[];
  /** What the run has come to; absent while it goes on, and where it was broken off. */
  readonly end?: RunTotals;
  /** Under a patch, when the run has ended. */
  readonly patch?: PatchReport;
}

/** One row of a trace as `replay` recomputes it; the terminal view and any other view start from here. */
export interface TraceRow {
  /** 0 is the initial state. */
  readonly index: number;
  readonly actor: string | null;
  readonly label: string | null;
  readonly choices: readonly string[];
  readonly source: SourceFrame | null;
  /** Fields whose value the step changed. */
  readonly changes: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly statistics: readonly NamedValue[];
  /** Why another actor runs from here on: the previous one ended, waits, or was preempted; null without a switch. */
  readonly switchReason: string | null;
}

/** A word that a promise reads, or that a step wrote: an element of a field, or a lock. */
export interface ReadWord {
  readonly name: string;
  /** As the promise found it. */
  readonly value: string;
  /** The step that wrote it last; 0: it is as it was at first. */
  readonly writer: number;
}

/** What a step read that another actor changed before the reader went on, without looking again. */
export interface StaleRead {
  readonly name: string;
  readonly value: string;
  /** The first step that changed it since. */
  readonly changedBy: number;
}

/** What a step read that another actor had changed in a call that was under way at the same time; the first time since. */
export interface FreshRead {
  readonly name: string;
  readonly value: string;
  /** The step that changed it. */
  readonly writer: number;
}

/** What a step did to memory and locks. */
export interface StoryStep {
  /** The routines that the actor was in, the outermost first. */
  readonly stack: readonly SourceFrame[];
  /** The call of the thread's own routine that the step is in, as the source has it; null: in none, or not known. */
  readonly call: string | null;
  /** Words stored to, values before and after the step; also stores that changed nothing. Locks are in `locks`. */
  readonly writes: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly locks: readonly {
    readonly kind: "takes" | "releases" | "failed";
    readonly lock: string;
    readonly shared: boolean;
    /** Taken from another actor, in calls that are under way at the same time: who released it, in which step. */
    readonly from: { readonly actor: string; readonly step: number } | null;
  }[];
  /** Locks that the actor held at some time of the step. */
  readonly held: readonly { readonly lock: string; readonly shared: boolean }[];
  /** Steps of other actors that wrote last what this step reads. */
  readonly partners: readonly number[];
  readonly stale: readonly StaleRead[];
  readonly fresh: readonly FreshRead[];
}

/** Why the steps of a trace matter to the promise that it breaks. */
export interface TraceStory {
  /** What the promise says, in its own words; null: nothing more than its name. */
  readonly why: string | null;
  /** The promise said itself which part of it failed: the place of that sentence is of no use. */
  readonly ownWords: boolean;
  /** What a failed assertion expects, as the source has it; null: no assertion, or not known. */
  readonly expectation: string | null;
  /** What the broken promise reads, in the order in which it reads each for the last time. */
  readonly reads: readonly ReadWord[];
  /** Of each actor that cannot move, in a deadlock or a trap: what keeps it from moving. */
  readonly blocked: readonly { readonly actor: string; readonly reads: readonly ReadWord[] }[];
  /** The words of `reads`, and all others that some step writes, as they are at first. */
  readonly initial: readonly NamedValue[];
  /** One for each step, the first is number 1. */
  readonly steps: readonly StoryStep[];
}

export interface ReplayedTrace {
  readonly trace: Trace;
  readonly actors: readonly string[];
  readonly initial: readonly NamedValue[];
  readonly rows: readonly TraceRow[];
  readonly property: PropertyRef;
  readonly message: string;
  readonly explanation: Explanation | null;
  /** For deadlocks: who waits for what, who holds it. For traps: who goes round where as well. */
  readonly waiting: readonly string[];
}
