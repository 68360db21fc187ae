/**
 * The machines, and which instances of them each event names.
 *
 * Instances are numbered: a page frame, a page table, an mm or a CPU by its own number; a huge range of an address space
 * by mm * hugeRanges + index; a page of the address space that a CPU has loaded by cpu * pages + page.
 */
import type { EventName } from "./events.ts";
import type { Letter, MachineSpec, Route, Sizes } from "./machine.ts";
import { collapseMachine } from "./machines/collapse.ts";
import { deferredSplitMachine } from "./machines/deferred-split.ts";
import { folioMachine } from "./machines/folio.ts";
import { hugePmdMachine } from "./machines/huge-pmd.ts";
import { migrationEntryMachine } from "./machines/migration-entry.ts";
import { mmMachine } from "./machines/mm.ts";
import { pageTableMachine } from "./machines/page-table.ts";
import { refcount2011Machine } from "./machines/refcount-2011.ts";
import { refcountFolioMachine } from "./machines/refcount-folio.ts";
import { reservationMachine } from "./machines/reservation.ts";
import { reservedCounterMachine } from "./machines/reserved-counter.ts";
import { reservedPageMachine } from "./machines/reserved-page.ts";
import { swapEntryMachine } from "./machines/swap-entry.ts";
import { tlbEntryMachine } from "./machines/tlb-entry.ts";
import { vmaBoundsMachine } from "./machines/vma-bounds.ts";
import { SCAN_RESULTS } from "./scan-result.ts";

// ---- letters ---------------------------------------------------------------------------------------------------

const nothing = (): Readonly<Record<string, unknown>> => ({});
const one = (): number => 1;

/** The event names its instance in argument `at`, and says nothing more. */
function names(at: number): Letter {
  return { route: (args, _sizes, move) => { move(args[at]!, 0); }, event: nothing, payloads: one };
}
/** As `names`, with the number in argument `value` as `field`; `upTo`: values that occur. */
function namesWith(at: number, value: number, field: string, upTo: (sizes: Sizes) => number): Letter {
  return { route: (args, _sizes, move) => { move(args[at]!, args[value]!); }, event: (payload) => ({ [field]: payload }), payloads: upTo };
}
/** The event names a huge range: mm, index. */
const range: Letter = { route: (args, sizes, move) => { move(args[0]! * sizes.hugeRanges + args[1]!, 0); }, event: nothing, payloads: one };
/** As `range`, with the number in argument `value` as `field`. */
function rangeWith(value: number, field: string, upTo: (sizes: Sizes) => number): Letter {
  return {
    route: (args, sizes, move) => { move(args[0]! * sizes.hugeRanges + args[1]!, args[value]!); },
    event: (payload) => ({ [field]: payload }),
    payloads: upTo,
  };
}
/** The letters, each for all of these events. */
function each(events: readonly EventName[], letter: Letter): Partial<Record<EventName, Letter>> {
  return Object.fromEntries(events.map((e) => [e, letter]));
}

/** A split names the folio, and each page at which another part of it begins. */
const split: Letter = {
  route: (args, _sizes, move) => {
    move(args[0]!, 2 * args[2]!);
    for (let i = 2 ** args[2]!; i < 2 ** args[1]!; i += 2 ** args[2]!) move(args[0]! + i, 2 * args[2]! + 1);
  },
  event: (payload) => ({ part: payload % 2 === 0 ? "head" : "rest", order: Math.floor(payload / 2) }),
  payloads: (sizes) => 2 * Math.log2(sizes.pagesPerHugePage),
};

/** A table, where there is one: PMD_CLEAR of a huge entry names none. */
function table(at: number): Letter {
  return { route: (args, _sizes, move) => { if (args[at]! >= 0) move(args[at]!, 0); }, event: nothing, payloads: one };
}

