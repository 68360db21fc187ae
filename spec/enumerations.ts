/**
 * Values with names that the specification and the implementation share. `impl/` takes these from here; where it has names
 * of its own for bits of a field, test/spec/enumerations.test.ts holds both equal.
 */

/** How reservations are made: not at all; the safe design; the patch of 2018. Values of `param.resvMechanism`. */
export const MECHANISM_OFF = 0 as const;
export const MECHANISM_SAFE = 1 as const;
export const MECHANISM_RFC_2018 = 2 as const;
export type Mechanism = typeof MECHANISM_OFF | typeof MECHANISM_SAFE | typeof MECHANISM_RFC_2018;

/**
 * How references and mappings of huge pages are counted. Values of `param.refcountScheme`.
 * @kernel Documentation/mm/transhuge.rst and its history
 */
export const SCHEME_TAIL_PINS_2011 = 0 as const;
export const SCHEME_DOUBLEMAP_2015 = 1 as const;
export const SCHEME_FOLIO = 2 as const;
export type RefcountScheme = typeof SCHEME_TAIL_PINS_2011 | typeof SCHEME_DOUBLEMAP_2015 | typeof SCHEME_FOLIO;

/** Bits of `vma.flags` and `mm.flags` that invariants ask for. */
export const VM_WRITE = 1 << 1;
export const MMF_VM_HUGEPAGE = 1 << 0;
/** A value of `collapse.stage`. */
export const COLLAPSE_ISOLATED = 4;
