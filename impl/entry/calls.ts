/**
 * The ways into the kernel, one row a call: its arguments, and the error numbers that it can return. From these rows
 * follow the cases of `carryOut` (carry-out.ts), the methods of the sequential kernel, the words of conformance
 * programs, the operations of their agent, and what random programs are made of.
 *
 * A call that is not in the table is an error wherever one is named. How a call is added: its routine (syscalls.ts), a
 * row here, a case in carry-out.ts, and for a system call a case in test/conformance/agent/process.c.
 */
import type * as ERRNO from "../errno.ts";
import { FOLL_DUMP, FOLL_FORCE, FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE } from "../gup.ts";
import {
  MADV_COLD, MADV_COLLAPSE, MADV_DOFORK, MADV_DONTFORK, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_NOHUGEPAGE,
  MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WIPEONFORK,
} from "../madvise.ts";
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_STACK } from "../mmap.ts";
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../mremap.ts";
import { VM_READ, VM_WRITE } from "../structs/vma.ts";
import { KNOBS } from "../sysfs.ts";
import { PR_THP_DISABLE_EXCEPT_ADVISED } from "./syscalls.ts";

// ---- what an argument can be -----------------------------------------------------------------------------------

/** Numbers under the names that programs have for them. */
export type Words = Readonly<Record<string, number>>;

export type ArgType =
  /** A page of the address space, by number (Vpn). */
  | { readonly kind: "page" }
  /** A length in pages. `from`: the arguments that name its first page. */
  | { readonly kind: "pages"; readonly from: readonly string[] }
  /** The CPU on which a process runs, which is its number. */
  | { readonly kind: "process" }
  /** A page frame (Pfn), as getUserPage gives it. */
  | { readonly kind: "frame" }
  /** What a page holds: 0..param.contents - 1. */
  | { readonly kind: "content" }
  /** 0 or 1; `true` and `false` where TypeScript calls. */
  | { readonly kind: "switch" }
  /** Any number; the routine says which it takes. */
  | { readonly kind: "number" }
  /** One of the named numbers. A routine takes the others, too, and refuses them as the kernel does. */
  | { readonly kind: "word"; readonly words: Words }
  /** A subset of the named bits. */
  | { readonly kind: "flags"; readonly words: Words };

export interface Arg {
  readonly name: string;
  readonly type: ArgType;
  /** May be left out: then it is 0. */
  readonly optional?: true;
}

const PAGE = { kind: "page" } as const;
const PROCESS = { kind: "process" } as const;
const CONTENT = { kind: "content" } as const;
const SWITCH = { kind: "switch" } as const;
const NUMBER = { kind: "number" } as const;
const FRAME = { kind: "frame" } as const;
const addr = { name: "addr", type: PAGE } as const;
const length = { name: "length", type: { kind: "pages", from: ["addr"] } } as const;
const vpn = { name: "vpn", type: PAGE } as const;
const content = { name: "content", type: CONTENT } as const;
const pid = { name: "pid", type: PROCESS } as const;

/** @kernel include/uapi/asm-generic/mman-common.h PROT_* */
export const PROT = { none: 0, r: VM_READ, w: VM_WRITE, rw: VM_READ | VM_WRITE } as const;
/** "-": where there is room. @kernel include/uapi/linux/mman.h MAP_* */
export const MAP = {
  "-": 0, "fixed": MAP_FIXED, "noreplace": MAP_FIXED | MAP_FIXED_NOREPLACE,
  "stack": MAP_STACK, "fixed stack": MAP_FIXED | MAP_STACK, "noreplace stack": MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_STACK,
} as const;
/** The combinations that are refused, too. @kernel include/uapi/linux/mman.h MREMAP_* */
export const MREMAP = {
  "-": 0, "maymove": MREMAP_MAYMOVE, "fixed": MREMAP_MAYMOVE | MREMAP_FIXED, "fixed-without-maymove": MREMAP_FIXED,
  "dontunmap": MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, "dontunmap-without-maymove": MREMAP_DONTUNMAP, "unknown": 8,
} as const;
/** @kernel include/uapi/asm-generic/mman-common.h MADV_* */
export const ADVICE = {
  DONTNEED: MADV_DONTNEED, FREE: MADV_FREE, DONTFORK: MADV_DONTFORK, DOFORK: MADV_DOFORK,
  HUGEPAGE: MADV_HUGEPAGE, NOHUGEPAGE: MADV_NOHUGEPAGE,
  WIPEONFORK: MADV_WIPEONFORK, KEEPONFORK: MADV_KEEPONFORK,
  POPULATE_READ: MADV_POPULATE_READ, POPULATE_WRITE: MADV_POPULATE_WRITE,
  COLLAPSE: MADV_COLLAPSE, COLD: MADV_COLD, PAGEOUT: MADV_PAGEOUT, UNKNOWN: 31,
} as const;
/** @kernel include/uapi/linux/prctl.h PR_THP_DISABLE_* */
export const THP_DISABLE = { "all": 0, "unknown": 1, "except-advised": PR_THP_DISABLE_EXCEPT_ADVISED } as const;
/** @kernel include/linux/mm_types.h FOLL_* */
export const FOLL = { write: FOLL_WRITE, pin: FOLL_PIN, force: FOLL_FORCE, longterm: FOLL_LONGTERM, dump: FOLL_DUMP } as const;

