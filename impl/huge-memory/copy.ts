/** fork and huge PMDs: mm/huge_memory.c copy_huge_pmd(). */
import { at, emit, NONE, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { EAGAIN, ENOMEM } from "../errno.ts";
import { readableMigrationEntry } from "../migration-entry.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Errno, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { folioGet, folioRefSub } from "../page-ref.ts";
import { entryTarget, entryZeroPage, pmdIndex, pmdMigration, pmdTransHuge, WRITE, YOUNG } from "../pgtable.ts";
import { pgtableTransHugeDeposit, pmdLockptr, pmdpGet, pteAllocOne, pteFree, setPmdAt, tableDisown } from "../pgtable-generic.ts";
import { folioTryDupAnonRmapPmd } from "../rmap.ts";
import { mmDupHugeZeroFolio, isHugeZeroPmd } from "./huge-zero.ts";
import { splitHugePmd } from "./split-pmd.ts";

/**
 * Gives the child the parent's huge entry at `haddr`, read-only in both. A folio that may be pinned must stay the
 * parent's own: its PMD is split, and the PTE path copies the pages. The parent's TLB is flushed at the end of the fork.
 *
 * @kernel mm/huge_memory.c copy_huge_pmd()
 * @holds mmap_lock of both for writing, the VMA lock of the parent's VMA; write_protect_seq is odd
 * @returns 0, -ENOMEM, or -EAGAIN: copy PTEs instead
 */
export function* copyHugePmd(k: Kernel, dstVma: Vma, srcVma: Vma, haddr: Vpn): Routine<Errno> {
  const dst: Mm = k.vma.mm.get(dstVma);
  const src: Mm = k.vma.mm.get(srcVma);
  const table: Table = yield* pteAllocOne(k, dst);
  if (table === NONE) return -ENOMEM;
  yield* spinLock(k, pmdLockptr(k, dst));
  yield* spinLock(k, pmdLockptr(k, src));
  const entry: Entry = pmdpGet(k, src, haddr);
  if (!pmdTransHuge(entry) && !pmdMigration(entry)) {
    spinUnlock(k, pmdLockptr(k, src));
    spinUnlock(k, pmdLockptr(k, dst));
    yield* pteFree(k, table);
    return -EAGAIN;
  }
  if (isHugeZeroPmd(k, entry)) yield* mmDupHugeZeroFolio(k, dst);
  else {
    if (!pmdMigration(entry)) {
      const folio: Pfn = entryTarget(entry);
      yield at("folio_get");
      folioGet(k, folio);
      yield at("PageAnonExclusive");
      const duplicated: boolean = yield* folioTryDupAnonRmapPmd(k, folio, dstVma, srcVma);
      if (!duplicated) {
        yield at("folio_put");
        // Not the last reference: the parent maps the folio.
        folioRefSub(k, folio, 1);
        spinUnlock(k, pmdLockptr(k, src));
        spinUnlock(k, pmdLockptr(k, dst));
        yield* pteFree(k, table);
        yield* splitHugePmd(k, srcVma, haddr, false);
        return -EAGAIN;
      }
    }
    k.mm.anonPages.add(dst, k.param.hpagePmdNr.get());
  }
  k.mm.nrPtes.add(dst, 1);
  pgtableTransHugeDeposit(k, dst, haddr, table);
  // The parent's bits as they are now: hardware may have set some since. A migration entry loses the rights to be
  // writable and exclusive.
  let seen: Entry = entry;
  for (;;) {
    yield at("pmdp_set_wrprotect");
    if (k.mm.pmd.cmpxchg(src, pmdIndex(k, haddr), seen, readOnly(k, seen))) break;
    yield at("pmdp_set_wrprotect: again");
    seen = pmdpGet(k, src, haddr);
  }
  yield at("set_pmd_at");
  setPmdAt(k, dst, haddr, readOnly(k, entry) & ~YOUNG);
  tableDisown(k, table);
  if (entryZeroPage(entry)) emit(k, EV.PMD_SET_HUGE_ZERO, dst, pmdIndex(k, haddr));
  else emit(k, EV.PMD_SET_HUGE, dst, pmdIndex(k, haddr), entryTarget(entry));
  spinUnlock(k, pmdLockptr(k, src));
  spinUnlock(k, pmdLockptr(k, dst));
  return 0;
}

/** pmd_wrprotect(), make_readable_migration_entry() */
function readOnly(k: Kernel, e: Entry): Entry {
  return pmdMigration(e) ? readableMigrationEntry(k, e) : e & ~WRITE;
}
