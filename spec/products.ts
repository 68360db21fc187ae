/**
 * The products that are explored, each with its bounds and its invariants on contexts. Loaded when one is explored: the
 * scenarios in `models.ts` name them.
 */
import { machineNamed } from "./alphabet.ts";
import type { EventName } from "./events.ts";
import type { MachineSpec, Sizes } from "./machine.ts";
import { ProductSystem, type Product, type ProductInvariant, type ProductView } from "./product.ts";

const SMALL: Sizes = { frames: 2, pagesPerHugePage: 2, hugeRanges: 1, mms: 1, pageTables: 1, cpus: 1, slots: 1, refcountMax: 3, pins: 1 };

// ---- a folio and its references --------------------------------------------------------------------------------

const folioInvariants: readonly ProductInvariant[] = [
  {
    name: "a folio and its references are in the same phase",
    holds: (v) => everyInstance(v.sizes.frames, (f) => {
      const folio = v.value("folio", f);
      const refs = v.value("refcount-folio", f);
      const expected = { absent: "none", owned: "counted", mapped: "counted", frozen: "frozen", released: "released" }[folio];
      return refs === expected || { folio: f, is: folio, references: refs };
    }),
  },
  {
    name: "P4 the mappings of a folio are counted once each",
    holds: (v) => everyInstance(v.sizes.frames, (f) => {
      const [pmds, ptes] = [v.number("refcount-folio", f, "pmds"), v.number("refcount-folio", f, "ptes")];
      return (v.number("folio", f, "pmds") === pmds && v.number("folio", f, "ptes") === ptes) || { folio: f, pmds, ptes };
    }),
  },
  {
    name: "P7 a folio has a reference for each mapping and pin",
    holds: (v) => everyInstance(v.sizes.frames, (f) => {
      const refs = v.number("refcount-folio", f, "refs");
      const mappings = Math.max(v.number("refcount-folio", f, "pmds"), v.number("refcount-folio", f, "ptes"));
      const needed = v.number("refcount-folio", f, "pins") + mappings;
      return refs >= needed || { folio: f, refs, needed };
    }),
  },
  {
    name: "S3 a frozen folio is mapped and pinned by nobody",
    holds: (v) => everyInstance(v.sizes.frames, (f) => {
      if (v.value("folio", f) !== "frozen") return true;
      const held = v.number("folio", f, "pmds") + v.number("folio", f, "ptes") + v.number("folio", f, "pins");
      return held === 0 || { folio: f, held };
    }),
  },
];
const queueInvariant: ProductInvariant = {
  name: "D3 a free page is not on the split queue",
  holds: (v) => everyInstance(v.sizes.frames, (f) => {
    return v.value("folio", f) !== "absent" || v.value("deferred-split", f) === "out" || { folio: f, queue: v.value("deferred-split", f) };
  }),
};

// ---- page tables -----------------------------------------------------------------------------------------------

const ranges = (v: ProductView): number => v.sizes.mms * v.sizes.hugeRanges;
const LEAVES = ["huge", "zero", "invalid", "migration"];

const pageTableInvariants: readonly ProductInvariant[] = [
  {
    name: "T1 no huge PMD outside VMA bounds",
    holds: (v) => everyInstance(ranges(v), (r) => {
      const huge = LEAVES.includes(v.value("huge-pmd", r));
      const bounds = v.value("vma-bounds", r);
      return huge === ["huge", "orphaned"].includes(bounds) || { range: r, pmd: v.value("huge-pmd", r), bounds };
    }),
  },
  {
    name: "T7 each PMD that points to a table has one",
    holds: (v) => {
      const pointing = countInstances(ranges(v), (r) => v.value("huge-pmd", r) === "table");
      const live = countInstances(v.sizes.pageTables, (t) => v.value("page-table", t) === "live");
      return pointing === live || { pointing, live };
    },
  },
];

/** What khugepaged's walk over windows below a huge page does, and nobody else: a product of its own has them. */
const OF_WINDOWS: readonly EventName[] = ["PMD_REINSTALL", "COLLAPSE_NEXT", "COLLAPSE_WALKED"];

