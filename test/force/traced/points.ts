/** Which functions of a kernel are which routines of impl/, and at which both sides of a run agree how often they come there. */
import { COPY, writePoints, type Anchor } from "../anchors.ts";
import { forEachSide, pointInWords, SIDES, type BySide, type Point, type Side } from "../schedule.ts";
import type { Symbols } from "../symbols.ts";
import type { PointOf } from "./derive.ts";
import type { Run } from "./run.ts";
import { Walk, type Reached } from "./walk.ts";

/** Names that say the same in another release, or of a part. */
const CALLED: Readonly<Record<string, string>> = {
  hpage_collapse_scan_pmd: "collapseScanPmd", zap_page_range_single_batched: "zapVmaRangeBatched",
  map_anon_folio_pmd_nopf: "mapAnonFolioPmd", map_anon_folio_pmd_pf: "mapAnonFolioPmd",
};

/** The routine that a function would be. */
export function routineOf(symbol: string): string {
  const name = symbol.replace(COPY, "");
  return CALLED[name] ?? name.replace(/^_+/, "").replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}
/** What a point of a kernel is in the checker, as `keyOf` says it. */
export const reachedIn = (point: Point): string =>
  (point.kind === "entry" ? `entry ${routineOf(point.symbol)}` : point.kind === "write" ? `write ${point.level}` : "return");
export const keyOf = (r: Reached): string =>
  (r.kind === "entry" ? `entry ${r.routine}` : r.kind === "write" ? `write ${r.level}` : "return");

/** The points to which a side comes when it is alone and first, in order. */
export function alone(run: Run, side: Side): readonly Reached[] {
  const walk = new Walk(run);
  const all: Reached[] = [];
  for (let taken = walk.step(side); taken !== null; taken = walk.step(side)) all.push(...taken.reached);
  return all;
}

export interface Agreed {
  readonly pointOf: PointOf;
  /**
   * The same, and entries that both write, however often: what is written is another matter in a release that does something
   * else there, and that is what a run may have to show.
   */
  readonly withWrites: PointOf;
  /** By side, what both come by, in order. */
  readonly points: BySide<readonly string[]>;
  /** What one of the two comes by, or more often, or in another order, in words. */
  readonly apart: readonly string[];
}

/**
 * Points count where the thread that is alone comes to them as often in the checker as on the kernel, and in the same order among
 * all of these.
 */
export function agreed(run: Run, anchors: BySide<readonly Anchor[]>): Agreed {
  const sides = forEachSide(run.calls, (_, side) => agreedOn(side, alone(run, side).map(keyOf), anchors[side]!));
  const known = sides.map((s) => s.known);
  const pointOf: PointOf = (side, reached) => known[side]!.get(keyOf(reached)) ?? null;
  const withWrites: PointOf = (side, reached) => {
    const isWritten = reached.kind === "write" &&
      anchors[side]!.some(({ point: p }) => p.kind === "write" && p.page === 0 && p.level === reached.level);
    return pointOf(side, reached) ?? (isWritten ? { kind: "write", level: reached.level, page: 0, nth: 1 } : null);
  };
  return { pointOf, withWrites, points: forEachSide(sides, (s) => s.points), apart: sides.flatMap((s) => s.apart) };
}

/** The same of one side. */
export interface OfSide {
  /** The first of the points that stand for what is reached, by `keyOf`. */
  readonly known: ReadonlyMap<string, Point>;
  readonly points: readonly string[];
  readonly apart: readonly string[];
}

/** `model`: what the side comes by when it is alone in the checker, by `keyOf`; `anchors`: on the kernel. */
export function agreedOn(side: Side, model: readonly string[], anchors: readonly Anchor[]): OfSide {
  const apart: string[] = [];
  const known = new Map<string, Point>();
  const real = anchors.filter(({ point }) => point.kind !== "write" || point.page === 0)
    .map(({ point }) => ({ key: reachedIn(point), point }));
  const usable = new Set<string>();
  for (const name of new Set([...model, ...real.map((r) => r.key)])) {
    // Several functions may be one routine: the one that comes as often is it.
    const symbols = new Map<string, Point[]>();
    for (const { key, point } of real) if (key === name) push(symbols, nameOf(point), point);
    const times = model.filter((m) => m === name).length;
    const fits = [...symbols].find(([, of]) => of.length === times);
    if (fits === undefined) {
      const [other] = symbols.values();
      if (other !== undefined && times > 0) {
        apart.push(`${SIDES[side]} comes ${times} times to ${name} in the checker, ${other.length} on Linux`);
      }
      continue;
    }
    known.set(name, fits[1][0]!);
    usable.add(name);
  }
  apart.push(...inOrder(side, usable, known, { model, real }));
  return { known, points: model.filter((m) => usable.has(m)), apart };
}

/** Takes names out of `usable` until the two orders are one. */
function inOrder(
  side: Side, usable: Set<string>, known: Map<string, Point>,
  { model, real }: { readonly model: readonly string[]; readonly real: readonly { readonly key: string; readonly point: Point }[] },
): string[] {
  const apart: string[] = [];
  for (;;) {
    const mine = model.filter((m) => usable.has(m));
    const theirs = real.filter(({ key, point }) => usable.has(key) && nameOf(point) === nameOf(known.get(key)!)).map((r) => r.key);
    const at = mine.findIndex((m, i) => m !== theirs[i]);
    if (at < 0) return apart;
    apart.push(`${SIDES[side]} comes to ${mine[at]} in the checker, and to ${theirs[at] ?? "its end"} on Linux`);
    usable.delete(mine[at]!);
    known.delete(mine[at]!);
  }
}
/** A point, whichever time it is. */
export const nameOf = (point: Point): string => pointInWords({ ...point, nth: 1 });
function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}

/** Points to follow a run by. */
export function pointsOf(symbols: Symbols, entries: readonly Point[]): readonly Point[] {
  return [...entries.filter((p) => p.kind !== "entry" || symbols.has(p.symbol)), ...writePoints(), { kind: "return", nth: 1 }];
}
