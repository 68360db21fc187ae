/**
 * From the hunks of a patch to places in the code: in the text as it becomes, where a patched program can count, and in the text
 * as it is, where the index knows who comes.
 *
 * What a hunk does is seen where its innermost changes run. A check that is put in, or taken out, is passed by everyone; it makes
 * a difference only to who takes the branch. So the head of a statement whose body changes as well tells nothing (`leaf` is
 * false), nor does the declaration of a variable beside other changes of the function, which are what uses it. This is too strict
 * where the head or the declaration itself acts (`if (!trylock(...)) return`): then counts of states tell (`impact.ts`).
 */
import { mapOf, type CodeMap, type CodeUnit } from "../compile/code-map.ts";
import type { PlacedHunk } from "../patch/apply.ts";
import { isLoadable } from "../patch/patch.ts";
import type { PatchedFile } from "../patch/patched-files.ts";

/** Where code runs, or ran: the units around it, the innermost first. */
export interface ChangedPlace {
  /** In lines that the patch puts in, or takes out; or where nothing is left, or was, between two lines. */
  readonly kind: "added" | "removed" | "between";
  readonly line: number;
  /** What stands there, in the one text or the other; empty for a place between lines. */
  readonly source: string;
  readonly units: readonly [CodeUnit, ...CodeUnit[]];
  readonly leaf: boolean;
}

export interface ChangedHunk extends PlacedHunk {
  /** In the text as it becomes, `added` or `between`. */
  readonly now: readonly ChangedPlace[];
  /** In the text as it is, `removed` or `between`. */
  readonly was: readonly ChangedPlace[];
  /** What else its lines are, in words: "comments", "types", "constants", ... */
  readonly others: readonly string[];
}

export interface ChangedFile {
  readonly file: PatchedFile;
  readonly hunks: readonly ChangedHunk[];
}

/** The changes of all files of a patch. A file that is no module has hunks without places. */
export function changesOf(files: readonly PatchedFile[]): ChangedFile[] {
  return files.map((file) => {
    if (!isLoadable(file)) return { file, hunks: file.hunks.map((h): ChangedHunk => ({ ...h, now: [], was: [], others: [] })) };
    const sides: Sides = { before: sideOf(file.before ?? ""), after: sideOf(file.after ?? "") };
    return { file, hunks: file.hunks.map((h) => changedHunk(h, sides)) };
  });
}

interface Side {
  readonly map: CodeMap;
  readonly lines: readonly string[];
}

interface Sides {
  readonly before: Side | null;
  readonly after: Side;
}

const sideOf = (text: string): Side => ({ map: mapOf(text), lines: text.split("\n") });

function changedHunk(hunk: PlacedHunk, { before, after }: Sides): ChangedHunk {
  const others = new Set<string>();
  const now: ChangedPlace[] = [];
  const was: ChangedPlace[] = [];
  for (const { newFrom, newCount, oldFrom, oldCount } of hunk.changes) {
    const added = placesOf(after, "added", newFrom, newCount, others);
    const removed = before === null ? [] : placesOf(before, "removed", oldFrom, oldCount, others);
    // Where one side has no code, the place is where that of the other side would be.
    now.push(...(added.length === 0 && removed.length > 0 ? between(after, newFrom) : added));
    was.push(...(removed.length === 0 && added.length > 0 && before !== null ? between(before, oldFrom) : removed));
  }
  return { ...hunk, now: withLeaves(now), was: withLeaves(was), others: [...others] };
}

/** The code on the lines. */
function placesOf({ map, lines }: Side, kind: "added" | "removed", from: number, count: number, others: Set<string>): ChangedPlace[] {
  const { units, others: rest } = map.lines(from, count);
  for (const what of rest) others.add(what);
  return units.map(({ unit, line }) => ({ kind, line, source: lines[line - 1]!.trim(), units: around(unit), leaf: true }));
}

function between({ map }: Side, line: number): ChangedPlace[] {
  const unit = map.before(line);
  return unit === null ? [] : [{ kind: "between", line, source: "", units: around(unit), leaf: true }];
}

/** The unit, and those that it is written in. */
export function around(unit: CodeUnit): [CodeUnit, ...CodeUnit[]] {
  const units: [CodeUnit, ...CodeUnit[]] = [unit];
  for (let outer = unit.outer; outer !== null; outer = outer.outer) units.push(outer);
  return units;
}

/** One place for each block, the first that is a leaf. */
function withLeaves(places: readonly ChangedPlace[]): ChangedPlace[] {
  const isHead = ({ units: [unit] }: ChangedPlace): boolean =>
    places.some(({ units: [inner, ...outer] }) => outer.includes(unit) && !isSame(inner, unit));
  const inner = places.filter((p) => !isHead(p));
  const isUsed = ({ units: [unit] }: ChangedPlace): boolean =>
    unit.declares && inner.some(({ units: [other] }) => !other.declares && other.ref.function === unit.ref.function);
  const told = places.map((p) => ({ ...p, leaf: inner.includes(p) && !isUsed(p) }));
  return told.filter((p, i) => told.findIndex((q) => isSame(q.units[0], p.units[0]) && q.leaf === p.leaf) === i);
}

const isSame = (a: CodeUnit, b: CodeUnit): boolean => a.ref.function === b.ref.function && a.ref.block === b.ref.block;
