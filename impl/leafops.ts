/** What entries that are not present stand for: include/linux/leafops.h. Their encoding is in `pgtable.ts`. */
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import { pageFolioLockless } from "./page-flags.ts";
import { entryTarget } from "./pgtable.ts";
import type { Entry } from "./structs/types.ts";

/**
 * Asserts that the folio which a migration entry stands for is locked: whoever made the entry still has the lock, or has passed
 * it on, since the pages of a folio that is split off are locked before they stop being part of the folio. Who waits for the
 * folio's lock, to go on when the entry is gone, relies on that.
 * @kernel include/linux/leafops.h softleaf_to_folio(), softleaf_to_page(); pfn_swap_entry_to_page() before 6.19
 * @holds the page-table lock under which the entry stands
 */
export function assertMigrationLocked(k: Kernel, entry: Entry): void {
  vmBugOn(
    !k.page.lock.isHeld(pageFolioLockless(k, entryTarget(entry))),
    "leafops: a migration entry stands for a folio that nobody has locked",
  );
}
