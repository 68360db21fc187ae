/**
 * Page-table entries as values: arch/x86/include/asm/pgtable.h, include/linux/swapops.h.
 *
 * An entry, PMD or PTE, is one integer, read and written as a whole, so that `pmd_same()` is `===`. Flags below bit 9, a
 * frame or table number above:
 *
 *     bit 0 PRESENT    the hardware uses the entry
 *     bit 1 WRITE      present: writable. migration entry: writable
 *     bit 2 DIRTY      bit 3 YOUNG
 *     bit 4 SPECIAL    the zero page or the huge zero page: not counted, no struct page
 *     bit 5 MIGRATION  not present: stands for a locked folio that is being split or moved
 *     bit 6 EXCLUSIVE  migration or swap entry: the page was anon-exclusive
 *     bit 7 LEAF       PMD: maps a huge page; clear: points to a table
 *           SWAP       PTE, not present: names a slot of the swap device, which is the number above
 *     bit 8 PROTNONE   mapped without any permission: present for the kernel, not for the hardware
 *
 * Worked example, 9 flag bits: frame 5 mapped writable, dirty and young is 5 << 9 | 0b1111 = 2575. A huge entry after
 * pmdp_invalidate() keeps frame and LEAF but not PRESENT: `pmdTransHuge` and `pmdPresent` stay true, hardware misses.
 */
import { vmBugOn } from "./bug.ts";
import { tableIsFree } from "./dead-object.ts";
import { ENTRY_TARGET_SHIFT } from "./config/options.ts";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Pfn, PmdIndex, PteIndex, Table, Vpn } from "./structs/types.ts";
import { VM_READ, VM_WRITE } from "./structs/vma.ts";

export const ENTRY_NONE = 0;
export const PRESENT = 1 << 0;
export const WRITE = 1 << 1;
export const DIRTY = 1 << 2;
export const YOUNG = 1 << 3;
export const SPECIAL = 1 << 4;
export const MIGRATION = 1 << 5;
export const EXCLUSIVE = 1 << 6;
export const LEAF = 1 << 7;
export const PROTNONE = 1 << 8;
/** Of a PTE; the bit that says of a PMD whether it is a leaf. */
export const SWAP = LEAF;

/** Frame or table number of an entry. @kernel arch/x86/include/asm/pgtable.h pte_pfn(), pmd_pfn() */
export function entryTarget(e: Entry): number { return e >> ENTRY_TARGET_SHIFT; }
/** An entry from its target and flags. @kernel arch/x86/include/asm/pgtable.h pfn_pte(), pfn_pmd() */
export function mkEntry(target: number, flags: number): Entry { return (target << ENTRY_TARGET_SHIFT) | flags; }
/** @kernel arch/x86/include/asm/pgtable_types.h pte_flags(), pmd_flags() */
export function entryHas(e: Entry, flag: number): boolean { return (e & flag) !== 0; }

/** @kernel arch/x86/include/asm/pgtable.h pmd_none() */
export function pmdNone(e: Entry): boolean { return e === ENTRY_NONE; }
/** Points to a table of PTEs. @kernel arch/x86/include/asm/pgtable.h pmd_present(), and not pmd_leaf() */
export function pmdTable(e: Entry): boolean { return (e & (PRESENT | LEAF)) === PRESENT; }
/**
 * A huge mapping, invalidated or not; not a migration entry.
 * @kernel arch/x86/include/asm/pgtable.h pmd_trans_huge()
 */
export function pmdTransHuge(e: Entry): boolean { return (e & LEAF) !== 0 && (e & MIGRATION) === 0; }
/** @kernel include/linux/leafops.h pmd_is_migration_entry() */
export function pmdMigration(e: Entry): boolean { return (e & MIGRATION) !== 0; }
/**
 * A leaf that is present for the kernel; true while it is invalidated, too.
 * @kernel arch/x86/include/asm/pgtable.h pmd_present()
 */
export function pmdPresent(e: Entry): boolean { return (e & (PRESENT | LEAF | PROTNONE)) !== 0 && (e & MIGRATION) === 0; }

/** @kernel arch/x86/include/asm/pgtable.h pte_none() */
export function pteNone(e: Entry): boolean { return e === ENTRY_NONE; }
/** Mapped, with or without permission. @kernel arch/x86/include/asm/pgtable.h pte_present() */
export function ptePresent(e: Entry): boolean { return (e & (PRESENT | PROTNONE)) !== 0; }
/** @kernel include/linux/leafops.h softleaf_is_migration() */
export function pteMigration(e: Entry): boolean { return (e & MIGRATION) !== 0; }
/** @kernel include/linux/leafops.h softleaf_is_swap() */
export function pteSwap(e: Entry): boolean { return (e & (SWAP | PRESENT | PROTNONE | MIGRATION)) === SWAP; }
/**
 * Maps the zero page (PTE) or the huge zero page (PMD).
 * @kernel include/linux/pgtable.h is_zero_pfn(), include/linux/huge_mm.h is_huge_zero_pmd()
 */
