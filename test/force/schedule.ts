/**
 * In which order threads go on: segments, one after the other. In each, one thread runs until it comes to a point, ends, or
 * waits for another; meanwhile the others stand where they are. Behind the last segment all run to their ends, A first.
 */
import type { Level } from "./page-walk.ts";

export const SIDES = ["A", "B", "C"] as const;
/** The threads: places in SIDES. */
export type Side = 0 | 1 | 2;
/** Something of each thread, of which there are two or three. */
export type BySide<T> = readonly [T, T, ...T[]];
export const sidesOf = (of: BySide<unknown>): readonly Side[] => of.map((_, side) => side as Side);
/** A thing for each. */
export const forEachSide = <T, U>(of: BySide<T>, thing: (of: T, side: Side) => U): BySide<U> =>
  of.map((x, side) => thing(x, side as Side)) as unknown as BySide<U>;

/** Where a thread is held. `nth`: the how-manieth time that it comes there, from 1 on. */
export type Point =
  /** At the first instruction of the function. */
  | { readonly kind: "entry"; readonly symbol: string; readonly nth: number }
  /** Just behind the instruction that has written the entry: of the PMD of huge range `page / 512`, or the PTE of the page. */
  | { readonly kind: "write"; readonly level: Level; readonly page: number; readonly nth: number }
  /** In user mode, when one of its calls has returned, and another one is to come. */
  | { readonly kind: "return"; readonly nth: number };

export interface Segment {
  readonly side: Side;
  /** Null: until all its calls have returned. */
  readonly until: Point | null;
}
export type Schedule = readonly Segment[];

const nthInWords = (nth: number): string => (nth === 1 ? "" : `#${nth}`);
/** What a point between two calls is called: no function of C has this name. */
const RETURN = "return";
/** "collapse_huge_page", "write@pmd:0#2", "return". */
export function pointInWords(point: Point): string {
  const what = point.kind === "entry" ? point.symbol : point.kind === "return" ? RETURN : `write@${point.level}:${point.page}`;
  return `${what}${nthInWords(point.nth)}`;
}
/** "A:collapse_huge_page B:end A:end". */
export function scheduleInWords(schedule: Schedule): string {
  return schedule.map(({ side, until }) => `${SIDES[side]}:${until === null ? "end" : pointInWords(until)}`).join(" ");
}

/** Throws a RangeError in words for what is no schedule. */
export function scheduleIn(text: string): Schedule {
  return text.trim().split(/\s+/).map((word): Segment => {
    const [, side, what] = /^([ABC]):(.+)$/.exec(word) ?? [];
    if (what === undefined) throw new RangeError(`${JSON.stringify(word)} is no segment: A, B or C, a colon, and "end" or a point`);
    return { side: SIDES.indexOf(side as "A") as Side, until: what === "end" ? null : pointIn(what) };
  });
}
/** Throws a RangeError in words for what is no point. */
export function pointIn(text: string): Point {
  const [, level, page, writes] = /^write@(pmd|pte):(\d+)(?:#(\d+))?$/.exec(text) ?? [];
  if (level !== undefined) return { kind: "write", level: level as Level, page: Number(page), nth: Number(writes ?? 1) };
  const [, symbol, entries] = /^(\w[\w.]*)(?:#(\d+))?$/.exec(text) ?? [];
  if (symbol === undefined || entries === "0") {
    const points = "a function of the kernel, write@pmd:PAGE, write@pte:PAGE or return; #N behind it";
    throw new RangeError(`${JSON.stringify(text)} is no point: ${points}`);
  }
  const nth = Number(entries ?? 1);
  return symbol === RETURN ? { kind: "return", nth } : { kind: "entry", symbol, nth };
}

/** What became of a segment. */
export type Became =
  /** Held at its point: `place` is where, and from where it was called; `value` the entry of the range as it was then. */
  | { readonly what: "held"; readonly place: string; readonly value: string }
  | { readonly what: "ended" }
  /** It waits, there, for the other one. */
  | { readonly what: "blocked"; readonly place: string }
  /** Its turn never came, or brought nothing: it had ended, or still waited. */
  | { readonly what: "skipped"; readonly why: string }
  /** Neither of these in time, or something that the driver does not trust: the schedule is not realised. */
  | { readonly what: "lost"; readonly why: string };

export function becameInWords(became: Became): string {
  switch (became.what) {
    case "held": return `held at ${became.place}, entry ${became.value}`;
    case "ended": return "ended";
    case "blocked": return `blocked in ${became.place}`;
    case "skipped": case "lost": return `${became.what}: ${became.why}`;
  }
}
