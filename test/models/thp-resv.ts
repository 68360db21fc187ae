/**
 * thp-resv: reservations of huge pages, at the granularity of their locks.
 *
 * Some ranges of an mm can each get one huge block. Fault threads map base pages and, at the first fault in a range,
 * reserve a block for all of it; khugepaged promotes a well-filled reservation to a huge page; a shrinker takes
 * reservations back; munmap empties one range. The faults hold mmap_lock for reading and the reservation lock,
 * khugepaged mmap_lock for writing, the shrinker the reservation lock only, munmap both.
 *
 * Every yield below is one atomic step of the same model in TLA+ (`../bench/ThpResv.tla`) and in Promela
 * (`../bench/thpresv.pml`); TLC, Spin (exact) and Stateright agree on the counts of `rows`, to the digit. They count
 * thread-local values that are dead already, so these scenarios run with the clearing of dead locals off; the
 * `-cleared` twins pin the smaller counts. `thp-resv-plain.ts` is the same model with its program counters as fields.
 */
import {
  NONE, at, bitset, bool, bugOn, choose, holds, int, scenario, struct, table, violated,
  type Expectation, type Int, type Ref, type Routine, type Scenario, type Thread, type World,
} from "thpcheck";

/** Base pages per huge page. */
export const PAGES = 4;

export const NO_BUG = 0;
/** khugepaged forgets to subtract the unused pages of a promoted reservation. */
export const PROMOTION_KEEPS_RESERVED = 1;
/** munmap takes the reservation lock before mmap_lock. */
export const MUNMAP_LOCK_ORDER = 2;
/** A fault reserves a range in which pages are mapped already. */
export const RESERVES_OVER_PAGES = 3;

export interface Bounds {
  readonly faultThreads: number;
  /** Faults per fault thread, at most 3. */
  readonly faults: number;
  readonly ranges: number;
  /** Rounds of khugepaged, at most 3. */
  readonly collapseRounds: number;
  /** Rounds of the shrinker, at most 3. */
  readonly shrinkRounds: number;
  /** Mapped pages from which on khugepaged promotes a reservation. */
  readonly threshold: number;
  /** Huge blocks free at the start. */
  readonly blocks: number;
  readonly bug: number;
}

export function structs(bounds: Bounds) {
  return {
    range: table(bounds.ranges, {
      resv: bool("a block is reserved for the range"),
      huge: bool("the range is mapped by one huge page"),
      broken: bool("the reservation was taken back, but base pages still pin its block"),
      mapped: bitset(PAGES, "base pages mapped"),
      unused: int(0, PAGES, "reserved base pages that are not mapped"),
    }),
    mm: struct({
      readers: int(0, bounds.faultThreads, "threads that hold mmap_lock for reading"),
      writer: bool("mmap_lock is held for writing"),
      resvLock: bool("the reservation lock is held"),
    }),
    node: struct({
      reserved: int(0, PAGES * bounds.ranges, "NR_THP_RESERVED: reserved base pages that are not mapped"),
      freeBlocks: int(0, bounds.blocks, "free huge blocks", { init: bounds.blocks }),
    }),
  };
}
export type ResvStructs = ReturnType<typeof structs>;
type K = World<ResvStructs>;

// --- What happens under the locks. Each is part of one step. -------------------------------------------------------

/** A fault at `page` of range `r`: reserves a block if the range is empty and one is free, then maps the page. */
export function mapPage(k: K, r: number, page: number, bug: number): void {
  if (k.range.huge.get(r) || k.range.mapped.has(r, page)) return;
  const mayReserve = bug === RESERVES_OVER_PAGES ? !k.range.broken.get(r) : k.range.mapped.get(r) === 0;
  if (!k.range.resv.get(r) && mayReserve && k.node.freeBlocks.get() > 0) {
    k.node.freeBlocks.add(-1);
    k.range.resv.set(r, true);
    k.node.reserved.add(PAGES);
    k.range.unused.set(r, PAGES);
  }
  if (k.range.resv.get(r)) {
    k.node.reserved.add(-1);
    k.range.unused.add(r, -1);
  }
  k.range.mapped.insert(r, page);
}

/** khugepaged: a reservation with at least `threshold` mapped pages becomes a huge page. */
export function promote(k: K, r: number, threshold: number, bug: number): void {
  if (!k.range.resv.get(r) || k.range.mapped.size(r) < threshold) return;
  if (bug !== PROMOTION_KEEPS_RESERVED) k.node.reserved.add(-k.range.unused.get(r));
  k.range.unused.set(r, 0);
  k.range.resv.set(r, false);
  k.range.huge.set(r, true);
  k.range.mapped.set(r, 0);
}

