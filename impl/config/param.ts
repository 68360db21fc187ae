/** The structs `k.param`, which is constant, and `k.knob`: both follow from the configuration and its rows. */
import { bool, int, struct } from "thpcheck";
import { MECHANISM_OFF } from "../../spec/enumerations.ts";
import { GRAIN_NAMES, GRAIN_PARTS, type GrainFlags, type GrainPart } from "./grain.ts";
import { KNOB_NAMES, KNOB_ROWS, type KnobName, type KnobRow } from "./knobs.ts";
import { sinceShared } from "../structs/ghosts.ts";
import type { KernelConfig } from "./options.ts";
import { SWITCHES, SWITCH_NAMES, type SwitchName } from "./release.ts";

type IntField = ReturnType<typeof int>;
type BoolField = ReturnType<typeof bool>;

/** A field without bits: a routine that reads it is compiled with the value. */
function constant(value: number | boolean, meaning: string): IntField {
  return int(Number(value), Number(value), meaning);
}

/** Bounds and version switches: constants. */
export function paramStruct(c: KernelConfig) {
  return struct({
    hpagePmdNr: constant(c.pagesPerHugePage, "HPAGE_PMD_NR"),
    hpagePmdOrder: constant(c.hpagePmdOrder, "HPAGE_PMD_ORDER"),
    minLargeOrder: constant(c.minLargeOrder, "smallest order of a large folio"),
    hugeRanges: constant(c.hugeRanges, "PMD entries of an address space"),
    pmdsPerPage: constant(c.pmdsPerPage, "PTRS_PER_PMD"),
    vpnMax: constant(c.vpnMax, "pages of an address space"),
    frames: constant(c.frames, "page frames"),
    contents: constant(c.contents, "page contents; this value is poison"),
    sinceShared: constant(sinceShared(c), "k.userSince has one set for all CPUs"),
    gatherBatch: constant(c.gatherBatch, "pages of one mmu_gather batch"),
    pinsPerThread: constant(c.pinsPerThread, "pins that a thread holds at once"),
    lruBatch: constant(c.lruBatch, "folios of one LRU batch"),
    swapSlots: constant(c.swapSlots, "slots of the swap device"),
    swapIsSynchronous: constant(c.swapIsSynchronous, "SWP_SYNCHRONOUS_IO"),
    ...switchConstants(c), ...grainConstants(c),
    allocationMayFail: constant(c.allocationMayFail, "allocations may fail"),
    chargeMayFail: constant(c.chargeMayFail, "charges may fail"),
    copyMayMeetPoison: constant(c.copyMayMeetPoison, "copies may meet poison"),
    resvMechanism: constant(c.resvMechanism, "how reservations are made: MECHANISM_* of spec/enumerations.ts"),
    resvPerMm: constant(c.resvPerMm, "reservations belong to the address space, not to the area"),
    resvOnRead: constant(c.resvOnRead, "a read fault reserves"),
    resvPromoteInFault: constant(c.resvPromoteInFault, "the fault that reaches the threshold promotes"),
    resvPressureAll: constant(c.resvPressureAll, "memory pressure takes all reservations"),
    resvAfterFork: constant(c.resvAfterFork, "who has reservations after fork: FORK_* of policy/switches.ts"),
    resvMremapMoves: constant(c.resvMremapMoves, "mremap moves reservations"),
    resvFullStaysOnLru: constant(c.resvFullStaysOnLru, "the shrinker looks at fully used reservations"),
    pmdEnabled: constant(c.pmdEnabled, "hugepages-<size of a PMD>kB/enabled: never, madvise, always, inherit"),
    userMemoryIsNotJudged: constant(c.userMemoryIsNotJudged, "what users read is not held to what is promised"),
    debugAtomicSleep: constant(c.debugAtomicSleep, "allocations that may sleep are checked for spinlocks"),
  });
}

function switchConstants(c: KernelConfig): { readonly [K in SwitchName]: IntField } {
  return Object.fromEntries(SWITCH_NAMES.map((name) => [name, constant(c[name], SWITCHES[name].meaning)])) as Record<SwitchName, IntField>;
}

function grainConstants(c: KernelConfig): { readonly [N in keyof GrainFlags]: IntField } {
  const row = (name: GrainPart): [string, IntField] => {
    const { constant: flag, meaning } = GRAIN_PARTS[name];
    return [flag, constant(c[flag], meaning)];
  };
  return Object.fromEntries(GRAIN_NAMES.map(row)) as Record<keyof GrainFlags, IntField>;
}

type KnobFields = { readonly [K in KnobName]: (typeof KNOB_ROWS)[K] extends { readonly takes: string } ? BoolField : IntField };

/** sysfs: /sys/kernel/mm/transparent_hugepage. Written by sysfs.ts, read with READ_ONCE. */
export function knobStruct(c: KernelConfig) {
  return struct(Object.fromEntries(KNOB_NAMES.map((name) => [name, knobField(c, name, KNOB_ROWS[name])])) as unknown as KnobFields);
}

function knobField(c: KernelConfig, name: KnobName, row: KnobRow): BoolField | IntField {
  const init = c[name];
  if (typeof init === "boolean") return bool(row.meaning, { guard: "atomic", init });
  const min = "min" in row ? row.min : 0;
  return int(min, Math.max(min, largest(c, name, row)), row.meaning, { guard: "atomic", init });
}

/**
 * The largest value that the layout has room for. pages_to_scan cannot exceed its configured value: a bound of the
 * check.
 */
function largest(c: KernelConfig, name: KnobName, row: KnobRow): number {
  if ("words" in row) return row.words.length - 1;
  if (name === "pagesToScan") return c.pagesToScan;
  if (name === "promotionThreshold" && c.resvMechanism === MECHANISM_OFF) return 1;
  return "max" in row ? row.max(c.pagesPerHugePage) : 1;
}