/** A PMD entry that is cleared, and whether it pointed to a table. */
const clear: Letter = {
  route: (args, sizes, move) => { move(args[0]! * sizes.hugeRanges + args[1]!, args[2]! >= 0 ? 1 : 0); },
  event: (payload) => ({ table: payload === 1 }),
  payloads: () => 2,
};

/** All huge ranges of an address space. */
const rangesOfMm: Letter = {
  route: (args, sizes, move) => { for (let r = 0; r < sizes.hugeRanges; r++) move(args[0]! * sizes.hugeRanges + r, 0); },
  event: nothing,
  payloads: one,
};

/** A fill of a huge translation names the PMD entry that it was read from. */
const hugeFill: Letter = {
  route: (args, sizes, move) => {
    if (args[2] === 1) move(args[3]! * sizes.hugeRanges + Math.floor(args[1]! / sizes.pagesPerHugePage), 0);
  },
  event: nothing,
  payloads: one,
};

/** What start..end is to the huge range from `first` on: 0 outside of it, 1 touches it, 2 contains it. */
function relation(start: number, end: number, first: number, pages: number): number {
  if (end <= first || start >= first + pages) return 0;
  return start <= first && first + pages <= end ? 2 : 1;
}
/**
 * Names the huge ranges to which the area is something else afterwards; `was`: the area had boundaries before, `is`: it
 * has some afterwards.
 */
function area(was: readonly [number, number] | null, is: readonly [number, number] | null): Letter {
  return {
    route: (args, sizes, move) => {
      for (let r = 0; r < sizes.hugeRanges; r++) {
        const first = r * sizes.pagesPerHugePage;
        const before = was === null ? 0 : relation(args[was[0]]!, args[was[1]]!, first, sizes.pagesPerHugePage);
        const after = is === null ? 0 : relation(args[is[0]]!, args[is[1]]!, first, sizes.pagesPerHugePage);
        if (before !== after) move(args[1]! * sizes.hugeRanges + r, was === null ? after : is === null ? before : before * 3 + after);
      }
    },
    event: (payload) => {
      if (was === null) return { before: 0, after: payload };
      return is === null ? { before: payload, after: 0 } : { before: Math.floor(payload / 3), after: payload % 3 };
    },
    payloads: () => (was === null || is === null ? 3 : 9),
  };
}

/** The CPU in argument `cpu` works on the huge range mm, index. */
function attempt(cpu: number): Letter {
  return {
    route: (args, sizes, move) => { move(args[cpu]!, args[0]! * sizes.hugeRanges + args[1]!); },
    event: (payload) => ({ range: payload }),
    payloads: (sizes) => sizes.mms * sizes.hugeRanges,
  };
}
const attemptResult: Letter = {
  route: (args, sizes, move) => { move(args[2]!, (args[0]! * sizes.hugeRanges + args[1]!) * SCAN_RESULTS.length + args[3]!); },
  event: (payload) => ({ range: Math.floor(payload / SCAN_RESULTS.length), result: SCAN_RESULTS[payload % SCAN_RESULTS.length]! }),
  payloads: (sizes) => sizes.mms * sizes.hugeRanges * SCAN_RESULTS.length,
};

/** The huge range of a collapse that has succeeded. */
const success: Letter = {
  route: (args, sizes, move) => { if (args[3] === 1) move(args[0]! * sizes.hugeRanges + args[1]!, 0); },
  event: nothing,
  payloads: one,
};

const vpns = (sizes: Sizes): number => sizes.hugeRanges * sizes.pagesPerHugePage;
const fill: Letter = {
  route: (args, sizes, move) => {
    const base = args[0]! * vpns(sizes);
    if (args[2] !== 1) return move(base + args[1]!, 0);
    const first = args[1]! - (args[1]! % sizes.pagesPerHugePage);
    for (let i = 0; i < sizes.pagesPerHugePage; i++) move(base + first + i, 1);
  },
  event: (payload) => ({ huge: payload === 1 }),
  payloads: () => 2,
};
const flush: Letter = {
  route: (args, sizes, move) => {
    const h = sizes.pagesPerHugePage;
    const base = args[0]! * vpns(sizes);
    const start = args[1]!;
    const end = args[2]!;
    for (let vpn = start - (start % h); vpn < Math.ceil(end / h) * h; vpn++) move(base + vpn, vpn >= start && vpn < end ? 1 : 0);
  },
  event: (payload) => ({ exact: payload === 1 }),
  payloads: () => 2,
};

