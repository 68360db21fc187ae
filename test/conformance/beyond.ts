/**
 * Operations that take a machine of one's own, or that no part of `impl/` stands for yet. Guests carry them out, and what they say is
 * recorded. Each names what `impl/` lacks for it, by its arguments, and a program that has one is kept for the day when it is there.
 * Random programs have none of them.
 */
import type { Words } from "../../impl/entry/calls.ts";

const PAGE = { name: "page", type: { kind: "page" } } as const;
const PAGES = { name: "pages", type: { kind: "pages", from: ["page"] } } as const;
const number = (name: string) => ({ name, type: { kind: "number" } }) as const;
const word = <W extends Words>(name: string, words: W) => ({ name, type: { kind: "word", words } }) as const;

/** @kernel include/uapi/asm-generic/mman-common.h */
export const BEYOND_ADVICE = { PAGEOUT: 21, HWPOISON: 100, SOFT_OFFLINE: 101, GUARD_INSTALL: 102, GUARD_REMOVE: 103 } as const;
const LACKED_BY_ADVICE: Readonly<Record<number, string>> = {
  21: "swap", 100: "memory failure", 101: "memory failure", 102: "guard regions", 103: "guard regions",
};

/** Counters by name, of `/proc/vmstat`, `/proc/meminfo` (kB) and hugepages-<size>/stats. They are told from the program's start on. */
export const COUNTED = [
  "pswpin", "pswpout", "swpout_zero", "pglazyfreed", "pgmigrate_success", "thp_swpout", "thp_underused_split_page", "thp_migration_success",
  "thp_split_page", "thp_split_page_failed", "thp_split_pmd", "thp_deferred_split_page", "thp_collapse_alloc", "HardwareCorrupted",
  "Mlocked",
  ...[16, 64, 1024].flatMap((kib) => ["nr_anon", "split", "split_failed", "split_deferred", "swpout", "swpin"].map((s) => `${kib}kB/${s}`)),
  "2048kB/swpout", "2048kB/swpin", "2048kB/split_failed", "2048kB/collapse_alloc", "64kB/collapse_alloc", "64kB/nr_anon_partially_mapped",
] as const;
/** The files of hugepages-<size>kB/stats that `impl/` has, in the order of a line of them; what the others say is added up behind. */
export const STATS = [
  "anon_fault_alloc", "anon_fault_fallback", "anon_fault_fallback_charge", "swpout_fallback", "split", "split_failed", "split_deferred",
  "nr_anon", "nr_anon_partially_mapped", "collapse_alloc", "collapse_alloc_failed", "collapse_exceed_none_pte",
  "collapse_exceed_swap_pte", "collapse_exceed_shared_pte",
] as const;
const SIZES: Words = Object.fromEntries([16, 32, 64, 128, 256, 512, 1024, 2048].map((kib) => [`${kib}kB`, kib]));
/** In the order of `words` of agent/beyond.c, which answers with these numbers. */
export const SIZE_WORDS = { never: 0, madvise: 1, always: 2, inherit: 3 } as const;
/** @kernel include/uapi/linux/kernel-page-flags.h */
const PAGE_FLAGS = { ksm: 21, thp: 22, unevictable: 18, mlocked: 33, hwpoison: 19 } as const;

export /** Counters of COUNTED that `impl/` has: see sizes.ts. */
const IN_IMPL = /^thp_(split_page|split_page_failed|split_pmd|deferred_split_page|collapse_alloc)$|kB\/(split|nr_anon|collapse_alloc)/;
const nothing = (): null => null;

/** What each takes, and what `impl/` lacks: always the same, or by the arguments. */
export const BEYOND = {
  /** debugfs' split_huge_pages, to folios of that order. */
  split_to: { args: [PAGE, PAGES, number("order")], lacks: nothing },
  /** madvise(). Of a signal: 1000 + 100 * si_code + si_addr_lsb. */
  advise: { args: [PAGE, PAGES, word("advice", BEYOND_ADVICE)],
    lacks: (args: readonly number[]) => LACKED_BY_ADVICE[args[2]!] ?? "advice" },
  /** Reads one page; of a signal what `advise` says. */
  touch: { args: [PAGE], lacks: "memory failure" },
  mlock: { args: [PAGE, PAGES], lacks: "mlock()" },
  munlock: { args: [PAGE, PAGES], lacks: "mlock()" },
  /** mbind(MPOL_BIND, MPOL_MF_MOVE) to a node. */
  bind: { args: [PAGE, PAGES, number("node")], lacks: "NUMA" },
  /** move_pages() of one page: its status, which is the node where it is. */
  move_page: { args: [PAGE, number("node")], lacks: "NUMA" },
  node_of: { args: [PAGE], lacks: "NUMA" },
  /** migrate_pages() from a node to another: pages that could not be moved. */
  migrate: { args: [number("from"), number("to")], lacks: "NUMA" },
  /** 4 clears soft-dirty bits, 1 accessed bits. */
  clear_refs: { args: [word("what", { "accessed": 1, "soft-dirty": 4 })], lacks: "soft-dirty bits" },
  /** How many of the pages are soft-dirty. */
  soft_dirty: { args: [PAGE, PAGES], lacks: "soft-dirty bits" },
  /** How many of the pages PAGEMAP_SCAN calls written. */
  written: { args: [PAGE, PAGES], lacks: "PAGEMAP_SCAN's category \"written\"" },
  /** A bit of /proc/kpageflags. */
  page_flag: { args: [PAGE, word("flag", PAGE_FLAGS)], lacks: "all bits of /proc/kpageflags" },
  /** hugepages-<size>/enabled. Set back when the program ends. */
  size: { args: [word("size", SIZES), word("enabled", SIZE_WORDS)], lacks: nothing },
  /** The word of that file before programs were run. "all": transparent_hugepage/enabled itself. */
  word_at_boot: { args: [word("size", { ...SIZES, all: 0 })], lacks: "words of the files of sizes at boot" },
  count: { args: [word("counter", Object.fromEntries(COUNTED.map((name, i) => [name, i])))], 
    lacks: (args: readonly number[]) => (IN_IMPL.test(COUNTED[args[0]!]!) ? null : "counters by name") },
  /** debugfs' split_huge_pages, toward the page of that offset in the folio. */
  split_at: { args: [PAGE, PAGES, number("order"), number("offset")], lacks: nothing },
  /** From here on each step also tells the folios that entries map, with their orders. */
  folios: { args: [], lacks: nothing },
  /** Every file of hugepages-<size>kB/stats, of each size, told from the program's start on. */
  stats: { args: [], lacks: nothing },
  /** memory.max of a control group that the process is put into. */
  memory_max: { args: [PAGES], lacks: "limits of control groups" },
  /** memory.reclaim of such a group. */
  reclaim: { args: [PAGES], lacks: "reclaim by control group" },
} as const;
export type BeyondOperation = keyof typeof BEYOND;
