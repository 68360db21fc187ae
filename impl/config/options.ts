/**
 * Every bound, version switch and knob of a kernel, in one plain record.
 *
 * The same code runs with 2 pages per huge page and a dozen frames (exhaustive checks) and with 512 and gigabytes
 * (simulation). Routines read these values as `k.param.<name>.get()`; the compiler turns each into a constant.
 * Switches are rows of `release.ts`, knobs rows of `knobs.ts`, parts of the grain rows of `grain.ts`; bounds and what may
 * fail are here.
 */
import type { Bounds } from "../../spec/bounds.ts";
import { MECHANISM_OFF, MECHANISM_RFC_2018 } from "../../spec/enumerations.ts";
import { switchesOf, type Switches } from "../policy/switches.ts";
import { grainFlags, type Grain, type GrainFlags } from "./grain.ts";
import { knobValues, type KnobOptions, type KnobValues } from "./knobs.ts";
import { switchValues, type SwitchOptions, type SwitchValues } from "./release.ts";
import { anonOrders, type AnonOrders } from "./thp-anon.ts";

/** Page-table entries hold flags below this bit and a frame or table number from it on; see `pgtable.ts`. */
export const ENTRY_TARGET_SHIFT = 9;

/** Sizes that have no default. */
interface RequiredBounds {
  /** HPAGE_PMD_NR: pages of a huge page, entries of a page table; a power of two, 2..512. */
  readonly pagesPerHugePage: number;
  /** PMD entries of each address space: huge ranges that a process can have; 1 or more. */
  readonly hugeRanges: number;
  /** Page frames of the machine; a whole number of huge pages, 1 or more of them. */
  readonly frames: number;
  /** Address spaces that can exist at once; 1 or more. */
  readonly mms: number;
  /** One for each thread of the scenario; 1 or more. */
  readonly cpus: number;
}

/** Sizes that follow from the others unless given; 1 or more each, and 0 or more VMAs, anon_vmas, chains and page tables. */
interface DefaultedBounds {
  /** PTRS_PER_PMD: entries of a page of PMDs, each of which has the tables deposited for its huge ones; hugeRanges unless given. */
  readonly pmdsPerPage: number;
  /** VMA objects; 3 for each address space unless given. */
  readonly vmas: number;
  /** anon_vma objects; as many as VMAs unless given. */
  readonly anonVmas: number;
  /** anon_vma_chain objects; 2 for each VMA unless given. */
  readonly anonVmaChains: number;
  /** Page-table pages (of PTEs) that can exist at once; 2 for each huge range of each address space unless given. */
  readonly pageTables: number;
  /** Different contents that a page can have, 0 (zero-filled) included; at most 30, 4 unless given. One more stands for poison. */
  readonly contents: number;
  /** Largest reference count that a folio can reach in this scenario; 31 unless given, 65535 with more than 8 pages in a huge page. */
  readonly refcountMax: number;
  /** Pages that one mmu_gather holds before it must flush; a huge page unless given. With less, large folios are unmapped in parts. */
  readonly gatherBatch: number;
  /** Pins (FOLL_PIN) that a thread holds at once; 1 unless given, 64 with more than 8 pages in a huge page. */
  readonly pinsPerThread: number;
  /**
   * Folios in a CPU's batch, of those to be added to the LRU, and of those to become lazyfree; 2 unless given, 15 with more than
   * 8 pages in a huge page. 1: none waits. @kernel mm/swap.c folio_batch
   */
  readonly lruBatch: number;
  /** Slots of the swap device, a page each; 0 unless given: there is no swap. */
  readonly swapSlots: number;
}

/** What may happen, or is watched; each false unless given. */
interface Flags {
  /** Every page allocation may fail (a choice); otherwise only when memory has run out. */
  readonly allocationMayFail: boolean;
  /** A memcg charge may fail (a choice). */
  readonly chargeMayFail: boolean;
  /** copy_mc_user_highpage() may meet poison (a choice). */
  readonly copyMayMeetPoison: boolean;
  /** CONFIG_DEBUG_ATOMIC_SLEEP, for allocations: the patch of 2018 makes one that may sleep under a spinlock. */
  readonly debugAtomicSleep: boolean;
  /** What users read and reclaim drops is not held to what is promised: for who follows a broken promise to its end. */
  readonly userMemoryIsNotJudged: boolean;
  /** SWP_SYNCHRONOUS_IO, as zram has it: who reads or writes does the transfer, and waits for nobody. */
  readonly swapIsSynchronous: boolean;
}

