/** Every invariant that is stated over states; `catalogue.ts` has the other promises, too. */
import type { Invariant } from "../invariant.ts";
import { anonVmaInvariants } from "./anon-vma.ts";
import { counterInvariants } from "./counters.ts";
import { deferredInvariants } from "./deferred.ts";
import { exclusivityInvariants } from "./exclusivity.ts";
import { functionInvariants } from "./function.ts";
import { khugepagedInvariants } from "./khugepaged.ts";
import { lruInvariants } from "./lru.ts";
import { mapcountInvariants } from "./mapcount.ts";
import { pageInvariants } from "./page.ts";
import { pageTableInvariants } from "./page-table.ts";
import { permissionInvariants } from "./permission.ts";
import { reservationInvariants } from "./reservation.ts";
import { swapInvariants } from "./swap.ts";
import { tlbInvariants } from "./tlb.ts";
import { vmaInvariants } from "./vma.ts";
import { windowInvariants } from "./window.ts";

/** By family, the name of its file. */
export const FAMILIES: Readonly<Record<string, readonly Invariant[]>> = {
  mapcount: mapcountInvariants, "page-table": pageTableInvariants, page: pageInvariants, exclusivity: exclusivityInvariants,
  vma: vmaInvariants, "anon-vma": anonVmaInvariants, tlb: tlbInvariants, permission: permissionInvariants,
  counters: counterInvariants, deferred: deferredInvariants, lru: lruInvariants,
  khugepaged: khugepagedInvariants, reservations: reservationInvariants,
  function: functionInvariants, windows: windowInvariants, swap: swapInvariants,
};

export const INVARIANTS: readonly Invariant[] = Object.values(FAMILIES).flat();