const pages = (sizes: Sizes): number => sizes.pagesPerHugePage;
const counts = (sizes: Sizes): number => sizes.pagesPerHugePage + 1;

/** Reservations: the range, and how many pages the event is about. */
const create: Route = (args, sizes, move) => { move(args[0]! * sizes.hugeRanges + args[1]!, sizes.pagesPerHugePage); };
const slot: Letter = {
  route: (args, sizes, move) => { move((args[0]! * sizes.hugeRanges + args[1]!) * pages(sizes) + args[2]!, args[3]!); },
  event: (payload) => ({ frame: payload }),
  payloads: (sizes) => sizes.frames,
};
const allSlots: Letter = {
  route: (args, sizes, move) => {
    for (let i = 0; i < pages(sizes); i++) move((args[0]! * sizes.hugeRanges + args[1]!) * pages(sizes) + i, 0);
  },
  event: nothing,
  payloads: one,
};
/** The one counter of the node. */
function node(value: number | null, field: string): Letter {
  return {
    route: (args, sizes, move) => { move(0, value === null ? sizes.pagesPerHugePage : args[value]!); },
    event: (payload) => ({ [field]: payload }),
    payloads: counts,
  };
}

// ---- machines --------------------------------------------------------------------------------------------------

const byFrame = { instance: "a page frame", instances: (s: Sizes) => s.frames, title: (i: number) => `folio ${i}` };
const byRange = {
  instance: "a huge range of an address space",
  instances: (s: Sizes) => s.mms * s.hugeRanges,
  title: (i: number, s: Sizes) => `mm ${Math.floor(i / s.hugeRanges)}, range ${i % s.hugeRanges}`,
};

