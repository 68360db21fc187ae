/** Faults in what knows of sizes between a page and a huge page, each of one line, and the promise that names it. */
import type { Replacement } from "../refinement/seeded-patch.ts";

export interface MthpFault extends Replacement {
  readonly name: string;
  /** Of test/scenarios/mthp.ts, mthp-collapse.ts or mthp-split.ts. */
  readonly scenario: string;
  /** The property that is broken, and the message, as they are reported. */
  readonly found: RegExp;
}

const FAULT = "impl/memory/anon-folio.ts";
const MAP = "impl/memory/map-anon-folio.ts";
const ALLOC = "impl/memory/alloc-anon-folio.ts";
const QUEUE = "impl/huge-memory/deferred-split.ts";
/** A fault maps over what another one has mapped. */
const OVER = /^assertion: .*memory: a new folio is mapped over what another entry maps/;

export const MTHP_FAULTS: readonly MthpFault[] = [
  {
    name: "the window is not looked at again under the lock", file: FAULT, scenario: "mthp-faults-read", found: OVER,
    text: "!pteRangeNone(k, vmf.pte, start, 1 << vmf.order);", replacement: "false;",
  },
  {
    name: "only the entry of the address is looked at again", file: FAULT, scenario: "mthp-faults-read", found: OVER,
    text: "!pteRangeNone(k, vmf.pte, start, 1 << vmf.order);",
    replacement: "!pteRangeNone(k, vmf.pte, vmf.address, 1);",
  },
  {
    name: "the window is looked at again but for its last entry", file: FAULT,
    scenario: "mthp-faults-read", found: OVER,
    text: "for (let i = 0; i < nr; i++) if", replacement: "for (let i = 0; i < nr - 1; i++) if",
  },
  {
    name: "a folio has a reference less than mappings", file: MAP,
    scenario: "mthp-split", found: /^refines refcount-folio: /,
    text: "folioNrPages(k, folio) - 1);", replacement: "folioNrPages(k, folio) - 2);",
  },
  {
    name: "each entry maps the first page", file: MAP, scenario: "mthp-split", found: /^P6 _mapcount counts the PTEs/,
    text: "mkPte(folio + i, vmFlags)", replacement: "mkPte(folio, vmFlags)",
  },
  {
    name: "the last page is counted as mapped and is not", file: MAP,
    scenario: "mthp-split", found: /^P6 _mapcount counts the PTEs/,
    text: "for (let i: Vpn = 0; i < folioNrPages(k, folio); i++) {",
    replacement: "for (let i: Vpn = 0; i < folioNrPages(k, folio) - 1; i++) {",
  },
  {
    name: "the folio belongs to the address of its last page", file: MAP,
    scenario: "mthp-faults", found: /^N2 whatever maps a folio is found/,
    text: "folioAddNewAnonRmap(k, folio, vma, start);",
    replacement: "folioAddNewAnonRmap(k, folio, vma, start + folioNrPages(k, folio) - 1);",
  },
  {
    name: "the folio is kept when the window has been filled", file: FAULT,
    scenario: "mthp-faults-read", found: /^P2 references are mappings/,
    text: "    yield* folioPutNew(k, folio);\n    return raced", replacement: "    return raced",
  },
  {
    name: "a folio counts as one page of the process", file: FAULT, scenario: "mthp-split", found: /^T8 MM_ANONPAGES/,
    text: "k.mm.anonPages.add(mm, folioNrPages(k, folio));",
    replacement: "k.mm.anonPages.add(mm, folioNrPages(k, folio) > 0 ? 1 : 0);",
  },
  {
    name: "a folio that could not be charged is kept", file: ALLOC,
    scenario: "mthp-faults-fail", found: /^P1 a frame that holds nothing is free/,
    text: "if (folio !== NONE) yield* folioPutNew(k, folio);",
    replacement: "if (folio !== NONE && vmf.order === 0) yield* folioPutNew(k, folio);",
  },
  {
    name: "a new folio counts for the size of a huge page", file: "impl/rmap.ts",
    scenario: "mthp-split", found: /^P14 nr_anon counts/,
    text: "modNrAnon(k, k.page.order.get(folio), 1);", replacement: "modNrAnon(k, k.param.hpagePmdOrder.get(), 1);",
  },
  {
    name: "a folio that is freed still counts", file: "impl/page-alloc.ts",
    scenario: "mthp-shrinker-dontneed", found: /^P14 nr_anon counts/,
    text: "if (k.page.anon.get(folio)) modNrAnon(k, order, -1);",
    replacement: "if (k.page.anon.get(folio) && order === k.param.hpagePmdOrder.get()) modNrAnon(k, order, -1);",
  },
  {
    name: "a folio that is split still counts", file: "impl/huge-memory/split-folio.ts",
    scenario: "mthp-split", found: /^P14 nr_anon counts/,
    text: "  modNrAnon(k, order, -1);\n", replacement: "",
  },
  {
    name: "a torn folio counts for the size of a huge page", file: QUEUE,
    scenario: "mthp-shrinker-dontneed", found: /^P14b nr_anon_partially_mapped counts/,
    text: "modNrAnonPartiallyMapped(k, order, 1);",
    replacement: "modNrAnonPartiallyMapped(k, k.param.hpagePmdOrder.get(), 1);",
  },
  {
    name: "a torn folio counts as one when it is gone", file: QUEUE,
    scenario: "mthp-shrinker-dontneed", found: /^P14b nr_anon_partially_mapped counts/,
    text: "  modNrAnonPartiallyMapped(k, k.page.order.get(folio), -1);\n", replacement: "",
  },
  {
    name: "a torn folio is queued only if it has the size of a huge page", file: QUEUE,
    scenario: "mthp-shrinker", found: /^P21 a folio that is mapped in part is on the split queue/,
    text: "if (!isListed(k, folio)) addToQueue(k, folio);",
    replacement: "if (!isListed(k, folio) && folioTestPmdMappable(k, folio)) addToQueue(k, folio);",
  },
];
