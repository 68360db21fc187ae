/**
 * A pair on a real kernel, in many orders: all schedules with at most two switches at the anchors of both calls, and some with
 * three. A run counts only if every hold was where the same call comes by when it is alone, with the same entry; it is
 * tried again otherwise, and then reported as not realised.
 */
import { anchorInWords, anchorsOf, entryPoints, MOST, writePoints, type Anchor } from "./anchors.ts";
import type { ForcedMachine, RealPair, Seen } from "./machine.ts";
import { realMemory, realOutcome, type Compared, type Outcome } from "./outcome.ts";
import {
  forEachSide, pointInWords, scheduleInWords, sidesOf, type Became, type BySide, type Point, type Schedule, type Segment, type Side,
} from "./schedule.ts";
import { NO_ENTRY, type Threads } from "./threads.ts";

const TRIES = 3;
/** What is left behind a schedule. */
export const endsOf = (of: BySide<unknown>): Schedule => sidesOf(of).map((side) => ({ side, until: null }));

/** A pair of calls, or of several each, as a kernel runs it and as it is compared. */
type Pair = RealPair & Compared & { readonly name: string };

export type Anchors = BySide<readonly Anchor[]>;

/** One schedule, run. */
export interface Run {
  readonly schedule: Schedule;
  /** By segment; those behind the schedule's own last one are the ends that were left. */
  readonly became: readonly Became[];
  readonly outcome: Outcome;
  /** Why the schedule is not realised; null: it is. */
  readonly not: string | null;
  readonly tries: number;
  /** Milliseconds, all tries together. */
  readonly ms: number;
}

export interface Followed {
  readonly anchors: Anchors;
  /** What the calls find. */
  readonly memory: Pick<Outcome, "areas" | "pages">;
}
/** Where the calls of each thread come by when it is the first and alone. */
export async function followed(machine: ForcedMachine, pair: Pair): Promise<Followed> {
  const points = entryPoints(machine.symbols);
  const writes = writePoints();
  const found: Anchor[][] = [];
  let memory: Pick<Outcome, "areas" | "pages"> | null = null;
  for (const side of sidesOf(pair.calls)) {
    const follow = (): Promise<Seen<readonly Anchor[]>> => machine.run(pair, async (threads) => {
      const several: readonly Point[] = pair.calls[side]!.length > 1 ? [{ kind: "return", nth: 1 }] : [];
      const there = [...points, ...(await threads.thatExist(writes)), ...several];
      const { became, hits } = await threads.follow(side, there, MOST);
      if (became.what !== "ended") throw new Error(`${pair.name}: a call that is alone does not end`);
      for (const end of endsOf(pair.calls)) await threads.segment(end);
      return anchorsOf(there, hits);
    });
    const seen = await follow();
    memory ??= realMemory(pair, seen.before);
    // On a busy machine a call comes by some places only because it was interrupted.
    const again = new Set((await follow()).driven.map(anchorInWords));
    found.push(seen.driven.filter((x) => again.has(anchorInWords(x))));
  }
  return { anchors: forEachSide(pair.calls, (_, side) => found[side]!), memory: memory! };
}

/**
 * All with at most two switches, then as many of those with three as make it `least`, evenly from all of these; where these do not
 * suffice, some with four.
 */
