/** Whether khugepaged has anything to do, by sysfs. */
import { ENABLED_ALWAYS, ENABLED_MADVISE, ENABLED_NEVER } from "../config/knobs.ts";
import { pmdOrderEnabled } from "../huge-memory/eligibility.ts";
import type { Kernel } from "../mm-types.ts";
import { hasMthpCollapse, isMthpV10 } from "./collapse-window.ts";

/**
 * Some size is enabled for some area. Where khugepaged makes folios of all sizes each of them counts, and that of a huge page
 * may be "never"; else, and as posted in 2025, that one alone.
 *
 * The kernel reads the words one after the other. Who writes them meanwhile could have done so before the first read or behind the
 * last, but for a size that moves from word to word; whoever misses it looks again.
 * @kernel mm/khugepaged.c hugepage_enabled(), anon_hpage_enabled(); hugepage_pmd_enabled() up to 7.1
 */
export function hugepageEnabled(k: Kernel): boolean {
  const pmd = pmdOrderEnabled(k);
  if (!hasMthpCollapse(k) || isMthpV10(k)) return pmd !== ENABLED_NEVER;
  if (k.knob.enabled.once() !== ENABLED_NEVER || pmd === ENABLED_ALWAYS || pmd === ENABLED_MADVISE) return true;
  return k.anonOrders.always.once(0) !== 0 || k.anonOrders.madvise.once(0) !== 0;
}
