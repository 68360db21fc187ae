/**
 * What a run says of the patch that it ran under: which changed lines ran, in which scenarios; and which scenarios would run those
 * that did not.
 *
 * Lines that are put in are counted under the patch. Lines that are taken out are in no patched program, so the index is asked who
 * runs them without it. That is sound: up to the first changed place a patched program takes the very steps of the other one, so
 * whoever comes to some changed place without the patch comes to one under it.
 */
import { blockKey, type Probe } from "./block-key.ts";
import type { ChangedFile, ChangedHunk, ChangedPlace } from "./changed-places.ts";
import { offers, type WantedPlace } from "./offer.ts";
import type { ReachIndex, ReachRow } from "./reach-index.ts";
import { isLoadable } from "../patch/patch.ts";
import type { PatchedFile } from "../patch/patched-files.ts";
import type { HunkEffect, PatchFile, PatchHunk, PatchPlace, PatchReport, ScenarioResult } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import type { BlockCount } from "../system.ts";
import type { CodeUnit } from "../compile/code-map.ts";

/** What is neither code nor anything that code is made from. */
const IDLE: ReadonlySet<string> = new Set(["comments", "empty lines"]);

/** Offers that are compared with the scenarios of today before they are made: more than are shown. */
const OFFERS_COMPARED = 8;

/** What one scenario of the run has to say. */
interface Witness {
  readonly scenario: string;
  readonly result: ScenarioResult;
  /** The scenario says how many states it has without the patch. */
  readonly isPinned: boolean;
  /** Whether the program is the same as without the patch; null: nobody asked. */
  readonly sameProgram: boolean | null;
}

export class PatchImpact {
  readonly #name: string;
  readonly #root: string;
  readonly #changes: readonly ChangedFile[];
  readonly #index: ReachIndex | null;
  #outdated: ReadonlySet<string> = new Set();
  readonly #witnesses: Witness[] = [];
  /** By block: the scenarios whose program has it, and how often it ran there. */
  readonly #counts = new Map<string, Map<string, number>>();

  /** `root`: the folder that the paths of the index start at. */
  constructor(name: string, changes: readonly ChangedFile[], index: ReachIndex | null, root: string) {
    this.#name = name;
    this.#changes = changes;
    this.#index = index;
    this.#root = root;
  }

  /** Absolute paths of the modules in which blocks have to be counted. */
  get files(): string[] {
    return this.#changes.map((c) => c.file).filter(isLoadable).map((f) => f.path);
  }