export function schedulesOf([a, b]: Anchors, least: number): readonly Schedule[] {
  const end = (side: Side): Segment => ({ side, until: null });
  const held = (side: Side, anchor: Anchor): Segment => ({ side, until: anchor.point });
  const two = [
    [end(0), end(1)], [end(1), end(0)],
    ...a.map((x) => [held(0, x), end(1), end(0)]), ...b.map((y) => [held(1, y), end(0), end(1)]),
  ];
  // When one has begun, there may be no entry that the other one could be waited for at.
  const entries = (of: readonly Anchor[]): readonly Anchor[] => of.filter((x) => x.point.kind === "entry");
  const three = [
    ...a.flatMap((x) => entries(b).map((y) => [held(0, x), held(1, y), end(0), end(1)])),
    ...b.flatMap((y) => entries(a).map((x) => [held(1, y), held(0, x), end(1), end(0)])),
  ];
  // A thread that is held once more: at what it has not come by until then, so that it is the first time.
  const isNew = (of: readonly Anchor[], x: Anchor, n: number): boolean => of.slice(0, n).every((o) => nameOf(o) !== nameOf(x));
  const later = (of: readonly Anchor[], n: number): readonly Anchor[] =>
    of.slice(n + 1).filter((x, i) => isNew(of, x, n + 1 + i) && x.point.kind === "entry");
  const four = [
    ...a.flatMap((x, n) => entries(b).flatMap((y) => later(a, n).map((z) => [held(0, x), held(1, y), held(0, z), end(1), end(0)]))),
    ...b.flatMap((y, n) => entries(a).flatMap((x) => later(b, n).map((z) => [held(1, y), held(0, x), held(1, z), end(0), end(1)]))),
  ];
  const some = (of: readonly Schedule[], wanted: number): readonly Schedule[] => {
    const n = Math.min(of.length, Math.max(0, wanted));
    return Array.from({ length: n }, (_, i) => of[Math.floor((i * of.length) / n)]!);
  };
  return [...two, ...some(three, least - two.length), ...some(four, least - two.length - three.length)];
}
const nameOf = ({ point }: Anchor): string => pointInWords({ ...point, nth: 1 });

/** Runs the schedule until it is realised, at most TRIES times. */
export async function realise(machine: ForcedMachine, pair: Pair, schedule: Schedule, anchors: Anchors): Promise<Run> {
  const start = performance.now();
  for (let tries = 1; ; tries++) {
    const { after, driven } = await machine.run(pair, (threads) => carryOut(threads, [...schedule, ...endsOf(pair.calls)]));
    const not = whyNot(schedule, driven, anchors);
    const ms = Math.round(performance.now() - start);
    if (not === null || tries === TRIES) return { schedule, became: driven, outcome: realOutcome(pair, after), not, tries, ms };
  }
}

async function carryOut(threads: Threads, schedule: Schedule): Promise<readonly Became[]> {
  const became: Became[] = [];
  for (const segment of schedule) became.push(await threads.segment(segment));
  return became;
}

/**
 * No run takes the schedule: what the other thread did before has led this one elsewhere, to its end, or has taken away the entry
 * that was to be watched. Whoever is forced so three times shows that there is no such order.
 */
export const isNoOrder = (not: string): boolean => not.endsWith(ENDED) || not === NO_ENTRY;
const ENDED = "it has ended before";
/** A function may be called from several places of another one: a fault with the lock of the area, or with that of the address space. */
const callerOf = (place: string): string => place.replace(/( from [^+]+)\+0x[0-9a-f]+$/, "$1");

/** Null: the schedule is realised. A thread that waits for the other one before its point takes its turn: that is a result. */
export function whyNot(schedule: Schedule, became: readonly Became[], anchors: Anchors): string | null {
  const lost = became.find((b) => b.what === "lost");
  if (lost !== undefined) return lost.what === "lost" ? lost.why : null;
  for (const [i, { side, until }] of schedule.entries()) {
    const is = became[i]!;
    if (until === null || is.what === "blocked") continue;
    const name = scheduleInWords([{ side, until }]);
    if (is.what !== "held") return `${name}: ${is.what === "ended" ? ENDED : "it has not begun"}`;
    const anchor = anchors[side]!.find((x) => x.point.kind === until.kind && scheduleInWords([{ side, until: x.point }]) === name);
    if (anchor === undefined) return `${name} is no anchor of this call`;
    if (callerOf(is.place) !== callerOf(anchor.place)) return `${name}: held at ${is.place}, and alone it comes by ${anchor.place}`;
    // What the other one has done before may show in the entry.
    if (i === 0 && is.value !== anchor.value) return `${name}: the entry is ${is.value}, and alone it was ${anchor.value}`;
  }
  return null;
}
