/**
 * Applies the hunks of one file, and says where each came to lie.
 *
 * All lines of a hunk, context included, must be there as they are, as `git apply` asks: a hunk that is put somewhere by a guess
 * makes another program, whose result would be taken for that of the patch. It may lie elsewhere than it says (its offset).
 * Whether a file ends with a line end is left as it is: that changes no program.
 */
import type { Hunk } from "./read.ts";

/** Lines that became others; both counts may be 0, then `oldFrom` or `newFrom` is the line that follows. Lines count from 1. */
export interface Change {
  readonly oldFrom: number;
  readonly oldCount: number;
  readonly newFrom: number;
  readonly newCount: number;
}

/** A hunk in its place. */
export interface PlacedHunk {
  /** The line at which the patch says that it begins. */
  readonly says: number;
  /** The line of the file at which it does. */
  readonly at: number;
  /** Other lines at which it would fit as well, where it does not lie where it says. */
  readonly elsewhere: readonly number[];
  readonly changes: readonly Change[];
}

export type Applied =
  | { readonly text: string; readonly hunks: readonly PlacedHunk[] }
  /** Why a hunk does not fit, to come after the file's name and "does not apply to". */
  | { readonly misfit: string };

/** The text as the hunks have it. */
export function applyHunks(text: string, hunks: readonly Hunk[]): Applied {
  const file = linesOf(text);
  const out: string[] = [];
  const placed: PlacedHunk[] = [];
  let [taken, offset] = [0, 0];
  for (const hunk of hunks) {
    const lines = hunk.lines.map((l) => ({ sign: l[0]!, content: file.windows ? l.slice(1).replace(/\r$/, "") : l.slice(1) }));
    const old = lines.filter((l) => l.sign !== "+").map((l) => l.content);
    const expected = hunk.oldStart - 1 + offset;
    const places = placesOf(file.lines, old, taken, expected);
    const at = nearest(places, expected);
    if (at === null) return { misfit: misfit(file.lines, old, hunk, taken) };
    offset = at - (hunk.oldStart - 1);
    const changes: Change[] = [];
    let from = at;
    for (let i = 0; i < lines.length;) {
      if (lines[i]!.sign === " ") {
        from++;
        i++;
        continue;
      }
      out.push(...file.lines.slice(taken, from));
      const newFrom = out.length + 1;
      let [removed, added] = [0, 0];
      for (; i < lines.length && lines[i]!.sign !== " "; i++) {
        if (lines[i]!.sign === "-") removed++;
        else {
          added++;
          out.push(lines[i]!.content);
        }
      }
      changes.push({ oldFrom: from + 1, oldCount: removed, newFrom, newCount: added });
      from += removed;
      taken = from;
    }
    const elsewhere = at === hunk.oldStart - 1 ? [] : places.filter((p) => p !== at).map((p) => p + 1);
    placed.push({ says: hunk.oldStart, at: at + 1, elsewhere, changes });
  }
  out.push(...file.lines.slice(taken));
  return { text: file.textOf(out), hunks: placed };
}

interface Lines {
  readonly lines: readonly string[];
  /** Every line ends as on Windows. */
  readonly windows: boolean;
  readonly textOf: (lines: readonly string[]) => string;
}

function linesOf(text: string): Lines {
  const ended = text.endsWith("\n");
  const all = text === "" ? [] : (ended ? text.slice(0, -1) : text).split("\n");
  const windows = all.length > 0 && all.slice(0, ended ? undefined : -1).every((l) => l.endsWith("\r")) && (ended || all.length > 1);
  const end = windows ? "\r\n" : "\n";
  const lines = windows ? all.map((l) => l.replace(/\r$/, "")) : all;
  return { lines, windows, textOf: (now) => (now.length === 0 ? "" : now.join(end) + (ended || text === "" ? end : "")) };
}

/** Where all of `old` is, from `first` on. Lines that come before nothing in particular are where they say. */
function placesOf(lines: readonly string[], old: readonly string[], first: number, expected: number): number[] {
  if (old.length === 0) return expected >= first && expected <= lines.length ? [expected] : [];
  const places: number[] = [];
  for (let at = first; at + old.length <= lines.length; at++) if (old.every((l, i) => lines[at + i] === l)) places.push(at);
  return places;
}

/** Of two that are equally near, the one that comes first. */
function nearest(places: readonly number[], expected: number): number | null {
  const far = (at: number): number => Math.abs(at - expected);
  return places.reduce<number | null>((best, at) => (best === null || far(at) < far(best) ? at : best), null);
}

/** What keeps a hunk from its place. */
function misfit(lines: readonly string[], old: readonly string[], { oldStart }: Hunk, first: number): string {
  const its = `its hunk at line ${oldStart}`;
  if (oldStart > lines.length + 1) return `${its} lies beyond the end of the file, which has ${lines.length} lines`;
  const there = new Set(lines);
  const missing = old.find((l) => !there.has(l));
  if (missing !== undefined) return `${its} looks for the line "${missing.trim()}", which is not there`;
  const before = placesOf(lines, old, 0, -1).some((at) => at < first);
  return before ? `${its} would come before the hunk that precedes it` : `the lines of ${its} are not together there any more`;
}
