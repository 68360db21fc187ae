/**
 * An invariant: one named promise about every state.
 *
 * `excuse` says in which states the promise is suspended, because an operation that holds the named lock or is in the
 * named phase is allowed to have things half done. An excuse is as narrow as the catalogue makes it.
 */
import type { PropertyResult } from "thpcheck";
import type { KernelView } from "./view.ts";

export interface Invariant {
  /** The catalogue's number: P1, T1, ... */
  readonly id: string;
  readonly name: string;
  readonly why: string;
  /** Where the kernel promises or relies on it. */
  readonly source: string;
  readonly excuse: (v: KernelView) => boolean;
  readonly holds: (v: KernelView) => PropertyResult;
}

/** The promise is never suspended. */
export function never(_v: KernelView): boolean {
  return false;
}

/** A page-table lock of any address space is held: entries, reverse map and counts may be changed one after the other. */
export function pageTableLocked(v: KernelView): boolean {
  for (let m = 0; m < v.mm.count; m++) if (v.mm.pmdLock.isHeld(m)) return true;
  for (let i = 0; i < v.ptTable.count; i++) if (v.ptTable.lock.isHeld(i)) return true;
  return false;
}

/** The `always` record of a scenario: each invariant under its name, suspended where it is excused. */
export function always(invariants: readonly Invariant[]): Record<string, ExcusedPromise> {
  return Object.fromEntries(invariants.map((invariant) => [`${invariant.id} ${invariant.name}`, excusedPromise(invariant)]));
}

interface ExcusedPromise {
  (v: KernelView): PropertyResult;
  readonly excuse?: (v: KernelView) => boolean;
  readonly why: string;
}
function excusedPromise(invariant: Invariant): ExcusedPromise {
  const promise = (v: KernelView): PropertyResult => invariant.excuse(v) || invariant.holds(v);
  const { why, excuse } = invariant;
  return excuse === never ? Object.assign(promise, { why }) : Object.assign(promise, { why, excuse });
}