const collapseInvariants: readonly ProductInvariant[] = [
  {
    name: "T4 who has detached a table is the only one, and the PMD is none",
    holds: (v) => everyInstance(ranges(v), (r) => {
      const isAt = (c: number, states: readonly string[]): boolean => {
        return v.number("collapse", c, "range") === r && states.includes(v.value("collapse", c));
      };
      const at = (states: readonly string[]): number => countInstances(v.sizes.cpus, (c) => isAt(c, states));
      const pmd = v.value("huge-pmd", r);
      const owners = at(["detached", "isolated"]);
      return (owners === (pmd === "detached" ? 1 : 0) && (pmd !== "copied" || at(["copied"]) > 0)) || { range: r, owners, pmd };
    }),
  },
];

// ---- reservations ----------------------------------------------------------------------------------------------

const reservationInvariants: readonly ProductInvariant[] = [
  {
    name: "R3 NR_THP_RESERVED balance",
    holds: (v) => {
      const reserved = v.number("reserved-counter", 0, "reserved");
      let unused = 0;
      for (let r = 0; r < ranges(v); r++) unused += v.number("reservation", r, "unused");
      const slots = countInstances(ranges(v) * v.sizes.pagesPerHugePage, (i) => v.value("reserved-page", i) === "unused");
      return (reserved === unused && unused === slots) || { reserved, unused, slots };
    },
  },
  {
    name: "R8 a huge PMD and a reservation never coexist",
    holds: (v) => everyInstance(ranges(v), (r) => {
      const reservation = v.value("reservation", r);
      return reservation === "none" || !LEAVES.includes(v.value("huge-pmd", r)) || { range: r, reservation };
    }),
  },
];

/** Without these, a reservation lives beside the tables of its range. */
const ONLY_FAULTS: readonly EventName[] = [
  "PMD_SET_MIGRATION", "PMD_SET_HUGE_ZERO", "PMD_DETACH", "PMD_REATTACH", "COLLAPSE_COPIED", "TLB_FILL", "MM_FREE",
];

/** The first proposal: a page on its way has no state, and an aborted hand-out is not given back to the counter. */
const FIRST_PROPOSAL = {
  "reserved-page": { guards: { mayTakeTwice: () => true } },
  "reserved-counter": { guards: { countsReturn: () => false } },
};

const reservation = (s: Partial<Sizes>, policy: Readonly<Record<string, Policy>>): Product => ({
  machines: named(["reservation", "reserved-page", "reserved-counter", "huge-pmd"], policy), sizes: { ...SMALL, ...s },
  without: ONLY_FAULTS, invariants: reservationInvariants,
  unreachable: ["zero", "migration", "detached", "copied"].map((state) => `huge-pmd: ${state}`),
});

// ---- the scheme of 2011 ----------------------------------------------------------------------------------------

const pins2011: readonly ProductInvariant[] = [
  {
    name: "A1 the head counts every mapping, every pin of its own and every pin of a tail",
    holds: (v) => everyInstance(v.sizes.frames, (f) => {
      if (!["compound", "splitting"].includes(v.value("refcount-2011", f))) return true;
      const n = (key: string): number => v.number("refcount-2011", f, key);
      const accounted = n("pmds") + n("headPins") + n("tail") + n("temps");
      return n("head") === accounted || { folio: f, head: n("head"), accounted };
    }),
  },
  {
    name: "A5 after the split every pin is on exactly one page",
    holds: (v) => everyInstance(v.sizes.frames, (f) => {
      if (v.value("refcount-2011", f) !== "split") return true;
      const n = (key: string): number => v.number("refcount-2011", f, key);
      return (n("head") === n("pmds") + n("headPins") + n("temps") && n("tailCount") === n("pmds") + n("tail")) ||
        { folio: f, head: n("head"), tailCount: n("tailCount"), pins: n("tail") };
    }),
  },
];

// ---- all of them -----------------------------------------------------------------------------------------------

type Policy = Parameters<MachineSpec["machine"]["provide"]>[0];

/** The machines, some of them with other guards: a policy that is tried before any code is written. */
function named(names: readonly string[], policy: Readonly<Record<string, Policy>> = {}): MachineSpec[] {
  return names.map((name) => {
    const spec = machineNamed(name);
    return policy[name] === undefined ? spec : { ...spec, machine: spec.machine.provide(policy[name]) };
  });
}

const RUNNING = { machine: "mm", instance: 0, value: "alive", context: { registered: false } } as const;

