/**
 * mm->write_protect_seq: odd while fork write-protects the pages of the mm, so that GUP-fast notices. A seqcount of
 * four values. A reader that sleeps through two whole forks of one mm sees the old count again; the kernel's 32 bits
 * take 2^31 forks for that.
 */
import type { Int } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm } from "../structs/types.ts";

export type WriteProtectSeq = Int<0, 3>;

/** @holds mmap_lock for writing @kernel include/linux/seqlock.h raw_write_seqcount_begin() */
export function rawWriteSeqcountBegin(k: Kernel, mm: Mm): void {
  vmBugOn(k.mm.writeProtectSeq.get(mm) % 2 !== 0, "write-protect-seq: write sections do not nest");
  k.mm.writeProtectSeq.add(mm, 1);
}

/** @kernel include/linux/seqlock.h raw_write_seqcount_end() */
export function rawWriteSeqcountEnd(k: Kernel, mm: Mm): void {
  vmBugOn(k.mm.writeProtectSeq.get(mm) % 2 === 0, "write-protect-seq: the end of a write section without its beginning");
  k.mm.writeProtectSeq.add(mm, 1);
}

/**
 * The count; odd inside a write section. This does not wait for the section's end.
 * @kernel include/linux/seqlock.h raw_read_seqcount()
 */
export function rawReadSeqcount(k: Kernel, mm: Mm): WriteProtectSeq {
  return k.mm.writeProtectSeq.get(mm);
}

/** Whether a write section has begun since the count was `seq`. @kernel include/linux/seqlock.h read_seqcount_retry() */
export function readSeqcountRetry(k: Kernel, mm: Mm, seq: WriteProtectSeq): boolean {
  return k.mm.writeProtectSeq.get(mm) !== seq;
}