const advice = { name: "advice", type: { kind: "word", words: ADVICE } } as const;
const prot = { name: "prot", type: { kind: "word", words: PROT } } as const;

// ---- the rows --------------------------------------------------------------------------------------------------

export type ErrnoName = keyof typeof ERRNO;
/** Error numbers that a call can return, each with the reason. */
export type Errnos = Readonly<Partial<Record<ErrnoName, string>>>;

/**
 * The caller: a process; its user code, by a load or store; the kernel itself; root, by a file of sysfs or debugfs;
 * or a test, through a function that the kernel has for its own parts only.
 */
export type Way = "system call" | "user access" | "kernel actor" | "file" | "test door";

export interface CallRow {
  readonly way: Way;
  /** File and entry point of the kernel. */
  readonly source: string;
  /** At most 8, the words of `k.call`. */
  readonly args: readonly Arg[];
  /** What is returned if it is no error. "stored": 1, or 0 for a signal. */
  readonly returns: "nothing" | "0" | "an address" | "a count" | "a frame" | "a process" | "flags" | "content" | "stored";
  readonly errnos: Errnos;
}

const MADVISE_ERRNOS = {
  EINVAL: "unknown advice, an impossible range, or not for this area; MADV_COLLAPSE: a range cannot become a huge page",
  ENOMEM: "part of the range is not mapped (the rest is advised), or there is no memory",
  EAGAIN: "no memory to cut an area; MADV_COLLAPSE: a page was in use for a moment",
  EBUSY: "MADV_COLLAPSE: the memory cgroup is full, or a limit of khugepaged's",
  EFAULT: "MADV_POPULATE_*: the access would get SIGBUS",
  EHWPOISON: "MADV_POPULATE_*: a page is poisoned",
} as const;

