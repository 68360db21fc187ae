/** Mutants that no scenario kills though they change something: what would show them, and why nothing here does. */
import type { Explanation } from "./explained.ts";

export const SURVIVORS: readonly Explanation[] = [
  {
    id: "5e4996ab6b",
    change: "- if (!isolated) return false;",
    why: "Nothing isolates a folio between the count of its references and its isolation. Who has it isolated already shows as one reference too many; who would isolate it now, without the folio lock that is held, is reclaim and compaction of pages that PTEs map, and neither is modelled (vmscan.ts reclaims folios that a PMD maps, and those a collapse does not isolate). With one of them a scenario of it against a collapse would double-isolate the folio: P11.",
  },
  {
    id: "50f2bdecb0",
    change: "- for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {  + for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get() - 1; i++) {",
    why: "The dump of the page tables looks at one entry less. It stands for every reader of page tables without locks (ptdump, pagemap): what it reads is asserted where it reads it, and what it prints nobody promises anything about.",
  },
  {
    id: "63da3d972a",
    change: "- cc.unmapped = unmapped > 0;  + cc.unmapped = unmapped >= 0;",
    why: "The collapse makes its second pass for entries that are not present also where the scan met none: it looks, and finds none, or waits for the end of a migration that began since and that would have made it give up. More work, and more success; only a promise about the work that is saved would notice.",
  },
  {
    id: "95e3e55209",
    change: "- if (unmapped === 0 || unmapped === nr) return;",
    why: "A folio that the PMD had to itself, or that another PMD still maps as a whole, goes on the split queue as partially mapped. The queue is a hint: the shrinker tries to split what is on it, and whoever frees the folio takes it off. \"Partially mapped\" cannot be promised to be true, either: in Linux as here it stays when a split fails and the pages are mapped again.",
  },
  {
    id: "d5640bc40e",
    change: "- yield* spinLock(k, pmdLockptr(k, mm)); / spinUnlock(k, pmdLockptr(k, mm));  + yield at(\"spinLock: dropped\");",
    why: "Nothing makes a PMD migration entry: pages that a PMD maps are split before they move (migrate.c here, and every caller). A fault that would wait for the end of one therefore finds none, whether or not it looks under the lock. It becomes visible with migration of whole huge pages between nodes.",
  },
  {
    id: "de302fa5cd",
    change: "yield* folioRemoveRmapPtes(k, folio, page, 1, vma);  <->  refsPut(k, page, 1);",
    why: "For a moment the folio has a reference less than mappings and holders. Whoever compares the two without the folio lock, which the split holds, is the reuse of a large folio by a write fault, under the lock of its own page table; while the folio is mapped from one table, that is the table whose lock is held here. A scenario would need a folio in two tables of one process, not exclusive (moved in part by mremap, after a fork whose child has gone), that is written to while it is split.",
  },
];
