/**
 * What the kernel's reference-count scheme says about a folio. Invariants ask here, and no other file of this room reads
 * the counters of a scheme: see `refcount-folio.ts`. For a new scheme add such a file and its row in SCHEMES.
 */
import { SCHEME_FOLIO } from "../enumerations.ts";
import type { KernelView } from "../view.ts";
import { folioCounts } from "./refcount-folio.ts";

interface Counts {
  readonly mapcountOf: (v: KernelView, folio: number) => number;
  readonly entireMapcountOf: (v: KernelView, folio: number) => number;
  readonly pagesMappedByPtes: (v: KernelView, folio: number) => number;
  readonly pinsOf: (v: KernelView, folio: number) => number;
  readonly maybeShared: (v: KernelView, folio: number) => boolean;
}

const SCHEMES: Readonly<Record<number, Counts>> = {
  [SCHEME_FOLIO]: folioCounts,
};

/** Mappings of the folio, by PMDs and PTEs. */
export function mapcountOf(v: KernelView, folio: number): number {
  return SCHEMES[v.param.refcountScheme.get()]!.mapcountOf(v, folio);
}

/** Mappings by PMDs; 0 for a single page and for a tail. */
export function entireMapcountOf(v: KernelView, folio: number): number {
  return SCHEMES[v.param.refcountScheme.get()]!.entireMapcountOf(v, folio);
}

/** Pages of a large folio that PTEs map. */
export function pagesMappedByPtes(v: KernelView, folio: number): number {
  return SCHEMES[v.param.refcountScheme.get()]!.pagesMappedByPtes(v, folio);
}

/** Pins of the folio. */
export function pinsOf(v: KernelView, folio: number): number {
  return SCHEMES[v.param.refcountScheme.get()]!.pinsOf(v, folio);
}

/** Whether the scheme takes the large folio for one that several address spaces may map. */
export function maybeShared(v: KernelView, folio: number): boolean {
  return SCHEMES[v.param.refcountScheme.get()]!.maybeShared(v, folio);
}
