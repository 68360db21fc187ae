/** Zeroing a new folio for a user: mm/memory.c. */
import type { Kernel } from "../mm-types.ts";
import { folioNrPages } from "../page-flags.ts";
import type { Pfn } from "../structs/types.ts";

/** Zeroes a folio that nobody else can reach yet. @kernel mm/memory.c folio_zero_user() */
export function folioZeroUser(k: Kernel, folio: Pfn): void {
  const nr = folioNrPages(k, folio);
  for (let i = 0; i < nr; i++) k.page.content.set(folio + i, 0);
  k.page.uptodate.set(folio, true);
}
