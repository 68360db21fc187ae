/**
 * /sys/kernel/mm/transparent_hugepage: its knobs, their ranges and their EINVAL (mm/huge_memory.c, mm/khugepaged.c).
 *
 * A store takes effect at once: who reads a knob does so with READ_ONCE, each time. Sleep times, the files of other
 * sizes than PMD size, and shmem_enabled have no counterpart here; `enabled` of PMD size is fixed for a run (param.ts).
 */
import { at, type Int, type Routine } from "thpcheck";
import { EINVAL } from "./errno.ts";
import type { Kernel } from "./mm-types.ts";
import type { Errno } from "./structs/types.ts";
import { hasReservations } from "./thp-reservation.ts";

export const KNOB_ENABLED = 0;
export const KNOB_DEFRAG = 1;
export const KNOB_USE_ZERO_PAGE = 2;
export const KNOB_SHRINK_UNDERUSED = 3;
export const KNOB_KHUGEPAGED_DEFRAG = 4;
export const KNOB_MAX_PTES_NONE = 5;
export const KNOB_MAX_PTES_SWAP = 6;
export const KNOB_MAX_PTES_SHARED = 7;
/** PTEs. A layout has room for values up to the one it was configured with. */
export const KNOB_PAGES_TO_SCAN = 8;
/** Used pages that make a reservation a huge page, and turn reservations on where it is not 1. */
export const KNOB_PROMOTION_THRESHOLD = 9;
export type Knob = Int<0, 9>;
/** What a knob can be set to, and what it cannot. */
export type KnobValue = Int<-1, 0x7fff_ffff>;

/**
 * Sets a knob.
 *
 * @kernel mm/huge_memory.c enabled_store(), defrag_store(), single_hugepage_flag_store(), mm/khugepaged.c *_store()
 * @returns 0 or -EINVAL, with the knob as it was
 */
export function* sysfsStore(k: Kernel, knob: Knob, value: KnobValue): Routine<Errno> {
  yield at("sysfs store");
  if (!isInRange(k, knob, value)) return -EINVAL;
  switch (knob) {
    case KNOB_ENABLED: k.knob.enabled.setOnce(value); break;
    case KNOB_DEFRAG: k.knob.defrag.setOnce(value); break;
    case KNOB_USE_ZERO_PAGE: k.knob.useZeroPage.setOnce(value === 1); break;
    case KNOB_SHRINK_UNDERUSED: k.knob.shrinkUnderused.setOnce(value === 1); break;
    case KNOB_KHUGEPAGED_DEFRAG: k.knob.khugepagedDefrag.setOnce(value === 1); break;
    case KNOB_MAX_PTES_NONE: k.knob.maxPtesNone.setOnce(value); break;
    case KNOB_MAX_PTES_SWAP: k.knob.maxPtesSwap.setOnce(value); break;
    case KNOB_MAX_PTES_SHARED: k.knob.maxPtesShared.setOnce(value); break;
    case KNOB_PROMOTION_THRESHOLD: k.knob.promotionThreshold.setOnce(value); break;
    default: k.knob.pagesToScan.setOnce(value);
  }
  return 0;
}

function isInRange(k: Kernel, knob: Knob, value: KnobValue): boolean {
  switch (knob) {
    case KNOB_ENABLED: return value >= 0 && value <= 2;
    case KNOB_DEFRAG: return value >= 0 && value <= 4;
    case KNOB_USE_ZERO_PAGE: case KNOB_SHRINK_UNDERUSED: case KNOB_KHUGEPAGED_DEFRAG: return value === 0 || value === 1;
    case KNOB_MAX_PTES_NONE: case KNOB_MAX_PTES_SWAP: case KNOB_MAX_PTES_SHARED: return value >= 0 && value < k.param.hpagePmdNr.get();
    // A kernel without reservations has no such file.
    case KNOB_PROMOTION_THRESHOLD: return value >= 1 && value <= (hasReservations(k) ? k.param.hpagePmdNr.get() : 0);
    default: return value > 0;
  }
}

/** The files of the directory, and what their text means. */
export const KNOBS: Readonly<Record<string, Knob>> = {
  "enabled": KNOB_ENABLED, "defrag": KNOB_DEFRAG, "use_zero_page": KNOB_USE_ZERO_PAGE, "shrink_underused": KNOB_SHRINK_UNDERUSED,
  "khugepaged/defrag": KNOB_KHUGEPAGED_DEFRAG, "khugepaged/max_ptes_none": KNOB_MAX_PTES_NONE, "khugepaged/max_ptes_swap": KNOB_MAX_PTES_SWAP,
  "khugepaged/max_ptes_shared": KNOB_MAX_PTES_SHARED, "khugepaged/pages_to_scan": KNOB_PAGES_TO_SCAN, "promotion_threshold": KNOB_PROMOTION_THRESHOLD,
};
const WORDS: Readonly<Record<number, readonly string[]>> = {
  [KNOB_ENABLED]: ["never", "madvise", "always"],
  [KNOB_DEFRAG]: ["never", "madvise", "defer", "defer+madvise", "always"],
};

/**
 * What is written to the file of a knob, as a value for `sysfsStore`; -1 for what no knob accepts. Not for routines.
 * @kernel lib/kstrtox.c kstrtouint(), kstrtobool()
 */
export function parseKnob(knob: Knob, text: string): KnobValue {
  const word = text.replace(/\n$/, "");
  const words = WORDS[knob];
  if (words !== undefined) return words.indexOf(word);
  if (knob === KNOB_SHRINK_UNDERUSED) return /^([yYtT1]|[oO][nN])/.test(word) ? 1 : /^([nNfF0]|[oO][fF])/.test(word) ? 0 : -1;
  return /^\+?\d{1,9}$/.test(word) ? Number(word) : -1;
}