/** 2 processes, 2 ranges, 4 pages, as far as a product of that size can be finished. */
const PRODUCTS: Readonly<Record<string, () => Product>> = {
  folio: () => ({
    machines: named(["folio", "refcount-folio"]), sizes: { ...SMALL, frames: 2, mms: 2, refcountMax: 4, pins: 1 },
    invariants: folioInvariants,
  }),
  "folio-2": () => ({
    machines: named(["folio", "refcount-folio"]), sizes: { ...SMALL, frames: 4, refcountMax: 2, pins: 1 },
    invariants: folioInvariants,
  }),
  "split-queue": () => ({
    machines: named(["folio", "refcount-folio", "deferred-split"]),
    sizes: { ...SMALL, frames: 2, mms: 1, refcountMax: 3, pins: 1 }, invariants: [...folioInvariants, queueInvariant],
  }),
  "page-table": () => ({
    machines: named(["huge-pmd", "page-table", "vma-bounds"]), sizes: { ...SMALL, hugeRanges: 2, pageTables: 2 },
    without: ["TLB_FILL", "MM_FREE", "PMD_DETACH", "PMD_REATTACH", "COLLAPSE_COPIED", "RESV_CREATE"],
    unreachable: ["huge-pmd: detached", "huge-pmd: copied"], invariants: pageTableInvariants,
  }),
  collapse: () => ({
    machines: named(["collapse", "huge-pmd", "page-table", "mm"]),
    sizes: { ...SMALL, hugeRanges: 2, pageTables: 2, cpus: 2 },
    without: ["TLB_FILL", "VMA_CREATE", "PMD_SET_MIGRATION", "RESV_CREATE", ...OF_WINDOWS],
    unreachable: ["huge-pmd: migration", ...["reinstalled", "walking", "stopped"].map((state) => `collapse: ${state}`)],
    begin: [RUNNING], invariants: [...collapseInvariants, pageTableInvariants[1]!],
  }),
  "collapse-windows": () => ({
    machines: named(["collapse", "huge-pmd", "page-table", "mm"]),
    sizes: { ...SMALL, hugeRanges: 2, pageTables: 2, cpus: 2 },
    without: ["TLB_FILL", "VMA_CREATE", "PMD_SET_MIGRATION", "RESV_CREATE"], unreachable: ["huge-pmd: migration"],
    begin: [RUNNING], invariants: [...collapseInvariants, pageTableInvariants[1]!],
  }),
  reservation: () => reservation({ hugeRanges: 2, mms: 2 }, {}),
  "reservation-first-proposal": () => reservation({ hugeRanges: 1, mms: 1 }, FIRST_PROPOSAL),
  "refcount-2011": () => ({
    machines: named(["refcount-2011"]), sizes: { ...SMALL, frames: 1, mms: 2, pins: 2, cpus: 2 }, invariants: pins2011,
  }),
  // As many copies of one machine as XState's own explorer can finish: what the benchmark compares.
  queue: () => ({ machines: named(["deferred-split"]), sizes: { ...SMALL, frames: 7 }, without: ["FOLIO_SPLIT"], invariants: [] }),
  "swap-entry": () => ({ machines: named(["swap-entry"]), sizes: { ...SMALL, slots: 4, mms: 2 }, invariants: [] }),
  tlb: () => ({ machines: named(["tlb-entry"]), sizes: { ...SMALL, hugeRanges: 2, mms: 2, cpus: 2 }, invariants: [] }),
};

interface ProductData { readonly product: string }

function productNamed(data: unknown): Product {
  const { product } = data as ProductData;
  const make = PRODUCTS[product];
  if (make === undefined) throw new RangeError(`there is no product "${product}"; there are ${Object.keys(PRODUCTS).join(", ")}`);
  return make();
}

/** What the search calls, once in each thread. */
export function instantiate(data: unknown): ProductSystem {
  return new ProductSystem(productNamed(data));
}

/** What decides the product's behaviour, as text: bounds, and the machines with the text of their guards and actions. */
export function behaviour(data: unknown): string {
  const p = productNamed(data);
  const text = (_key: string, value: unknown): unknown => (typeof value === "function" ? String(value) : value);
  return JSON.stringify([p.sizes, p.without, p.begin, p.machines.map((m) => [m.name, m.machine.config, m.machine.implementations])], text);
}

type Answer = true | Readonly<Record<string, unknown>>;
function everyInstance(n: number, holds: (i: number) => Answer): Answer {
  for (let i = 0; i < n; i++) {
    const result = holds(i);
    if (result !== true) return result;
  }
  return true;
}
function countInstances(n: number, is: (i: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < n; i++) if (is(i)) count++;
  return count;
}