/** The shrinker: takes a reservation back. Mapped pages keep the block until they are unmapped. */
export function takeBack(k: K, r: number): void {
  if (!k.range.resv.get(r)) return;
  k.node.reserved.add(-k.range.unused.get(r));
  k.range.unused.set(r, 0);
  k.range.resv.set(r, false);
  if (k.range.mapped.get(r) === 0) k.node.freeBlocks.add(1);
  else k.range.broken.set(r, true);
}

/** munmap: empties the range and frees its block. */
export function unmapRange(k: K, r: number): void {
  k.node.reserved.add(-k.range.unused.get(r));
  k.range.unused.set(r, 0);
  if (ownsBlock(k, r)) k.node.freeBlocks.add(1);
  k.range.resv.set(r, false);
  k.range.huge.set(r, false);
  k.range.broken.set(r, false);
  k.range.mapped.set(r, 0);
}

function ownsBlock(k: K, r: number): boolean {
  return k.range.resv.get(r) || k.range.huge.get(r) || k.range.broken.get(r);
}

// --- Threads -------------------------------------------------------------------------------------------------------

/** At most this many rounds of any thread. */
type Round = Int<0, 3>;
type Page = Int<0, 3>;

/** The locals that name a range are reset where the last lock is released, as in the TLA+ and Promela models. */
function threads(bounds: Bounds): Thread<ResvStructs>[] {
  const faults = bounds.faults;
  const collapseRounds = bounds.collapseRounds;
  const shrinkRounds = bounds.shrinkRounds;
  const threshold = bounds.threshold;
  const bug = bounds.bug;

  function* fault(k: K): Routine {
    let r: Ref<"range"> = NONE;
    let page: Page = 0;
    for (let n: Round = 0; n < faults; n++) {
      yield at("mmap_read_lock", () => !k.mm.writer.get());
      k.mm.readers.add(1);
      r = choose(k, "range", k.range.count);
      page = choose(k, "page", PAGES);

      yield at("lock resv", () => !k.mm.resvLock.get());
      k.mm.resvLock.set(true);

      yield at("map page");
      mapPage(k, r, page, bug);

      yield at("unlock resv");
      bugOn(!k.mm.resvLock.get(), "the reservation lock is not held");
      k.mm.resvLock.set(false);

      yield at("mmap_read_unlock");
      bugOn(k.mm.readers.get() === 0, "mmap_lock is not held for reading");
      k.mm.readers.add(-1);
      r = NONE;
      page = 0;
    }
  }

  function* khugepaged(k: K): Routine {
    let r: Ref<"range"> = NONE;
    for (let n: Round = 0; n < collapseRounds; n++) {
      yield at("mmap_write_lock", () => !k.mm.writer.get() && k.mm.readers.get() === 0);
      k.mm.writer.set(true);
      r = choose(k, "range", k.range.count);

      yield at("promote");
      promote(k, r, threshold, bug);

      yield at("mmap_write_unlock");
      bugOn(!k.mm.writer.get(), "mmap_lock is not held for writing");
      k.mm.writer.set(false);
      r = NONE;
    }
  }

  function* shrinker(k: K): Routine {
    let r: Ref<"range"> = NONE;
    for (let n: Round = 0; n < shrinkRounds; n++) {
      yield at("trylock resv");
      if (k.mm.resvLock.get()) continue; // a failed trylock spends the round
      k.mm.resvLock.set(true);
      r = choose(k, "range", k.range.count);

      yield at("take back");
      takeBack(k, r);

      yield at("unlock resv");
      bugOn(!k.mm.resvLock.get(), "the reservation lock is not held");
      k.mm.resvLock.set(false);
      r = NONE;
    }
  }

  function* munmap(k: K): Routine {
    let r: Ref<"range"> = NONE;
    if (bug === MUNMAP_LOCK_ORDER) {
      yield at("lock resv", () => !k.mm.resvLock.get());
      k.mm.resvLock.set(true);
      r = choose(k, "range", k.range.count);

      yield at("mmap_write_lock", () => !k.mm.writer.get() && k.mm.readers.get() === 0);
      k.mm.writer.set(true);
    } else {
      yield at("mmap_write_lock", () => !k.mm.writer.get() && k.mm.readers.get() === 0);
      k.mm.writer.set(true);
      r = choose(k, "range", k.range.count);

      yield at("lock resv", () => !k.mm.resvLock.get());
      k.mm.resvLock.set(true);
    }

    yield at("unmap");
    unmapRange(k, r);

    yield at("unlock resv");
    bugOn(!k.mm.resvLock.get(), "the reservation lock is not held");
    k.mm.resvLock.set(false);

    yield at("mmap_write_unlock");
    bugOn(!k.mm.writer.get(), "mmap_lock is not held for writing");
    k.mm.writer.set(false);
    r = NONE;
  }

  return [
    ...Array.from({ length: bounds.faultThreads }, (_, t) => ({ name: `fault${t}`, run: fault })),
    { name: "khugepaged", run: khugepaged },
    { name: "shrinker", run: shrinker },
    { name: "munmap", run: munmap },
  ];
}

