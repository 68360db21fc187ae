/** Which arguments each event can have at given sizes: what a product of machines tries in every state. */
import { EV, type EventName } from "./events.ts";
import type { Sizes } from "./machine.ts";
import { SCAN_RESULTS } from "./scan-result.ts";

/** An argument is one of 0..n-1, or one of these. */
type Range = number | readonly number[];
interface Domain {
  readonly ranges: (s: Sizes) => readonly Range[];
  /** Combinations that exist; all unless given. */
  readonly only?: (args: readonly number[], s: Sizes) => boolean;
}

const vpns = (s: Sizes): number => s.hugeRanges * s.pagesPerHugePage;
const folio: Domain = { ranges: (s) => [s.frames] };
const range: Domain = { ranges: (s) => [s.mms, s.hugeRanges] };
const onCpu: Domain = { ranges: (s) => [s.mms, s.hugeRanges, s.cpus] };
const slot: Domain = { ranges: (s) => [s.slots] };
const mm: Domain = { ranges: (s) => [s.mms] };
/**
 * A page of a range lies in the frame of its own number; `others`: or in the next one, where a fault has it from a
 * reservation that is gone.
 */
const page = (others: number): Domain => ({
  ranges: (s) => [s.mms, s.hugeRanges, s.pagesPerHugePage, s.frames],
  only: ([m, r, i, frame], s) => {
    const own = ((m! * s.hugeRanges + r!) * s.pagesPerHugePage + i!) % s.frames;
    return frame === own || (others > 0 && frame === (own + 1) % s.frames);
  },
});
const count: Domain = { ranges: (s) => [s.mms, s.hugeRanges, s.pagesPerHugePage + 1] };
/** A compound folio begins at a multiple of its size. */
const aligned = (at: number, order: number): boolean => at % 2 ** order === 0;
const orders = (s: Sizes): number => Math.log2(s.pagesPerHugePage) + 1;

const DOMAINS: Readonly<Partial<Record<EventName, Domain>>> = {
  FOLIO_ALLOC: { ranges: (s) => [s.frames, orders(s)], only: ([f, o]) => aligned(f!, o!) },
  // The tail's machines decide whether it is one: a split of a single page names no tail.
  FOLIO_SPLIT: { ranges: (s) => [s.frames, orders(s), orders(s) - 1], only: ([f, o, n]) => o! > n! && aligned(f!, o!) },
  FOLIO_UNFREEZE: { ranges: (s) => [s.frames, orders(s) - 1] },
  FOLIO_GET: { ranges: (s) => [s.frames, [1]] },
  FOLIO_PUT: { ranges: (s) => [s.frames, [1]] },
  PMD_POPULATE: { ranges: (s) => [s.mms, s.hugeRanges, s.pageTables] },
  PMD_SPLIT: { ranges: (s) => [s.mms, s.hugeRanges, s.pageTables] },
  PMD_CLEAR: { ranges: (s) => [s.mms, s.hugeRanges, [-1, ...Array(s.pageTables).keys()]] },
  PMD_DETACH: { ranges: (s) => [s.mms, s.hugeRanges, s.pageTables, s.cpus] },
  PMD_REATTACH: { ranges: (s) => [s.mms, s.hugeRanges, s.pageTables, s.cpus] },
  PMD_REINSTALL: { ranges: (s) => [s.mms, s.hugeRanges, s.pageTables, s.cpus] },
  TABLE_ALLOC: { ranges: (s) => [s.pageTables, s.mms] },
  TABLE_FREE: { ranges: (s) => [s.pageTables] },
  TABLE_DEPOSIT: { ranges: (s) => [s.pageTables] },
  TABLE_WITHDRAW: { ranges: (s) => [s.pageTables] },
  TABLE_RCU: { ranges: (s) => [s.pageTables] },
  // Every CPU has the address space of its own number loaded, as far as there are so many.
  TLB_FILL: { ranges: (s) => [s.cpus, vpns(s), 2, s.mms], only: ([cpu, , , m], s) => m === cpu! % s.mms },
  TLB_FLUSH: { ranges: (s) => [s.cpus, vpns(s), vpns(s) + 1], only: ([, start, end]) => start! < end! },
  MIGRATION_SET: { ranges: (s) => [[0], [0], s.frames] },
  MIGRATION_REMOVE: { ranges: (s) => [[0], [0], s.frames] },
  MIGRATION_ZAP: { ranges: (s) => [[0], [0], s.frames] },
  COLLAPSE_RESULT: { ranges: (s) => [s.mms, s.hugeRanges, s.cpus, SCAN_RESULTS.length] },
  COLLAPSE_NEXT: { ranges: (s) => [s.mms, s.hugeRanges, s.cpus, SCAN_RESULTS.length] },
  COLLAPSE_WALKED: { ranges: (s) => [s.mms, s.hugeRanges, s.cpus, SCAN_RESULTS.length] },
  VMA_CREATE: { ranges: (s) => [[0], s.mms, vpns(s), vpns(s) + 1], only: ([, , start, end]) => start! < end! },
  VMA_BOUNDS: {
    ranges: (s) => [[0], s.mms, vpns(s), vpns(s) + 1, vpns(s), vpns(s) + 1],
    only: ([, , start, end, wasStart, wasEnd]) => start! < end! && wasStart! < wasEnd!,
  },
  VMA_REMOVE: { ranges: (s) => [[0], s.mms, vpns(s), vpns(s) + 1], only: ([, , start, end]) => start! < end! },
  RESV_TAKE: page(0), RESV_RETURN: page(0), RESV_INSTALL: page(1), RESV_RELEASE: count, RESV_PROMOTE: count,
};

/** By prefix, for the events that have no entry of their own. */
const FAMILIES: readonly (readonly [RegExp, Domain])[] = [
  [/^FOLIO_|^THP2011_/, folio], [/^SWAP_/, slot], [/^COLLAPSE_/, onCpu], [/^PMD_|^RESV_/, range], [/^MM_/, mm],
];

/** Every argument list of the event. */
export function argumentsOf(event: EventName, sizes: Sizes): (readonly number[])[] {
  const domain = DOMAINS[event] ?? FAMILIES.find(([pattern]) => pattern.test(event))![1];
  let lists: number[][] = [[]];
  for (const r of domain.ranges(sizes)) {
    const values = typeof r === "number" ? Array.from({ length: r }, (_, i) => i) : r;
    lists = lists.flatMap((list) => values.map((v) => [...list, v]));
  }
  return domain.only === undefined ? lists : lists.filter((list) => domain.only!(list, sizes));
}

/** In the order of their numbers. */
export const EVENT_NAMES = (Object.keys(EV) as EventName[]).sort((a, b) => EV[a] - EV[b]);