/** Every machine; the order is that of the README. */
export const MACHINES: readonly MachineSpec[] = [
  {
    name: "folio", machine: folioMachine, ...byFrame,
    limits: (s) => ({ pmds: s.mms, ptes: s.mms * s.pagesPerHugePage, pins: s.pins }),
    alphabet: {
      FOLIO_ALLOC: namesWith(0, 1, "order", (s) => Math.log2(s.pagesPerHugePage) + 1),
      FOLIO_UNFREEZE: namesWith(0, 1, "order", (s) => Math.log2(s.pagesPerHugePage)),
      ...each([
        "FOLIO_MAP_PMD", "FOLIO_UNMAP_PMD", "FOLIO_MAP_PTE", "FOLIO_UNMAP_PTE", "FOLIO_PIN", "FOLIO_UNPIN", "FOLIO_LRU_ADD",
        "FOLIO_ISOLATE", "FOLIO_PUTBACK", "FOLIO_FREEZE", "FOLIO_SPLIT_FAIL", "FOLIO_DEFER",
        "FOLIO_SET_PARTIALLY_MAPPED", "FOLIO_RELEASE", "FOLIO_FREE",
      ], names(0)),
      FOLIO_SPLIT: split,
    },
  },
  {
    name: "refcount-folio", machine: refcountFolioMachine, ...byFrame,
    limits: (s) => ({ refs: s.refcountMax, pmds: s.mms, ptes: s.mms * s.pagesPerHugePage, pins: s.pins }),
    alphabet: {
      ...each([
        "FOLIO_ALLOC", "FOLIO_MAP_PMD", "FOLIO_UNMAP_PMD", "FOLIO_MAP_PTE", "FOLIO_UNMAP_PTE", "FOLIO_PIN", "FOLIO_UNPIN",
        "FOLIO_FREEZE", "FOLIO_UNFREEZE", "FOLIO_SPLIT_FAIL", "FOLIO_RELEASE", "FOLIO_FREE",
      ], names(0)),
      FOLIO_GET: namesWith(0, 1, "refs", counts),
      FOLIO_PUT: namesWith(0, 1, "refs", counts),
      FOLIO_SPLIT: split,
    },
  },
  {
    name: "deferred-split", machine: deferredSplitMachine, ...byFrame,
    alphabet: {
      ...each([
        "FOLIO_DEFER", "FOLIO_UNDEFER", "FOLIO_SET_PARTIALLY_MAPPED", "FOLIO_CLEAR_PARTIALLY_MAPPED", "FOLIO_SPLIT",
        "FOLIO_FREE",
      ], names(0)),
    },
  },
  {
    name: "migration-entry", machine: migrationEntryMachine, ...byFrame, title: (i) => `page ${i}`,
    limits: (s) => ({ entries: s.mms }),
    alphabet: {
      ...each(["MIGRATION_SET", "MIGRATION_REMOVE", "MIGRATION_ZAP"], names(2)),
      ...each(["FOLIO_RELEASE", "FOLIO_FREE"], names(0)),
    },
  },
  {
    name: "huge-pmd", machine: hugePmdMachine, ...byRange,
    alphabet: {
      ...each([
        "PMD_POPULATE", "PMD_SET_HUGE", "PMD_SET_HUGE_ZERO", "PMD_INVALIDATE", "PMD_SPLIT", "PMD_DETACH", "PMD_REATTACH",
        "PMD_REINSTALL", "PMD_SET_MIGRATION", "COLLAPSE_COPIED", "RESV_CREATE",
      ], range),
      PMD_CLEAR: clear,
      COLLAPSE_RESULT: success,
      TLB_FILL: hugeFill,
      MM_FREE: rangesOfMm,
    },
  },
  {
    name: "page-table", machine: pageTableMachine, instance: "a page-table page", instances: (s) => s.pageTables,
    title: (i) => `table ${i}`,
    alphabet: {
      ...each(["TABLE_ALLOC", "TABLE_FREE", "TABLE_DEPOSIT", "TABLE_WITHDRAW", "TABLE_RCU"], names(0)),
      ...each(["PMD_POPULATE", "PMD_SPLIT", "PMD_CLEAR", "PMD_DETACH", "PMD_REATTACH", "PMD_REINSTALL"], table(2)),
    },
  },
  {
    name: "vma-bounds", machine: vmaBoundsMachine, ...byRange,
    limits: (s) => ({ areas: s.pagesPerHugePage + 1, whole: 2 }),
    alphabet: {
      VMA_CREATE: area(null, [2, 3]),
      VMA_BOUNDS: area([4, 5], [2, 3]),
      VMA_REMOVE: area([2, 3], null),
      ...each(["PMD_SET_HUGE", "PMD_SET_HUGE_ZERO", "PMD_SPLIT", "RESV_CREATE"], range),
      PMD_CLEAR: clear,
    },
  },
  {
    name: "tlb-entry", machine: tlbEntryMachine, instance: "a page, as one CPU has it cached",
    instances: (s) => s.cpus * vpns(s), title: (i, s) => `CPU ${Math.floor(i / vpns(s))}, page ${i % vpns(s)}`,
    alphabet: { TLB_FILL: fill, TLB_FLUSH: flush },
  },
  {
    name: "collapse", machine: collapseMachine, instance: "the attempt that a CPU is making", instances: (s) => s.cpus,
    title: (i) => `CPU ${i}`,
    ghost: "how far an attempt has come is where its thread stands; no data of the kernel says it",
    alphabet: {
      ...each(["COLLAPSE_SCAN", "COLLAPSE_ALLOC", "COLLAPSE_ISOLATED", "COLLAPSE_COPIED"], attempt(2)),
      ...each(["PMD_DETACH", "PMD_REATTACH", "PMD_REINSTALL"], attempt(3)),
      ...each(["COLLAPSE_RESULT", "COLLAPSE_NEXT", "COLLAPSE_WALKED"], attemptResult),
    },
  },
  {
    name: "mm", machine: mmMachine, instance: "an address space", instances: (s) => s.mms, title: (i) => `mm ${i}`,
    alphabet: {
      ...each(["MM_CREATE", "MM_EXIT", "MM_FREE", "MM_REGISTER", "MM_UNREGISTER", "PMD_POPULATE", "PMD_SET_HUGE"], names(0)),
      ...each(["VMA_CREATE", "TABLE_ALLOC"], names(1)),
    },
  },
  {
    name: "refcount-2011", machine: refcount2011Machine, ...byFrame, lacks: "the scheme of 2011",
    limits: (s) => ({ pmds: s.mms, headPins: s.pins, tail: s.pins, temps: s.cpus }),
    alphabet: each([
      "THP2011_ALLOC", "THP2011_MAP", "THP2011_UNMAP", "THP2011_HEAD_GET", "THP2011_HEAD_PUT", "THP2011_TAIL_TRY",
      "THP2011_LOCK", "THP2011_TAIL_PIN", "THP2011_TAIL_UNPIN", "THP2011_TAIL_MISS",
      "THP2011_SPLIT", "THP2011_MARK", "THP2011_SPLIT_LOCK", "THP2011_SPLIT_REFS", "THP2011_FREE",
    ], names(0)),
  },
  {
    name: "swap-entry", machine: swapEntryMachine, instance: "a slot of the swap area", instances: (s) => s.slots,
    title: (i) => `slot ${i}`,
    limits: (s) => ({ entries: s.mms }),
    alphabet: each(["SWAP_ADD", "SWAP_SET", "SWAP_UNSET", "SWAP_RECLAIM", "SWAP_READ", "SWAP_DELETE"], names(0)),
  },
  {
    name: "reservation", machine: reservationMachine, ...byRange,
    limits: (s) => ({ unused: s.pagesPerHugePage }),
    alphabet: {
      RESV_CREATE: { route: create, event: (payload) => ({ pages: payload }), payloads: counts },
      ...each(["RESV_TAKE", "RESV_RETURN", "RESV_PROMOTED", "RESV_PROMOTE_FAIL", "PMD_SET_HUGE", "PMD_SET_HUGE_ZERO"], range),
      ...each(["RESV_RELEASE", "RESV_PROMOTE"], rangeWith(2, "unused", counts)),
      MM_FREE: rangesOfMm,
    },
  },
  {
    name: "reserved-page", machine: reservedPageMachine, instance: "a page of a huge range",
    instances: (s) => s.mms * vpns(s), title: (i, s) => `mm ${Math.floor(i / vpns(s))}, page ${i % vpns(s)}`,
    alphabet: {
      ...each(["RESV_TAKE", "RESV_RETURN", "RESV_INSTALL"], slot),
      ...each(["RESV_CREATE", "RESV_RELEASE", "RESV_PROMOTE"], allSlots),
    },
  },
  {
    name: "reserved-counter", machine: reservedCounterMachine, instance: "the node", instances: one, title: () => "node 0",
    limits: (s) => ({ reserved: s.mms * s.hugeRanges * s.pagesPerHugePage }),
    alphabet: {
      RESV_CREATE: node(null, "pages"),
      ...each(["RESV_TAKE", "RESV_RETURN"], { route: (_args, _sizes, move) => { move(0, 0); }, event: nothing, payloads: one }),
      ...each(["RESV_RELEASE", "RESV_PROMOTE"], node(2, "unused")),
    },
  },
];

/** Throws RangeError when there is no such machine. */
export function machineNamed(name: string): MachineSpec {
  const found = MACHINES.find((m) => m.name === name);
  if (found === undefined) throw new RangeError(`there is no machine "${name}"; there are ${MACHINES.map((m) => m.name).join(", ")}`);
  return found;
}
