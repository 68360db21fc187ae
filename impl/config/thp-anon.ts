/**
 * The boot parameter `thp_anon=`: which sizes of anonymous folios there are besides single pages, and for which areas each is
 * enabled. Where it is not given, huge pages of PMD size are the only ones, and nothing of other sizes is in the program.
 *
 * Orders of large anonymous folios begin with 2 in Linux: the third page of a folio has its place on the split queue. Here
 * that place is a field of each page. So with up to 8 pages per huge page, the sizes of exhaustive checks, orders begin with
 * 1: 4 pages per huge page have one order in the middle, 8 have two. A page is 4 kB large at any scale.
 */
import { ENABLED_ALWAYS, ENABLED_MADVISE, ENABLED_NEVER, PMD_ENABLED_INHERIT, type PmdEnabled } from "./knobs.ts";

const PAGE_SHIFT = 12;
const SCALED_PAGES_PER_HUGE_PAGE = 8;
const POLICIES: Readonly<Record<string, PmdEnabled>> = {
  always: ENABLED_ALWAYS, madvise: ENABLED_MADVISE, inherit: PMD_ENABLED_INHERIT, never: ENABLED_NEVER,
};
const SUFFIXES: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** What is enabled at boot: of the sizes below a PMD sets of orders (bit n: order n), and the word of PMD size. */
export interface AnonOrders {
  /** Smallest order of a large folio; that of a huge page where there are no others. */
  readonly minLargeOrder: number;
  readonly anonAlways: number;
  readonly anonMadvise: number;
  readonly anonInherit: number;
  /** hugepages-<size of a PMD>kB/enabled, where `thp_anon=` is given. */
  readonly pmdEnabled?: PmdEnabled;
}

/** The smallest order of a large anonymous folio. @kernel include/linux/huge_mm.h THP_ORDERS_ALL_ANON */
export function smallestAnonOrder(pagesPerHugePage: number): number {
  return pagesPerHugePage <= SCALED_PAGES_PER_HUGE_PAGE ? 1 : 2;
}

/**
 * What `thp_anon=` says. As in the kernel a size that it does not name is never used, that of a PMD included. Throws a
 * RangeError for a text that the kernel ignores with a warning.
 * @kernel mm/huge_memory.c setup_thp_anon()
 */
export function anonOrders(thpAnon: string | undefined, pagesPerHugePage: number): AnonOrders {
  const pmdOrder = Math.log2(pagesPerHugePage);
  if (thpAnon === undefined) return { minLargeOrder: pmdOrder, anonAlways: 0, anonMadvise: 0, anonInherit: 0 };
  const words = new Map<number, PmdEnabled>();
  for (const item of thpAnon.split(";")) {
    const [sizes, policy, ...more] = item.split(":");
    const word = policy === undefined || !Object.hasOwn(POLICIES, policy) ? undefined : POLICIES[policy];
    if (word === undefined || more.length > 0) throw refusal(thpAnon, `${quoted(item)} is not sizes:policy`);
    for (const range of sizes!.split(",")) {
      const [first, last] = ordersOf(thpAnon, range, pagesPerHugePage);
      for (let order = first; order <= last; order++) words.set(order, word);
    }
  }
  const those = (word: PmdEnabled): number => {
    return [...words].filter(([order, w]) => w === word && order < pmdOrder).reduce((set, [order]) => set | (1 << order), 0);
  };
  return {
    minLargeOrder: Math.min(pmdOrder, smallestAnonOrder(pagesPerHugePage)), pmdEnabled: words.get(pmdOrder) ?? ENABLED_NEVER,
    anonAlways: those(ENABLED_ALWAYS), anonMadvise: those(ENABLED_MADVISE), anonInherit: those(PMD_ENABLED_INHERIT),
  };
}

const quoted = (text: string): string => JSON.stringify(text);

function refusal(thpAnon: string, what: string): RangeError {
  const form = "items size[-size][,...]:policy, separated by semicolons; policies are always, madvise, inherit, never";
  return new RangeError(`thpAnon ${quoted(thpAnon)}: ${what}; ${form}`);
}

/** First and last order of `size` or `size-size`. */
function ordersOf(thpAnon: string, range: string, pagesPerHugePage: number): readonly [number, number] {
  const [first, last, ...more] = range.split("-").map((size) => orderOf(thpAnon, size, pagesPerHugePage));
  const [from, to] = [first!, last ?? first!];
  if (more.length > 0 || from > to) throw refusal(thpAnon, `${quoted(range)} is no range of sizes`);
  return [from, to];
}

/** @kernel mm/internal.h get_order_from_str() */
function orderOf(thpAnon: string, size: string, pagesPerHugePage: number): number {
  const [, digits = "", suffix = ""] = /^(\d{1,12})([KMG]?)$/i.exec(size) ?? [];
  const order = Math.log2((Number(digits) * SUFFIXES[suffix.toUpperCase()]!) / 2 ** PAGE_SHIFT);
  const [least, most] = [smallestAnonOrder(pagesPerHugePage), Math.log2(pagesPerHugePage)];
  if (digits !== "" && Number.isInteger(order) && order >= least && order <= most) return order;
  const sizes = Array.from({ length: Math.max(0, most - least + 1) }, (_, i) => `${4 << (least + i)}K`);
  throw refusal(thpAnon, `${quoted(size)} is none of the sizes ${sizes.join(", ")}`);
}
