/** Faults in splits to other orders, each of one line, and the promise that names it. */
import type { MthpFault } from "./mthp-faults.ts";

const SPLIT = "impl/huge-memory/split-folio.ts";
const PARTS = "impl/huge-memory/split-parts.ts";
/** The folio that is split, or a part of it, is not what the machine says that it is. */
const FOLIO = /^refines folio: /;

export const MTHP_SPLIT_FAULTS: readonly MthpFault[] = [
  {
    name: "the parts do not count", file: SPLIT, scenario: "mthp-split-to-store", found: /^P14 nr_anon counts/,
    text: "  modNrAnon(k, newOrder, 1 << (order - newOrder));\n", replacement: "",
  },
  {
    name: "the parts count as one", file: SPLIT, scenario: "mthp-split-to-store", found: /^P14 nr_anon counts/,
    text: "modNrAnon(k, newOrder, 1 << (order - newOrder));", replacement: "modNrAnon(k, newOrder, 1);",
  },
  {
    name: "the first part keeps the size of the folio", file: SPLIT, scenario: "mthp-split-to-store", found: /^P14 nr_anon counts/,
    text: "for (let i = 0; i < 1 << order; i += 1 << newOrder) k.page.order",
    replacement: "for (let i = 1 << newOrder; i < 1 << order; i += 1 << newOrder) k.page.order",
  },
  {
    name: "the parts are single pages", file: SPLIT, scenario: "mthp-split-to-store", found: /^P14 nr_anon counts/,
    text: "k.page.order.set(folio + i, newOrder);", replacement: "k.page.order.set(folio + i, newOrder > 0 ? 0 : newOrder);",
  },
  {
    name: "the last tail of a part is not told of its head", file: SPLIT, scenario: "mthp-split-to-store", found: /^S4 /,
    text: "for (let i: PteIndex = 1; i < 1 << order; i++) {", replacement: "for (let i: PteIndex = 1; i < (1 << order) - 1; i++) {",
  },
  {
    name: "the tails of a part have the first page of the folio for a head", file: SPLIT, scenario: "mthp-split-to-store", found: /^S4 /,
    text: "    k.page.head.set(part + i, part);", replacement: "    k.page.head.set(part + i, part & ~3);",
  },
  {
    name: "a part is found where the folio began", file: SPLIT, scenario: "mthp-split-to-store", found: /^N2 /,
    text: "k.page.index.get(folio) + page - folio", replacement: "k.page.index.get(folio)",
  },
  {
    name: "only the first part is mapped again", file: SPLIT, scenario: "mthp-split-to-store",
    found: /^T11 a migration entry stands for a locked folio/,
    text: "for (let i: PteIndex = 0; i < nr; i += partPages", replacement: "for (let i: PteIndex = 0; i < 1; i += partPages",
  },
  {
    name: "the last part stays locked", file: SPLIT, scenario: "mthp-split-to-store", found: /^lock-held-at-exit: .*page\[2\].lock/,
    text: "i += partPages(k, folio, folio + i, parts)) {\n    yield at(\"S16",
    replacement: "i += nr) if (i < nr >> 1) {\n    yield at(\"S16",
  },
  {
    name: "a folio that stays large stays on the split queue", file: SPLIT, scenario: "mthp-split-to-shrinker", found: /^P14b /,
    text: "if (k.param.grainLists.get() === 0) yield* folioUnqueueDeferredSplit(k, folio);",
    replacement: "if (k.param.grainLists.get() === 0 && smallestOrder(k, parts) === 0) yield* folioUnqueueDeferredSplit(k, folio);",
  },
  {
    name: "a folio is split into parts of its own size", file: PARTS, scenario: "mthp-split-to-collapse", found: FOLIO,
    text: "if (smallest >= order || ", replacement: "if (smallest > order || ",
  },
  {
    name: "a folio is split into parts of a size that there is not", file: PARTS, scenario: "mthp-split-toward-sixteen", found: /^mthp.M1 /,
    text: "if (smallest >= order || (smallest > 0 && smallest < k.param.minLargeOrder.get())) return false;",
    replacement: "if (smallest >= order) return false;",
  },
  {
    name: "a halving leaves parts of a size that there is not", file: SPLIT, scenario: "mthp-split-toward-sixteen", found: /^mthp.M1 /,
    text: "if (order > 0 && order < k.param.minLargeOrder.get()) continue;", replacement: "if (order < 0) continue;",
  },
  {
    name: "the first half is halved, whatever page it is about", file: SPLIT, scenario: "mthp-split-toward-store", found: FOLIO,
    text: "part = pageFolio(k, folio + splitAt(k, parts));", replacement: "part = pageFolio(k, folio);",
  },
  {
    name: "the zero page takes the place of a page of a large part", file: "impl/migrate.ts", scenario: "mthp-split-to-store",
    found: /^both folios are whole, or it is one still/,
    text: "useZeroPage && !folioTestLarge(k, folio) &&", replacement: "useZeroPage && !folioTestLarge(k, page) &&",
  },
  {
    name: "a part lies where the walk of the parts does not expect it", file: PARTS, scenario: "mthp-split-toward-store",
    found: /^P3 tail pages have no references/,
    text: "const order = highestOrder(apart);", replacement: "const order = highestOrder(apart | 1) >> 1;",
  },
];
