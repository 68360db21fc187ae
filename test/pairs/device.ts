/** What a device writes to pinned memory, held to what the process that pinned it may read. */
import { NONE, current } from "thpcheck";
import type { Kernel } from "../../impl/mm-types.ts";
import { pageFolio } from "../../impl/page-flags.ts";
import { vmaAddress } from "../../impl/page-vma-mapped.ts";
import { entryTarget, pmdNone, pmdTable, pteNone } from "../../impl/pgtable.ts";
import type { Content, Mm, Pfn, Vpn } from "../../impl/structs/types.ts";
import { TABLE_LIVE, TABLE_PRIVATE } from "../../impl/structs/page-table.ts";
import { userMemoryStored } from "../../impl/user-memory.ts";
import { pageAt } from "../../kernel/actors.ts";

/**
 * A device stores to a page, which the process of this CPU sees at every address where it has the page, or is about to have
 * it again: while a collapse has taken the table out, while a split has emptied the entry to put a migration entry there, and
 * while mremap has the entry in its hand. A page that the process has discarded meanwhile is nobody's. That nobody else has
 * it is what is to be shown: whoever else reads this page reads what was not stored.
 */
export function deviceStores(k: Kernel, page: Pfn, content: Content): void {
  const mm = k.cpu.mm.get(current(k));
  k.page.content.set(page, content);
  for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
    const has = pageAt(k, mm, vpn) === page || moves(k, mm, vpn);
    if (has || (addressOf(k, mm, page, vpn) === vpn && (isChanging(k, mm, vpn) || isDetached(k, mm, vpn, page)))) {
      userMemoryStored(k, mm, vpn, content);
    }
  }
}

/** mremap is moving the page to another address of the process, or from there. */
function moves(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  const fed = k.user.feeds.get(mm * k.param.vpnMax.get() + vpn);
  return fed !== NONE && Math.floor(fed / k.param.vpnMax.get()) === mm;
}

/** The entry is empty, and somebody is about to fill it again: whoever has the lock of the table. */
function isChanging(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  const h = k.param.hpagePmdNr.get();
  const pmd = k.mm.pmd.once(mm, Math.floor(vpn / h));
  return pmdTable(pmd) && pteNone(k.ptTable.pte.once(entryTarget(pmd), vpn % h)) && k.ptTable.lock.isHeld(entryTarget(pmd));
}

/** A table that no PMD entry leads to, since a collapse has it, maps the page. */
function isDetached(k: Kernel, mm: Mm, vpn: Vpn, page: Pfn): boolean {
  const h = k.param.hpagePmdNr.get();
  if (!pmdNone(k.mm.pmd.once(mm, Math.floor(vpn / h)))) return false;
  for (let table = 0; table < k.ptTable.count; table++) {
    const state = k.ptTable.state.get(table);
    if (k.ptTable.mm.get(table) !== mm || (state !== TABLE_LIVE && state !== TABLE_PRIVATE) || isLinked(k, mm, table)) continue;
    const pte = k.ptTable.pte.once(table, vpn % h);
    if (!pteNone(pte) && entryTarget(pte) === page) return true;
  }
  return false;
}
function isLinked(k: Kernel, mm: Mm, table: number): boolean {
  for (let range = 0; range < k.param.hugeRanges.get(); range++) {
    const pmd = k.mm.pmd.once(mm, range);
    if (pmdTable(pmd) && entryTarget(pmd) === table) return true;
  }
  return false;
}
/** Where the area around `vpn` has the page, by the folio's place in it; NONE: nowhere. */
function addressOf(k: Kernel, mm: Mm, page: Pfn, vpn: Vpn): number {
  const folio = pageFolio(k, page);
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) !== mm || k.vma.start.once(vma) > vpn || k.vma.end.once(vma) <= vpn) continue;
    const first = vmaAddress(k, folio, vma);
    // The area may begin inside the folio.
    const skipped = Math.max(0, k.vma.pgoff.once(vma) - k.page.index.get(folio));
    return first === NONE ? NONE : first + (page - folio) - skipped;
  }
  return NONE;
}