/** What a scenario says of its kernel. Switches and knobs have a row each, where their members are declared. */
export interface KernelOptions extends RequiredBounds, Partial<DefaultedBounds>, Partial<Flags>, SwitchOptions, KnobOptions {
  /**
   * Switches as a release of Linux has them, "2.6.38" to "7.3", with or without a patch ("6.18.44"); those that are given
   * besides win. Unless given, each switch has its default. `release.ts` says what a preset does not cover.
   */
  readonly linux?: string;
  /** THP reservations, by this policy of impl/policy/. Without one they do not exist, and their tables take no room. */
  readonly policy?: string;
  /**
   * The boot parameter `thp_anon=`: the sizes of folios between a page and a huge page, and for which areas each is enabled, as
   * "8K:always;16K:inherit". Unless given there are none, and they take no room. See `thp-anon.ts`.
   */
  readonly thpAnon?: string;
  /** Which words are written one after the other, and not in one step; "coarse" unless given. See `grain.ts`. */
  readonly grain?: Grain;
}

/** Members of an interface as a type of plain data, which `scenario.config` takes. */
type Plain<T> = { readonly [K in keyof T]: T[K] };

/** Plain data, with everything filled in and the derived sizes that types such as `UpTo<"vpnMax">` refer to. */
export type KernelConfig = Plain<Bounds & Flags & SwitchValues & KnobValues & Switches & GrainFlags & Omit<AnonOrders, "pmdEnabled"> & {
  /** Only where they are given. */
  readonly policy?: string;
  readonly linux?: string;
  readonly thpAnon?: string;
}>;

/** Bounds that options say; the others are derived. */
type GivenBounds = Pick<Bounds, keyof RequiredBounds | keyof DefaultedBounds>;

/**
 * Fills in the defaults (those of Linux, scaled to the page size) and derives. Throws a RangeError that says which option,
 * its value, and what it must be.
 */
export function kernelConfig(o: KernelOptions): KernelConfig {
  const bounds = boundsOf(o);
  const h = bounds.pagesPerHugePage;
  const policy = switchesOf(o.policy, h);
  const promotionThreshold = o.promotionThreshold ?? policy.promotionThreshold;
  checkSwap(o);
  const { pmdEnabled, ...sizes } = sizesOf(o);
  const knobs = knobValues({ ...o, promotionThreshold, ...(pmdEnabled === undefined ? {} : { pmdEnabled }) }, h);
  if (promotionThreshold > 1 && policy.resvMechanism === MECHANISM_OFF) {
    throw new RangeError(`promotionThreshold ${promotionThreshold}: without a policy there are no reservations; name one in \`policy\``);
  }
  return {
    ...(o.policy === undefined ? {} : { policy: o.policy }),
    ...(o.linux === undefined ? {} : { linux: o.linux }),
    ...(o.thpAnon === undefined ? {} : { thpAnon: o.thpAnon }),
    ...policy, ...bounds, ...sizes, ...switchValues(o, o.linux), ...flagsOf(o), ...knobs, ...reservationRoom(bounds, policy),
    ...grainFlags(o.grain ?? "coarse"),
    hpagePmdOrder: Math.log2(h), maxOrder: Math.log2(h), vpnMax: bounds.hugeRanges * h,
    ...partsRoom(h, sizes.minLargeOrder),
    entryMax: 2 ** ENTRY_TARGET_SHIFT * 2 ** Math.ceil(Math.log2(Math.max(bounds.frames, bounds.pageTables, bounds.swapSlots) + 1)) - 1,
  };
}

/**
 * Folios of other sizes than a page and a huge page. Reservations, which hand out single pages, and the words of the split
 * queue's lists, of which there is one for each huge page, have no place for them yet.
 */
function sizesOf(o: KernelOptions): AnonOrders {
  const sizes = anonOrders(o.thpAnon, o.pagesPerHugePage);
  if (o.thpAnon === undefined) return sizes;
  const said = `thpAnon ${JSON.stringify(o.thpAnon)}`;
  if (o.pmdEnabled !== undefined) throw new RangeError(`${said}: says what pmdEnabled says; give one of them`);
  if (o.policy !== undefined) throw new RangeError(`${said}: not implemented yet: beside reservations (policy)`);
  if (grainFlags(o.grain ?? "coarse").grainLists) throw new RangeError(`${said}: not implemented yet: with the part "lists" of the grain`);
  return sizes;
}

