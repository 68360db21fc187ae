/** Objects that the kernel does not have: what the specification needs to know besides. No kernel routine reads them. */
import { array, bitset, bool, int, ref, struct, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { LOST_DISCARD, LOST_NOTHING, MECHANISM_OFF } from "../../spec/enumerations.ts";
import type { SwitchValues } from "../config/release.ts";
import { collapsesToSizes } from "./thp.ts";
import { valuesInWords } from "./words.ts";

// ---- stages of a collapse (values of collapse.stage) ------------------------------------------------------------
export const COLLAPSE_IDLE = 0;
export const COLLAPSE_SCANNING = 1;
export const COLLAPSE_ALLOCATED = 2;
export const COLLAPSE_DETACHED = 3;
export const COLLAPSE_ISOLATED = 4;
export const COLLAPSE_COPIED = 5;
export const COLLAPSE_RESTORED = 6;
export const COLLAPSE_POISONED = 7;
/** Of khugepaged's walk over the windows of a range: the table is back with a window that is new. */
export const COLLAPSE_REINSTALLED = 8;
/** Between two attempts. */
export const COLLAPSE_WALKING = 9;
/** Behind an attempt after which there is no other. */
export const COLLAPSE_STOPPED = 10;
/** Their names, from 0 on; a test holds them to the values. */
export const COLLAPSE_STAGES: readonly string[] = [
  "idle", "scanning", "allocated", "detached", "isolated", "copied", "restored", "poisoned", "reinstalled", "walking", "stopped",
];

// ---- stages of a promotion in place (values of collapse.promotion) -----------------------------------------------
export const PROMOTION_NONE = 0;
/** The reservation is taken out, every page of it frozen. */
export const PROMOTION_FROZEN = 1;
/** Its block is a huge page, which is to be mapped. */
export const PROMOTION_INSTALLED = 2;
export const PROMOTION_STAGES: readonly string[] = ["none", "frozen", "installed"];

/**
 * The attempt to collapse that each CPU is making. khugepaged/announce.ts keeps these ghosts for the machine `collapse`;
 * abstraction/collapse.ts says why they are needed.
 */
export function collapse(b: Bounds & Pick<SwitchValues, "khugepagedMthp">) {
  return table(b.cpus, {
    stage: int(COLLAPSE_IDLE, collapsesToSizes(b) ? COLLAPSE_STOPPED : COLLAPSE_POISONED, "COLLAPSE_*",
      { role: "ghost", guard: "model", show: valuesInWords(COLLAPSE_STAGES) }),
    range: int(-1, b.mms * b.hugeRanges - 1, "the huge range, mm * ranges + index; -1 while idle", { role: "ghost", guard: "model" }),
    table: ref("ptTable", "the table that it holds, from when the PMD entry is cleared until it is set again",
      { role: "ghost", guard: "model" }),
    promotion: int(PROMOTION_NONE, b.resvMechanism === MECHANISM_OFF ? PROMOTION_NONE : PROMOTION_INSTALLED,
      "PROMOTION_*, where it promotes a reservation", { role: "ghost", guard: "model", show: valuesInWords(PROMOTION_STAGES) }),
  });
}

/**
 * The table that khugepaged has detached for a window, as it was when it was taken out; and which windows of this pass are
 * done. Both for the promises about windows: spec/invariants/window.ts. None unless khugepaged collapses to windows.
 */
export function detachedPtes(b: Bounds & Pick<SwitchValues, "khugepagedMthp">) {
  return table(collapsesToSizes(b) ? 1 : 0, {
    table: ref("ptTable", "the table, from when it is taken out until its lock is released with the new entries",
      { role: "ghost", guard: "model" }),
    before: array(b.pagesPerHugePage, int(0, b.entryMax, "its entries when it was taken out", { role: "ghost", guard: "model" })),
    mayFill: bool("max_ptes_none was not 0 when it was taken out", { role: "ghost", guard: "model" }),
    done: array(b.pagesPerHugePage, bool("entries of windows that this pass has collapsed", { role: "ghost", guard: "model" })),
  });
}

/**
 * What each process may read: the strongest promise. Only the functions of user-memory.ts touch these two. Auxiliary
 * variables (Owicki and Gries): kernel routines never read them. The role is `state` and not `ghost`, since those
 * functions copy one set to another and compare; the compiler lets no routine code read a ghost.
 */
export function user(b: Bounds) {
  return table(b.mms * b.vpnMax, {
    mayRead: bitset(b.contents, "contents that a load may return", { guard: "model", init: 1 }),
    copied: bool("fork is copying to this page, or mremap from it or to it", { guard: "model" }),
    feeds: ref("user", "the page, of a child or at a new address, that is becoming a copy of this one", { guard: "model" }),
  });
}

/** The call that discards memory on each CPU: munmap, MADV_DONTNEED, MADV_FREE. */
export function userCall(b: Bounds) {
  return table(b.cpus, { mm: ref("mm", "whose memory; NONE: no such call runs", { guard: "model" }) });
}

/**
 * What was stored while those calls run: for each page and CPU the set of contents, 0 included, of a page in the range of the
 * CPU's call, since it began; else empty. The sets of all CPUs for one page share a bit set where they fit into one.
 */
export function userSince(b: Bounds) {
  const sets = sinceShared(b) ? 1 : b.cpus;
  return table(sets * b.vpnMax, {
    stored: bitset(b.contents * (b.cpus / sets), "of one CPU or, side by side, of each CPU: contents stored since its call began",
      { guard: "model" }),
  });
}

/** The contents of all CPUs are members of one bit set, CPU after CPU; a bit set has at most 31. */
export function sinceShared(b: Bounds): boolean {
  return b.contents * b.cpus <= 31;
}

/** A call that has failed without a cause; see lost-function.ts. */
export function lost(b: Bounds) {
  return struct({
    what: int(LOST_NOTHING, LOST_DISCARD, "which: LOST_* of spec/enumerations.ts", { guard: "model" }),
    // In small worlds a byte: 256 values from the errno of the largest number on.
    detail: int(-133, Math.max(122, b.vpnMax, b.frames), "its result, or where", { guard: "model", init: 0 }),
  });
}
