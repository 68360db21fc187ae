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

/**
 * What the split queue's shrinker does with the folios that it takes off the queue. Values of `param.splitQueueScan`.
 *
 * Onto a list of its own, on which each is until it has been seen to, with the queue's count; into an array; onto a list of
 * its own, from which each goes before it is seen to.
 * @kernel mm/huge_memory.c deferred_split_scan() and its history
 */
export const SPLIT_SCAN_PRIVATE_LIST = 0 as const;
export const SPLIT_SCAN_BATCH = 1 as const;
export const SPLIT_SCAN_DISPOSE_LIST = 2 as const;
export type SplitQueueScan = typeof SPLIT_SCAN_PRIVATE_LIST | typeof SPLIT_SCAN_BATCH | typeof SPLIT_SCAN_DISPOSE_LIST;

/**
 * Into which sizes khugepaged collapses: a huge page only, or those between as well.
 * Values of `param.khugepagedMthp`.
 * @kernel mm/khugepaged.c mthp_collapse() and its history
 */
export const KHUGEPAGED_MTHP_NONE = 0 as const;
export const KHUGEPAGED_MTHP_MERGED = 1 as const;
/** As posted in August 2025, and not merged. */
export const KHUGEPAGED_MTHP_V10 = 2 as const;
export type KhugepagedMthp = typeof KHUGEPAGED_MTHP_NONE | typeof KHUGEPAGED_MTHP_MERGED | typeof KHUGEPAGED_MTHP_V10;

/** Bits of `vma.flags` and `mm.flags` that invariants ask for. */
export const VM_READ = 1 << 0;
export const VM_WRITE = 1 << 1;
export const MMF_VM_HUGEPAGE = 1 << 0;
/** Values of `collapse.stage`. */
export const COLLAPSE_ISOLATED = 4;
export const COLLAPSE_COPIED = 5;

/**
 * Calls that can lose their function: values of `lost.what`. "Nothing bad happens" is half of a promise; a kernel that always
 * gives up would keep it. So each failure is judged in the step that decides it: there has to be a cause that is visible, in
 * the state of that step or seen by the same call before. Where there is none, F1 is broken.
 */
export const LOST_NOTHING = 0 as const;
export const LOST_SPLIT = 1 as const;
export const LOST_COLLAPSE = 2 as const;
export const LOST_PROMOTION = 3 as const;
export const LOST_MOVE = 4 as const;
export const LOST_MIGRATION = 5 as const;
export const LOST_DISCARD = 6 as const;