export function entryZeroPage(e: Entry): boolean { return (e & SPECIAL) !== 0; }

/**
 * The frame of the zero page, which is none of `k.page`. By the grain `zero` a number that no page has; without it the flag
 * SPECIAL tells, and there is no number.
 * @kernel include/linux/pgtable.h zero_pfn(), my_zero_pfn() before 7.0
 */
export function zeroPfn(k: Kernel): Pfn { return k.param.grainZero.get() === 0 ? 0 : k.param.frames.get(); }
/**
 * Whether the PTE maps the zero page. By the grain `zero` as the kernel tells: by the frame number, and any other entry that is
 * special is a bad one.
 * @kernel include/linux/pgtable.h is_zero_pfn(), mm/memory.c vm_normal_page(), print_bad_pte()
 */
export function isZeroPte(k: Kernel, e: Entry): boolean {
  if (k.param.grainZero.get() === 0) return entryZeroPage(e);
  const zero = ptePresent(e) && entryTarget(e) === zeroPfn(k);
  vmBugOn(ptePresent(e) && !zero && entryHas(e, SPECIAL), "pgtable: bad page map: an entry is special, and maps no zero page");
  return zero;
}

/**
 * vm_page_prot of a VMA as entry flags, from which `mkPte` and `mkHugePmd` start. Never writable.
 * @kernel arch/x86/mm/pgprot.c vm_get_page_prot()
 */
export function vmPageProt(vmFlags: number): number { return (vmFlags & (VM_READ | VM_WRITE)) !== 0 ? PRESENT : PROTNONE; }
/** Makes the entry writable if the VMA is. @kernel include/linux/mm.h maybe_mkwrite() */
export function maybeMkwrite(e: Entry, vmFlags: number): Entry { return (vmFlags & VM_WRITE) !== 0 ? e | WRITE : e; }

/** Index of the PMD entry that covers `vpn`. @kernel include/linux/pgtable.h pmd_index() */
export function pmdIndex(k: Kernel, vpn: Vpn): PmdIndex { return Math.floor(vpn / k.param.hpagePmdNr.get()); }
/** Index within its table of the PTE that maps `vpn`. @kernel include/linux/pgtable.h pte_index() */
export function pteIndex(k: Kernel, vpn: Vpn): PteIndex { return vpn % k.param.hpagePmdNr.get(); }
/** First page of the huge range that contains `vpn`. @kernel include/linux/huge_mm.h HPAGE_PMD_MASK */
export function hpageAddress(k: Kernel, vpn: Vpn): Vpn { return vpn - (vpn % k.param.hpagePmdNr.get()); }
/** @kernel include/linux/align.h IS_ALIGNED() */
export function hpageAligned(k: Kernel, vpn: Vpn): boolean { return vpn % k.param.hpagePmdNr.get() === 0; }

/** The PMD entry that points to a table. @kernel arch/x86/include/asm/pgalloc.h pmd_populate() */
export function mkPmdTable(table: Table): Entry { return mkEntry(table, PRESENT); }
/** The entry that maps a huge page, not writable. @kernel include/linux/mm.h folio_mk_pmd() */
export function mkHugePmd(pfn: Pfn, vmFlags: number): Entry { return mkEntry(pfn, vmPageProt(vmFlags) | LEAF | YOUNG); }
/** The entry that maps a page, not writable. @kernel include/linux/mm.h mk_pte() */
export function mkPte(pfn: Pfn, vmFlags: number): Entry { return mkEntry(pfn, vmPageProt(vmFlags) | YOUNG); }

/**
 * Stores a PTE. The caller holds the table's lock, or nobody else can reach the table.
 * @kernel include/linux/pgtable.h set_pte_at()
 */
export function setPteAt(k: Kernel, table: Table, i: PteIndex, e: Entry): void {
  vmBugOn(tableIsFree(k, table), "use after free: a PTE is stored to a page table that has been freed");
  k.ptTable.pte.set(table, i, e);
}
/** Reads a PTE without the lock. @kernel include/linux/pgtable.h ptep_get_lockless() */
export function ptepGetLockless(k: Kernel, table: Table, i: PteIndex): Entry {
  vmBugOn(tableIsFree(k, table), "use after free: a PTE is read of a page table that has been freed");
  return k.ptTable.pte.once(table, i);
}