  /**
   * The changed places, for who has to know whether one of them ran, each by the blocks around it, the innermost first. Null: every
   * change is of lines that the index knows to be counted, or that do nothing, so that there is nothing else to ask.
   */
  get probe(): Probe | null {
    const hunks = this.#changes.flatMap((c) => c.hunks.map((hunk) => ({ file: c.file.path, name: c.file.name, hunk })));
    const isPlain = ({ name, hunk }: (typeof hunks)[number]): boolean =>
      hunk.others.every((o) => IDLE.has(o)) && hunk.now.every((p) => this.#indexed(name, p) !== null);
    if (hunks.every(isPlain)) return null;
    return hunks.flatMap(({ file, hunk }) => hunk.now.filter((p) => p.leaf).map((p) => p.units.map((u) => keyOfUnit(file, u))));
  }

  add({ name: scenario, expect }: Scenario, result: ScenarioResult, blocks: readonly BlockCount[], sameProgram: boolean | null): void {
    const isPinned = expect.verdict === "holds" && expect.states !== null;
    this.#witnesses.push({ scenario, result, isPinned, sameProgram });
    for (const { site, count } of blocks) {
      const key = blockKey(site.file, site);
      const counts = this.#counts.get(key) ?? new Map<string, number>();
      this.#counts.set(key, counts.set(scenario, (counts.get(scenario) ?? 0) + count));
    }
  }

  /** The rows of the index that the report will speak of: whoever has the scenarios compares them first. */
  get spokenOf(): readonly ReachRow[] {
    const wanted = this.wanted();
    if (this.#index === null || wanted.length === 0) return [];
    const names = new Set(this.#witnesses.map((w) => w.scenario));
    for (const { scenario } of offers(wanted, this.#index, [...names]).reach!.slice(0, OFFERS_COMPARED)) names.add(scenario);
    return this.#index.rows.filter((r) => names.has(r.scenario));
  }

  /** All rows of the index. */
  get rows(): readonly ReachRow[] {
    return this.#index?.rows ?? [];
  }

  /** Scenarios that are others by now. */
  leaveOut(outdated: ReadonlySet<string>): void {
    this.#outdated = outdated;
  }

  report(): PatchReport {
    const files = this.#changes.map((c) => this.#file(c));
    const asked = this.#witnesses.filter((w) => w.sameProgram !== null);
    const effects = files.flatMap((f) => f.hunks.map((h) => h.effect));
    const names = this.#witnesses.map((w) => w.scenario);
    return {
      name: this.#name, files, scenarios: names,
      otherPrograms: asked.length === 0 ? null : asked.filter((w) => w.sameProgram === false).map((w) => w.scenario),
      countsAsPinned: this.#counted((w) => w.result.notes.length === 0), countsOther: this.#counted((w) => w.result.notes.length > 0),
      wasExercised: effects.some((e) => e === "ran" || e === "elsewhere"),
      ...offers(this.wanted(), this.#index, names), outdatedScenarios: this.#outdated.size,
    };
  }

  #counted(is: (w: Witness) => boolean): string[] {
    return this.#witnesses.filter((w) => w.isPinned && w.result.verdict === "holds" && is(w)).map((w) => w.scenario);
  }

  /** The places of the text as it is that a scenario has to come to. */
  wanted(): WantedPlace[] {
    return this.#changes.flatMap(({ file, hunks }) => hunks.flatMap((h) => h.was.filter((p) => p.leaf)
      .map((p) => ({ file: file.name, units: p.units }))));
  }

  #file(change: ChangedFile): PatchFile {
    const { file } = change;
    const renamed = file.from !== null && file.from !== file.path;
    return {
      file: file.name, was: renamed ? file.from.slice(this.#root.length + 1) : null,
      change: file.after === null ? "gone" : renamed ? "renamed" : file.before === null ? "new" : "changed",
      isModule: isLoadable(file), parts: file.parts,
      hunks: change.hunks.map((h) => this.#hunk(change, h)),
    };
  }

  #hunk({ file }: ChangedFile, hunk: ChangedHunk): PatchHunk {
    const now = hunk.now.map((p) => this.#nowPlace(file.path, p));
    const was = hunk.was.filter((p) => p.kind === "removed").map((p) => this.#wasPlace(file.name, p));
    const { says, at, elsewhere, others } = hunk;
    return { says, at, elsewhere, others, places: [...now, ...was], effect: this.#effect(file, hunk, now, was) };
  }

  #nowPlace(file: string, place: ChangedPlace): PatchPlace {
    const counts = place.units.map((u) => this.#counts.get(keyOfUnit(file, u))).find((c) => c !== undefined);
    const ranIn = [...counts ?? []].filter(([, times]) => times > 0).map(([scenario, times]) => ({ scenario, times }));
    return { ...told(place), ranIn, unknown: counts === undefined };
  }

  /** By the index alone. That nobody runs the place can be said only where the index knows all scenarios of the run. */
  #wasPlace(file: string, place: ChangedPlace): PatchPlace {
    const block = this.#indexed(file, place);
    const isExact = block !== null && block.isExact;
    const known = new Set(this.#index?.rows.map((r) => r.scenario).filter((name) => !this.#outdated.has(name)));
    const reaching = new Set(isExact ? this.#index!.reaching(file, block.name, block.block).map((r) => r.scenario) : []);
    const ranIn = this.#witnesses.filter((w) => known.has(w.scenario) && reaching.has(w.scenario));
    const unknown = !isExact || (ranIn.length === 0 && this.#witnesses.some((w) => !known.has(w.scenario)));
    return { ...told(place), ranIn: ranIn.map(({ scenario }) => ({ scenario, times: null })), unknown };
  }

  /** The innermost block of a place that the index knows. */
  #indexed(file: string, place: ChangedPlace): { readonly name: string; readonly block: number; readonly isExact: boolean } | null {
    for (const { ref } of place.units) {
      const known = this.#index?.functionNamed(file, ref.function.name) ?? null;
      if (known !== null) return { name: known.name, block: ref.block, isExact: known.hash === ref.function.hash };
    }
    return null;
  }

  #effect(file: PatchedFile, hunk: ChangedHunk, now: readonly PatchPlace[], was: readonly PatchPlace[]): HunkEffect {
    const ran = ({ ranIn }: PatchPlace): boolean => ranIn.length > 0;
    // Where a branch is taken out, the place is passed by all; where nobody can say who took the branch, that has to do.
    const isBlind = was.every((p) => p.unknown);
    const counted = now.filter((p) => p.leaf && (p.kind === "added" || isBlind));
    if (counted.some(ran) || was.some((p) => p.leaf && this.#passed(p)) || now.some((p) => this.#differs(p))) return "ran";
    if (hunk.others.every((o) => IDLE.has(o)) && now.length + was.length === 0) return "nothing";
    return !this.#isCountable(file, hunk) && this.#witnesses.some((w) => this.#isOtherForNoCode(w)) ? "elsewhere" : "never";
  }

  /** Whether all that the hunk changes is code that some program counts. */
  #isCountable(file: PatchedFile, { now, was, others }: ChangedHunk): boolean {
    const isCode = (p: ChangedPlace): boolean =>
      this.#indexed(file.name, p) !== null || p.units.some((u) => this.#counts.has(keyOfUnit(file.path, u)));
    return others.every((o) => IDLE.has(o)) && [...now, ...was].every(isCode);
  }

  /**
   * Whether the program is another by the patch, and not by code that it counts. Such code is part of programs that never come
   * to it: that they differ says nothing of what else the patch changes.
   */
  #isOtherForNoCode({ scenario, sameProgram }: Witness): boolean {
    if (sameProgram !== false) return false;
    return this.#changes.every(({ file, hunks }) => hunks.every((h) => {
      if (h.now.length + h.was.length === 0 || !this.#isCountable(file, h)) return true;
      const isIn = (u: CodeUnit): boolean => this.#counts.get(keyOfUnit(file.path, u))?.has(scenario) === true;
      return h.now.length > 0 && !h.now.some((p) => p.units.some(isIn));
    }));
  }

  /** Whether who runs the place without the patch was explored whole under it: otherwise it may not have come as far. */
  #passed({ ranIn }: PatchPlace): boolean {
    return this.#witnesses.some((w) => w.result.verdict === "holds" && ranIn.some((r) => r.scenario === w.scenario));
  }

  /** Whether the place ran in a scenario that is not as it is without the patch. */
  #differs({ ranIn }: PatchPlace): boolean {
    return this.#witnesses.some((w) => (w.result.notes.length > 0 || !w.result.asExpected) && ranIn.some((r) => r.scenario === w.scenario));
  }
}

function told({ kind, line, source, leaf, units }: ChangedPlace): Omit<PatchPlace, "ranIn" | "unknown"> {
  return { kind, line, source, leaf, function: units[0].ref.function.name };
}

function keyOfUnit(file: string, { ref }: CodeUnit): string {
  return blockKey(file, ref.function.blocks[ref.block]!);
}
