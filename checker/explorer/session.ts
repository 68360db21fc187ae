/**
 * What an explorer answers: where a path leads, and how one gets to a goal. It keeps nothing between two questions: each names
 * its path, so that reloading, going back and sharing a link are all the same.
 */
import type { TextLine } from "../page/data.ts";
import type { Arrival, Explored, Goal, NextStep, WalkedPath, Way } from "../page/explored.ts";
import { pageData } from "../page/trace-data.ts";
import { promiseInWords } from "../report/promise-text.ts";
import { replayCommand } from "../report/replay-command.ts";
import type { Scenario } from "../scenario.ts";
import type { Broken } from "../search/candidate.ts";
import { followPath, forEachInitial, forEachStep } from "../search/steps.ts";
import { encodeTrace } from "../trace/codec.ts";
import type { Recipe } from "../trace/recipe.ts";
import { follow, ReplayMismatch, type ReplaySubject } from "../trace/replay.ts";
import { UsageError } from "../usage-error.ts";
import { brokenBy, reachedBy } from "./goals.ts";
import { nearest, walkTo } from "./seek.ts";

/** Initial states that are offered. */
const INITIALS_MAX = 64;

export interface Explorable extends ReplaySubject {
  readonly program: Scenario;
  /** The scenario's module as a command has to name it; null: the configuration lists it. */
  readonly from: string | null;
}

export class Session {
  readonly #subject: Explorable;

  constructor(subject: Explorable) {
    this.#subject = subject;
  }

  get scenario(): string { return this.#subject.scenario; }

  /** The path of a recipe. Throws a UsageError for one of another scenario, or that names actors which there are not. */
  pathOf({ scenario, initial, steps }: Recipe): WalkedPath {
    const { system } = this.#subject;
    if (scenario !== this.scenario) throw new UsageError(`the trace is of ${scenario}, and this is ${this.scenario}`);
    return {
      initial,
      steps: steps.map(({ actor, choices }) => ({
        actor: typeof actor === "number" ? actor : system.actors.findIndex((a) => a.name === actor), choices,
      })),
    };
  }

  /** Where the path leads. Throws a UsageError where a step of it cannot be taken. */
  at(path: WalkedPath): Explored {
    const { system, program, from } = this.#subject;
    const { initial, steps } = this.#whole(path);
    const recipe = {
      scenario: this.scenario, programHash: this.#subject.programHash, seed: 0, initial, loop: null,
      steps: steps.map((s) => ({ ...s, label: null })),
    };
    let replayed;
    try {
      replayed = follow(this.#subject, recipe);
    } catch (e) {
      if (!(e instanceof ReplayMismatch)) throw e;
      throw new UsageError(e.message);
    }
    const walked = { ...replayed.trace, property: { kind: "sometimes", name: "" } } as const;
    const verdict = this.#verdict({ initial, steps });
    const command = replayCommand(walked, replayed.actors, from).replace(" replay ", " explore ");
    const page = pageData({ scenario: program, system, replayed, story: null, replay: command, verdict: verdict.lines });
    return {
      page, path: { initial, steps }, link: encodeTrace(walked, replayed.actors), next: verdict.wentWrong ? [] : this.#next(),
      initials: steps.length === 0 ? this.#initials() : [], promises: [...system.always, ...system.stepProperties, ...system.finally],
      witnesses: system.sometimes,
    };
  }

  /** Goes on from the path until a step shows the goal. Throws a UsageError for a goal that there is not. */
  go(path: WalkedPath, goal: Goal, { way, seed }: { readonly way: Way; readonly seed: number }): Arrival {
    const { system } = this.#subject;
    const reached = reachedBy(system, goal);
    const { path: from, next } = this.at(path);
    if (next.length === 0) return { says: "No step can be taken here.", state: null };
    const sought = way === "walk" ? walkTo(system, from, reached, seed) : nearest(system, from, reached);
    if (sought.steps === null) return { says: `Not found: ${sought.why}.`, state: null };
    const state = this.at({ initial: from.initial, steps: [...from.steps, ...sought.steps] });
    return { says: `Found after ${sought.steps.length} steps.`, state };
  }

  /** With the choices that `init` makes where the path leaves them open: the first ones. */
  #whole({ initial, steps }: WalkedPath): WalkedPath {
    const { system } = this.#subject;
    const wrong = steps.find(({ actor }) => !(actor >= 0 && actor < system.actors.length));
    if (wrong !== undefined) throw new UsageError(`there is no actor ${wrong.actor}`);
    if (initial.length > 0) return { initial, steps };
    let first: { readonly choices: readonly number[]; readonly fault: Broken | null } | null = null;
    forEachInitial(system, (_, fault) => { first ??= { choices: system.branch(), fault }; });
    const { choices, fault } = first!;
    if (fault !== null) throw new UsageError(`the initial state goes wrong: ${fault.message}`);
    return { initial: choices, steps };
  }

  /** What is broken where the path ends, and which witnesses show there. */
  #verdict(path: WalkedPath): { readonly lines: readonly TextLine[]; readonly wentWrong: boolean } {
    const { system } = this.#subject;
    const { before, fault } = followPath(system, path);
    const broken = brokenBy(system, path.steps.length === 0 ? null : before, fault);
    const shown = fault !== null ? [] : system.sometimes.filter((_, n) => system.witness(n));
    const lines: TextLine[] = [
      ...broken.map((b): TextLine => ({ text: `broken: ${inWords(b)}`, style: "alarm" })),
      ...shown.map((name): TextLine => ({ text: `shows the witness ${JSON.stringify(name)}`, style: "change" })),
    ];
    return { lines, wentWrong: fault !== null };
  }

  /** The steps of the state in the system's vector, which a page was just made of. */
  #next(): NextStep[] {
    const { system } = this.#subject;
    const next: NextStep[] = [];
    forEachStep(system, system.vector.slice(0, system.stateWords), 0, (actor, _, fault) => {
      const label = fault === null ? system.label() : system.position(actor).label ?? system.actors[actor]!.name;
      next.push({ actor, choices: system.branch(), label, words: system.branchNames(), fault: fault === null ? null : inWords(fault) });
    });
    return next;
  }

  #initials(): Explored["initials"] {
    const { system } = this.#subject;
    const saved = system.vector.slice();
    const found: { choices: number[]; words: string[] }[] = [];
    forEachInitial(system, (index) => {
      if (index < INITIALS_MAX) found.push({ choices: system.branch(), words: system.branchNames() });
    });
    system.vector.set(saved);
    return found;
  }
}

function inWords({ kind, name, message }: Broken): string {
  return message === "" ? promiseInWords({ kind, name }) : `${promiseInWords({ kind, name })}: ${message}`;
}