/** Reservations, whose pages have a reference more, and flags as words, have no place for slots yet. */
function checkSwap(o: KernelOptions): void {
  const { swapSlots = 0, swapIsSynchronous = false } = o;
  if (swapSlots === 0 && swapIsSynchronous) throw new RangeError("swapIsSynchronous true: there is no swap without swapSlots");
  if (swapSlots === 0) return;
  const said = `swapSlots ${swapSlots}`;
  if (o.policy !== undefined) throw new RangeError(`${said}: not implemented yet: beside reservations (policy)`);
  if (grainFlags(o.grain ?? "coarse").grainFlags) throw new RangeError(`${said}: not implemented yet: with the part "flags" of the grain`);
}

/** What folios can be split into: `impl/huge-memory/split-parts.ts`. Single pages only where huge pages are the only large folios. */
function partsRoom(h: number, minLargeOrder: number): Pick<Bounds, "partOrderMax" | "splitPartsMax"> {
  const order = Math.log2(h);
  if (minLargeOrder === order) return { partOrderMax: 0, splitPartsMax: 0 };
  return { partOrderMax: order - 1, splitPartsMax: (order + 1) * (h + 1) - 1 };
}

/**
 * Objects that a scenario can do without. An operation that needs one fails as if memory had run out, or breaks an
 * assertion that says so.
 */
const MAY_BE_NONE: ReadonlySet<string> = new Set(["vmas", "anonVmas", "anonVmaChains", "pageTables", "swapSlots"]);

function boundsOf(o: KernelOptions): GivenBounds {
  const h = o.pagesPerHugePage;
  if (h < 2 || h > 512 || !Number.isInteger(Math.log2(h))) throw new RangeError(`pagesPerHugePage ${h}: a power of two from 2 to 512`);
  if (o.frames % h !== 0 || o.frames <= 0) throw new RangeError(`frames ${o.frames}: a positive multiple of pagesPerHugePage ${h}`);
  const vmas = o.vmas ?? o.mms * 3;
  const bounds: GivenBounds = {
    pagesPerHugePage: h, hugeRanges: o.hugeRanges, frames: o.frames, mms: o.mms, cpus: o.cpus, vmas,
    pmdsPerPage: o.pmdsPerPage ?? o.hugeRanges, pageTables: o.pageTables ?? o.mms * o.hugeRanges * 2,
    anonVmas: o.anonVmas ?? vmas, anonVmaChains: o.anonVmaChains ?? vmas * 2, contents: o.contents ?? 4,
    refcountMax: o.refcountMax ?? (h <= 8 ? 31 : 0xffff), gatherBatch: o.gatherBatch ?? h,
    pinsPerThread: o.pinsPerThread ?? (h <= 8 ? 1 : 64), lruBatch: o.lruBatch ?? (h <= 8 ? 2 : 15),
    swapSlots: o.swapSlots ?? 0,
  };
  for (const [name, value] of Object.entries(bounds)) {
    const least = MAY_BE_NONE.has(name) ? 0 : 1;
    if (!Number.isInteger(value) || value < least) throw new RangeError(`${name} ${String(value)}: a whole number, ${least} or more`);
  }
  if (bounds.contents > 30) throw new RangeError(`contents ${bounds.contents}: at most 30`);
  return bounds;
}

function flagsOf(o: KernelOptions): Flags {
  const { allocationMayFail = false, chargeMayFail = false, copyMayMeetPoison = false, debugAtomicSleep = false } = o;
  const { userMemoryIsNotJudged = false, swapIsSynchronous = false } = o;
  const flags = { allocationMayFail, chargeMayFail, copyMayMeetPoison, debugAtomicSleep, userMemoryIsNotJudged, swapIsSynchronous };
  for (const [name, value] of Object.entries(flags)) {
    if (typeof value !== "boolean") throw new RangeError(`${name} ${String(value)}: true or false`);
  }
  return flags;
}

function reservationRoom(b: GivenBounds, policy: Switches): Pick<Bounds, "reservations" | "resvContainers"> {
  const blocks = b.frames / b.pagesPerHugePage;
  switch (policy.resvMechanism) {
    case MECHANISM_OFF: return { reservations: 0, resvContainers: 0 };
    // One reservation for each block: the patch of 2018 frees the object first. It allocates the container of a VMA and
    // can lose it.
    case MECHANISM_RFC_2018: return { reservations: blocks, resvContainers: b.vmas + 1 };
    // One for each block that is reserved, or range; and one for each other thread that has given all pages of a block back
    // and not yet the object. The container is part of the VMA, or of the address space.
    default: {
      const resvContainers = policy.resvPerMm ? b.mms : b.vmas;
      return { reservations: Math.min(blocks, b.mms * b.hugeRanges) + b.cpus - 1, resvContainers };
    }
  }
}
