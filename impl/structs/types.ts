/**
 * Types of the values that routines hold across a yield: indices of objects, addresses, entries, sets of flags.
 * The compiler reads their ranges from here and gives each a slot of a frame.
 */
import type { Int, Mask, Ref, U32, UpTo } from "thpcheck";

/** pfn */
export type Pfn = Ref<"page">;
/** Counts what is done to page frames. Can exceed the number of frames: a frame that comes back counts again. */
export type Frames = U32;
/** Counts folios of a list: no more than there are frames. */
export type Folios = UpTo<"frames">;
export type Mm = Ref<"mm">;
export type Vma = Ref<"vma">;
export type AnonVma = Ref<"anonVma">;
export type Avc = Ref<"avc">;
export type Table = Ref<"ptTable">;
export type Cpu = Ref<"cpu">;
export type Reservation = Ref<"resv">;
/** Container of reservations: see `resvs` in reservation.ts. */
export type Container = Ref<"resvs">;
/** swp_entry_t: a slot of the swap device. */
export type SwapSlot = Ref<"swapSlot">;
/** A node of the split queue's lists: see list.ts. */
export type SplitNode = Ref<"splitList">;
/** Virtual page number, or the end of a VMA. */
export type Vpn = UpTo<"vpnMax">;
/** Index of a PMD entry in its mm: vpn / HPAGE_PMD_NR. */
export type PmdIndex = UpTo<"hugeRanges">;
/** Index of a PTE in its table. */
export type PteIndex = UpTo<"pagesPerHugePage">;
/** A page-table entry, PMD or PTE, as one value; see `pgtable.ts`. */
export type Entry = UpTo<"entryMax">;
export type Order = UpTo<"maxOrder">;
/** A set of orders, bit n for order n. */
export type Orders = Mask<10>;
/** What a page contains: 0 is zero-filled; `contents` stands for poison. */
export type Content = UpTo<"contents">;
export type Refs = UpTo<"refcountMax">;
/** 0 or a negative errno. */
export type Errno = Int<-133, 0>;
/** A set of PG_* flags, see `page-flag-word.ts`. */
export type PageFlags = Mask<9>;
/** A set of VM_* flags, see vma.ts; as many bits as VM_FLAGS says. */
export type VmFlags = Mask<8>;