/** In the order of their numbers. */
export const CALLS = {
  mmap: {
    way: "system call", source: "mm/mmap.c SYSCALL_DEFINE6(mmap_pgoff)", returns: "an address",
    args: [addr, length, prot, { name: "flags", type: { kind: "word", words: MAP } }],
    errnos: { EINVAL: "the range is empty", EEXIST: "MAP_FIXED_NOREPLACE: something is mapped there", ENOMEM: "no room, or no memory" },
  },
  munmap: {
    way: "system call", source: "mm/mmap.c SYSCALL_DEFINE2(munmap)", returns: "0", args: [addr, length],
    errnos: { EINVAL: "the range is empty or impossible", ENOMEM: "no memory to cut an area" },
  },
  mprotect: {
    way: "system call", source: "mm/mprotect.c SYSCALL_DEFINE3(mprotect)", returns: "0", args: [addr, length, prot],
    errnos: { EINVAL: "unknown protection, or an impossible range", ENOMEM: "part of the range is not mapped, or no memory" },
  },
  mremap: {
    way: "system call", source: "mm/mremap.c SYSCALL_DEFINE5(mremap)", returns: "an address",
    args: [
      addr, { name: "oldLength", type: { kind: "pages", from: ["addr"] } },
      { name: "newLength", type: { kind: "pages", from: ["addr", "newAddr"] } },
      { name: "flags", type: { kind: "word", words: MREMAP } }, { name: "newAddr", type: PAGE, optional: true },
    ],
    errnos: {
      EINVAL: "flags that do not go together, a length of nothing, or ranges that overlap",
      EFAULT: "not mapped; or it is to be resized and is not in one area", ENOMEM: "no room to grow, or no memory",
    },
  },
  madvise: {
    way: "system call", source: "mm/madvise.c SYSCALL_DEFINE3(madvise)", returns: "0", args: [addr, length, advice],
    errnos: MADVISE_ERRNOS,
  },
  processMadvise: {
    way: "system call", source: "mm/madvise.c SYSCALL_DEFINE5(process_madvise)", returns: "a count",
    args: [
      pid, addr, length, { name: "addr2", type: PAGE }, { name: "length2", type: { kind: "pages", from: ["addr2"] } }, advice,
      { name: "flags", type: NUMBER }, { name: "capable", type: SWITCH },
    ],
    errnos: { ...MADVISE_ERRNOS, EPERM: "without CAP_SYS_NICE", ESRCH: "the process has ended" },
  },
  fork: {
    way: "system call", source: "kernel/fork.c SYSCALL_DEFINE0(fork)", returns: "a process", args: [pid],
    errnos: { ENOMEM: "no memory for the copies" },
  },
  exit: { way: "system call", source: "kernel/exit.c SYSCALL_DEFINE1(exit)", returns: "nothing", args: [], errnos: {} },
  thpDisable: {
    way: "system call", source: "kernel/sys.c SYSCALL_DEFINE5(prctl) PR_SET_THP_DISABLE", returns: "0",
    args: [{ name: "disable", type: SWITCH }, { name: "flags", type: { kind: "word", words: THP_DISABLE } }],
    errnos: { EINVAL: "unknown flags, or flags without `disable`" },
  },
  getThpDisable: {
    way: "system call", source: "kernel/sys.c SYSCALL_DEFINE5(prctl) PR_GET_THP_DISABLE", returns: "flags", args: [], errnos: {},
  },
  load: { way: "user access", source: "arch/x86/mm/fault.c do_user_addr_fault()", returns: "content", args: [vpn], errnos: {} },
  store: { way: "user access", source: "arch/x86/mm/fault.c do_user_addr_fault()", returns: "stored", args: [vpn, content], errnos: {} },
  /** Stores to many pages. `stride` 1: the next content to each next page. */
  touch: {
    way: "user access", source: "arch/x86/mm/fault.c do_user_addr_fault()", returns: "a count",
    args: [addr, length, content, { name: "stride", type: NUMBER, optional: true }], errnos: {},
  },
  sysfs: {
    way: "file", source: "mm/huge_memory.c enabled_store(), mm/khugepaged.c *_store()", returns: "0",
    args: [{ name: "knob", type: { kind: "word", words: KNOBS } }, { name: "value", type: NUMBER }],
    errnos: { EINVAL: "out of the knob's range" },
  },
  /** One scan. */
  khugepaged: { way: "kernel actor", source: "mm/khugepaged.c khugepaged_do_scan()", returns: "nothing", args: [], errnos: {} },
  lruAddDrainAll: { way: "kernel actor", source: "mm/swap.c lru_add_drain_all()", returns: "nothing", args: [], errnos: {} },
  /** `toward`: the offset in the folio, as its n-th page, from 1 on; without one into parts of one order. */
  splitHugePages: {
    way: "file", source: "mm/huge_memory.c split_huge_pages_write()", returns: "a count",
    args: [pid, addr, length, { name: "order", type: NUMBER, optional: true }, { name: "toward", type: NUMBER, optional: true }],
    errnos: { ESRCH: "the process has ended" },
  },
  /** What vmsplice(), io_uring and drivers do. `fast`: without locks first. */
  getUserPage: {
    way: "test door", source: "mm/gup.c get_user_pages_fast(), get_user_pages()", returns: "a frame",
    args: [vpn, { name: "flags", type: { kind: "flags", words: FOLL } }, { name: "fast", type: SWITCH }],
    errnos: { EFAULT: "not mapped, not permitted, or no memory" },
  },
  putUserPage: {
    way: "test door", source: "mm/gup.c unpin_user_page(), include/linux/mm.h put_page()", returns: "nothing",
    args: [{ name: "frame", type: FRAME }, { name: "pinned", type: SWITCH }], errnos: {},
  },
  /** A device, or ptrace, stores to a frame that is pinned for writing, and that the process still maps at `vpn`. */
  pageStore: {
    way: "test door", source: "mm/gup.c unpin_user_pages_dirty_lock()", returns: "nothing",
    args: [vpn, { name: "frame", type: FRAME }, content], errnos: {},
  },
} as const satisfies Readonly<Record<string, CallRow>>;

export type CallName = keyof typeof CALLS;
export const CALL_NAMES = Object.keys(CALLS) as readonly CallName[];

/** What `k.call.op` holds for each call: its place in the table. */
export const CALL = Object.fromEntries(CALL_NAMES.map((name, n) => [name, n])) as Readonly<Record<CallName, number>>;

// ---- as types --------------------------------------------------------------------------------------------------

type Value<A extends Arg> = A["type"]["kind"] extends "switch" ? boolean : number;
type Values<A extends readonly Arg[]> = A extends readonly [infer First extends Arg, ...infer Rest extends readonly Arg[]]
  ? (First extends { readonly optional: true } ? [Value<First>?, ...Values<Rest>] : [Value<First>, ...Values<Rest>])
  : [];
/** The arguments of a call, in order. */
export type ArgsOf<N extends CallName> = Values<(typeof CALLS)[N]["args"]>;
