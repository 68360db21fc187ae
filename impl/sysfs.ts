/**
 * /sys/kernel/mm/transparent_hugepage: its knobs, their ranges and their EINVAL (mm/huge_memory.c, mm/khugepaged.c).
 *
 * A store takes effect at once: each read of a knob is a READ_ONCE. Sleep times and shmem_enabled have no counterpart here;
 * `enabled` of PMD size is fixed for a run. Rows: `config/knobs.ts`. The files of smaller sizes are there with `thpAnon`.
 */
import { at, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import {
  DEFRAG_ALWAYS, ENABLED_ALWAYS, ENABLED_MADVISE, KNOB_NAMES, KNOB_ROWS, PMD_ENABLED_INHERIT, knobNumber, type KnobRow,
} from "./config/knobs.ts";
import { EINVAL } from "./errno.ts";
import { ordersBelowPmd, withoutOrder } from "./huge-memory/orders.ts";
import type { Kernel } from "./mm-types.ts";
import type { Errno, Order } from "./structs/types.ts";
import { hasReservations } from "./thp-reservation/container.ts";

export const KNOB_ENABLED = knobNumber("enabled");
export const KNOB_DEFRAG = knobNumber("defrag");
export const KNOB_USE_ZERO_PAGE = knobNumber("useZeroPage");
export const KNOB_SHRINK_UNDERUSED = knobNumber("shrinkUnderused");
export const KNOB_KHUGEPAGED_DEFRAG = knobNumber("khugepagedDefrag");
export const KNOB_MAX_PTES_NONE = knobNumber("maxPtesNone");
export const KNOB_MAX_PTES_SWAP = knobNumber("maxPtesSwap");
export const KNOB_MAX_PTES_SHARED = knobNumber("maxPtesShared");
/** PTEs. A layout has room for values up to the one it was configured with. */
export const KNOB_PAGES_TO_SCAN = knobNumber("pagesToScan");
/** Used pages that make a reservation a huge page, and turn reservations on where it is not 1. */
export const KNOB_PROMOTION_THRESHOLD = knobNumber("promotionThreshold");
/** As many as there are rows in `config/knobs.ts`. */
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

/**
 * Writes to hugepages-<size>kB/enabled of a size between a page and a huge page. The three words change one after the other,
 * and readers take no lock; each is a step of its own by the grain `knobs`. khugepaged, which the kernel starts or stops if
 * anything has changed, asks for PMD size only here.
 *
 * @kernel mm/huge_memory.c anon_enabled_store(), set_anon_enabled_mode()
 * @returns 0 or -EINVAL, with the file as it was
 */
export function* anonEnabledStore(k: Kernel, order: Order, value: KnobValue): Routine<Errno> {
  vmBugOn(withoutOrder(ordersBelowPmd(k), order) === ordersBelowPmd(k), "sysfs: there is no file of this size, or it is fixed");
  yield at("sysfs store");
  if (value < 0 || value > PMD_ENABLED_INHERIT) return -EINVAL;
  yield* spinLock(k, k.anonOrders.lock.at(0));
  k.anonOrders.always.setOnce(0, withOrder(k.anonOrders.always.once(0), order, value === ENABLED_ALWAYS));
  if (k.param.grainKnobs.get() !== 0) yield at("huge_anon_orders_inherit");
  k.anonOrders.inherit.setOnce(0, withOrder(k.anonOrders.inherit.once(0), order, value === PMD_ENABLED_INHERIT));
  if (k.param.grainKnobs.get() !== 0) yield at("huge_anon_orders_madvise");
  k.anonOrders.madvise.setOnce(0, withOrder(k.anonOrders.madvise.once(0), order, value === ENABLED_MADVISE));
  spinUnlock(k, k.anonOrders.lock.at(0));
  return 0;
}

function withOrder(orders: number, order: number, isIn: boolean): number {
  return isIn ? orders | (1 << order) : withoutOrder(orders, order);
}

function isInRange(k: Kernel, knob: Knob, value: KnobValue): boolean {
  switch (knob) {
    case KNOB_ENABLED: return value >= 0 && value <= ENABLED_ALWAYS;
    case KNOB_DEFRAG: return value >= 0 && value <= DEFRAG_ALWAYS;
    case KNOB_USE_ZERO_PAGE: case KNOB_SHRINK_UNDERUSED: case KNOB_KHUGEPAGED_DEFRAG: return value === 0 || value === 1;
    case KNOB_MAX_PTES_NONE: case KNOB_MAX_PTES_SWAP: case KNOB_MAX_PTES_SHARED: return value >= 0 && value < k.param.hpagePmdNr.get();
    // A kernel without reservations has no such file.
    case KNOB_PROMOTION_THRESHOLD: return value >= 1 && value <= (hasReservations(k) ? k.param.hpagePmdNr.get() : 0);
    default: return value > 0;
  }
}

/** The files of the directory, each with the number of its knob. */
export const KNOBS: Readonly<Record<string, Knob>> = Object.fromEntries(KNOB_NAMES.map((name) => [KNOB_ROWS[name].file, knobNumber(name)]));

/**
 * What is written to the file of a knob, as a value for `sysfsStore`; -1 for what no knob accepts. Not for routines.
 * @kernel lib/kstrtox.c kstrtouint(), kstrtobool()
 */
export function parseKnob(knob: Knob, text: string): KnobValue {
  const word = text.replace(/\n$/, "");
  const row: KnobRow = KNOB_ROWS[KNOB_NAMES[knob]!];
  if ("words" in row) return row.words.indexOf(word);
  if ("takes" in row && row.takes === "boolean") return /^([yYtT1]|[oO][nN])/.test(word) ? 1 : /^([nNfF0]|[oO][fF])/.test(word) ? 0 : -1;
  return /^\+?\d{1,9}$/.test(word) ? Number(word) : -1;
}
