/** Every abstraction; a machine of spec/alphabet.ts without one has no subject here yet. */
import type { Abstraction } from "./abstraction.ts";
import { collapseAbstraction } from "./collapse.ts";
import { deferredSplitAbstraction } from "./deferred-split.ts";
import { folioAbstraction } from "./folio.ts";
import { hugePmdAbstraction } from "./huge-pmd.ts";
import { migrationEntryAbstraction } from "./migration-entry.ts";
import { mmAbstraction } from "./mm.ts";
import { pageTableAbstraction } from "./page-table.ts";
import { refcountAbstraction } from "./refcount.ts";
import { reservationAbstraction } from "./reservation.ts";
import { reservedCounterAbstraction } from "./reserved-counter.ts";
import { reservedPageAbstraction } from "./reserved-page.ts";
import { swapEntryAbstraction } from "./swap-entry.ts";
import { tlbEntryAbstraction } from "./tlb-entry.ts";
import { vmaBoundsAbstraction } from "./vma-bounds.ts";

export const ABSTRACTIONS: readonly Abstraction[] = [
  folioAbstraction, refcountAbstraction, deferredSplitAbstraction, migrationEntryAbstraction,
  hugePmdAbstraction, pageTableAbstraction, vmaBoundsAbstraction, tlbEntryAbstraction, collapseAbstraction, mmAbstraction,
  reservationAbstraction, reservedPageAbstraction, reservedCounterAbstraction, swapEntryAbstraction,
];