// --- Invariants ----------------------------------------------------------------------------------------------------

function sumOfUnused(k: K): number {
  let sum = 0;
  for (let r = 0; r < k.range.count; r++) sum += k.range.unused.get(r);
  return sum;
}

function unusedMatchesMapped(k: K): boolean {
  for (let r = 0; r < k.range.count; r++) {
    if (k.range.unused.get(r) !== (k.range.resv.get(r) ? PAGES - k.range.mapped.size(r) : 0)) return false;
  }
  return true;
}

function atMostOneState(k: K): boolean {
  for (let r = 0; r < k.range.count; r++) {
    const states = (k.range.resv.get(r) ? 1 : 0) + (k.range.huge.get(r) ? 1 : 0) + (k.range.broken.get(r) ? 1 : 0);
    if (states > 1) return false;
  }
  return true;
}

function ownedBlocks(k: K): number {
  let owned = 0;
  for (let r = 0; r < k.range.count; r++) if (ownsBlock(k, r)) owned++;
  return owned;
}

/** I1 to I4 of the model: what must hold whatever the threads are doing. */
export function invariants(bounds: Bounds) {
  const blocks = bounds.blocks;
  return {
    /** NR_THP_RESERVED counts exactly the unused pages of all reservations. */
    I1: (k: K) => k.node.reserved.get() === sumOfUnused(k),
    /** A reservation's unused pages are those not mapped; without a reservation there are none. */
    I2: (k: K) => unusedMatchesMapped(k),
    /** A range is reserved, huge or broken, never two of these. */
    I3: (k: K) => atMostOneState(k),
    /** Blocks are neither lost nor made. */
    I4: (k: K) => k.node.freeBlocks.get() + ownedBlocks(k) === blocks,
  };
}

// --- Scenarios -----------------------------------------------------------------------------------------------------

export interface Row {
  readonly name: string;
  readonly tier: "quick" | "full" | "nightly";
  readonly bounds: Bounds;
  /** Distinct states, edges with multiplicity, and levels of the breadth-first search, as TLC, Spin and Stateright count them. */
  readonly states: number;
  readonly edges: number;
  readonly levels: number;
}

const bounds = (faultThreads: number, faults: number, ranges: number, collapseRounds: number, shrinkRounds: number, threshold: number, blocks: number, bug = NO_BUG): Bounds =>
  ({ faultThreads, faults, ranges, collapseRounds, shrinkRounds, threshold, blocks, bug });

/**
 * The conformance table. To find the first level at which a count goes wrong, the sizes of the levels:
 * `thp-resv-1111121`: 1 7 13 19 23 27 44 63 55 46 56 45 38 38 24 13 4;
 * `thp-resv-s`: 1 14 38 50 48 73 194 480 483 431 781 1071 1628 1651 1317 1557 1273 1044 1151 805 314 52.
 */
export const rows: readonly Row[] = [
  { name: "thp-resv-s", tier: "quick", bounds: bounds(1, 2, 2, 1, 1, 2, 1), states: 14_456, edges: 27_194, levels: 22 },
  { name: "thp-resv-m", tier: "quick", bounds: bounds(2, 1, 2, 2, 2, 2, 1), states: 117_401, edges: 284_706, levels: 27 },
  { name: "thp-resv-l", tier: "quick", bounds: bounds(2, 2, 2, 1, 1, 2, 1), states: 1_344_692, edges: 3_414_528, levels: 32 },
  { name: "thp-resv-xl", tier: "quick", bounds: bounds(2, 2, 2, 2, 2, 2, 1), states: 4_164_896, edges: 11_416_244, levels: 37 },
  // The others are named by their bounds, in the order of the table: F K R CK CS TH NB.
  { name: "thp-resv-1111121", tier: "full", bounds: bounds(1, 1, 1, 1, 1, 2, 1), states: 516, edges: 840, levels: 17 },
  { name: "thp-resv-1121121", tier: "full", bounds: bounds(1, 1, 2, 1, 1, 2, 1), states: 1_900, edges: 3_620, levels: 17 },
  { name: "thp-resv-2111121", tier: "full", bounds: bounds(2, 1, 1, 1, 1, 2, 1), states: 6_190, edges: 13_004, levels: 22 },
  { name: "thp-resv-2121122", tier: "full", bounds: bounds(2, 1, 2, 1, 1, 2, 2), states: 31_804, edges: 71_406, levels: 22 },
  { name: "thp-resv-2121121", tier: "full", bounds: bounds(2, 1, 2, 1, 1, 2, 1), states: 36_188, edges: 80_990, levels: 22 },
  { name: "thp-resv-2211131", tier: "full", bounds: bounds(2, 2, 1, 1, 1, 3, 1), states: 69_300, edges: 165_310, levels: 32 },
  { name: "thp-resv-2211121", tier: "full", bounds: bounds(2, 2, 1, 1, 1, 2, 1), states: 70_558, edges: 168_694, levels: 32 },
  { name: "thp-resv-3121121", tier: "full", bounds: bounds(3, 1, 2, 1, 1, 2, 1), states: 949_956, edges: 2_829_852, levels: 27 },
  { name: "thp-resv-2321121", tier: "nightly", bounds: bounds(2, 3, 2, 1, 1, 2, 1), states: 10_591_612, edges: 28_360_894, levels: 42 },
];

export interface SeededBug {
  readonly name: string;
  readonly why: string;
  readonly bounds: Bounds;
  readonly expect: Expectation;
}

/** The seeded bugs; `length` counts steps, one less than the states that TLC and Spin -DBFS print. */
export const seededBugs: readonly SeededBug[] = [
  { name: "thp-resv-bug1", why: "promotion forgets the counter: I1 must find it", bounds: bounds(2, 1, 2, 1, 1, 2, 1, PROMOTION_KEEPS_RESERVED), expect: violated("I1", { length: 12 }) },
  { name: "thp-resv-bug2", why: "munmap takes its two locks in the other order: a deadlock", bounds: bounds(2, 1, 2, 1, 1, 2, 1, MUNMAP_LOCK_ORDER), expect: violated("deadlock", { length: 4 }) },
  { name: "thp-resv-bug3", why: "a reservation over mapped pages: its unused pages are wrong at once", bounds: bounds(2, 2, 2, 1, 1, 2, 1, RESERVES_OVER_PAGES), expect: violated("I2", { length: 18 }) },
];

/** The counts of some rows with dead locals cleared. Only this checker has them, but it finds them in two ways: the plain twins forget the same values by hand. */
export const clearedRows: readonly Row[] = [
  { name: "thp-resv-s", states: 12_988, edges: 24_532, levels: 22 },
  { name: "thp-resv-m", states: 93_117, edges: 228_714, levels: 26 },
  { name: "thp-resv-l", states: 854_196, edges: 2_167_162, levels: 32 },
  { name: "thp-resv-xl", states: 2_544_246, edges: 6_959_468, levels: 36 },
].map((counts) => ({ ...rows.find((row) => row.name === counts.name)!, ...counts, name: `${counts.name}-cleared` }));

function program(name: string, why: string, tier: Row["tier"], b: Bounds, expect: Expectation, clearDeadLocals: boolean): Scenario<ResvStructs> {
  return scenario({
    sanitize: "its steps are those of the model that TLC, Spin and Stateright explore",
    name, why, tier, clearDeadLocals,
    config: { ...b },
    structs: structs(b),
    threads: threads(b),
    always: {
      ...invariants(b),
      /** The part of I5 that needs no program counters; the plain twin states all of it. */
      I5: (k: K) => !(k.mm.writer.get() && k.mm.readers.get() > 0),
    },
    expect,
  });
}

export default [
  ...rows.map((row) => program(row.name, "the same count as TLC, Spin and Stateright", row.tier, row.bounds, holds({ states: row.states, transitions: row.edges, depth: row.levels }), false)),
  ...clearedRows.map((row) => program(row.name, "clearing dead locals leaves out states that differ only in garbage", row.tier, row.bounds, holds({ states: row.states, transitions: row.edges, depth: row.levels }), true)),
  ...seededBugs.map((seeded) => program(seeded.name, seeded.why, "quick", seeded.bounds, seeded.expect, false)),
];
