/**
 * What a thread of a scenario, or a sequential program, calls: system calls of the process whose address space the CPU
 * has loaded, with the entry checks and error numbers of the kernel. Addresses and lengths are in pages.
 */
import { NONE, at, current, type Int, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { EINVAL, ENOMEM, ESRCH } from "../errno.ts";
import { dupMm, mmput } from "../fork.ts";
import { splitHugePagesPid } from "../huge-memory/split-debugfs.ts";
import type { Parts } from "../huge-memory/split-parts.ts";
import { mmapWriteLock, mmapWriteUnlock } from "../locking/mmap-lock.ts";
import { doMadvise, processMadvise, type Advice, type IovIter } from "../madvise.ts";
import { doMmap, doMunmap, type AddressOrErrno, type MapFlags } from "../mmap.ts";
import { doMprotect } from "../mprotect.ts";
import { mmget } from "../mm-refs.ts";
import { doMremap, vrmState, type MremapFlags, type VmaRemapStruct } from "../mremap.ts";
import type { Kernel } from "../mm-types.ts";
import {
  MMF_DISABLE_THP_COMPLETELY, MMF_DISABLE_THP_COMPLETELY_BIT, MMF_DISABLE_THP_EXCEPT_ADVISED, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT,
} from "../structs/mm.ts";
import type { Content, Cpu, Errno, Frames, Mm, VmFlags, Vpn } from "../structs/types.ts";
import { switchMm } from "../tlb.ts";
import { userLoad, userStore } from "./user-access.ts";

/** The address space of the caller. @kernel current->mm */
function currentMm(k: Kernel): Mm {
  return k.cpu.mm.get(current(k));
}

/**
 * `addr` NONE: anywhere. `prot`: a subset of VM_READ and VM_WRITE.
 * @returns the address, or as doMmap() @kernel mm/util.c vm_mmap_pgoff()
 */
export function* sysMmap(k: Kernel, addr: AddressOrErrno, length: Vpn, prot: VmFlags, flags: MapFlags): Routine<AddressOrErrno> {
  const mm: Mm = currentMm(k);
  yield* mmapWriteLock(k, mm);
  const result: AddressOrErrno = yield* doMmap(k, mm, addr, length, prot, flags);
  yield* mmapWriteUnlock(k, mm);
  return result;
}

/** @returns as doMunmap() @kernel mm/vma.c __vm_munmap() */
export function* sysMunmap(k: Kernel, addr: Vpn, length: Vpn): Routine<Errno> {
  const mm: Mm = currentMm(k);
  yield* mmapWriteLock(k, mm);
  const err: Errno = yield* doMunmap(k, mm, addr, addr + length, true);
  if (err !== 0) yield* mmapWriteUnlock(k, mm);
  return err;
}

/** @returns as doMprotect() @kernel mm/mprotect.c sys_mprotect() */
export function* sysMprotect(k: Kernel, addr: Vpn, length: Vpn, prot: VmFlags): Routine<Errno> {
  const mm: Mm = currentMm(k);
  yield* mmapWriteLock(k, mm);
  const err: Errno = yield* doMprotect(k, mm, addr, addr + length, prot);
  yield* mmapWriteUnlock(k, mm);
  return err;
}

/** @returns as doMremap() @kernel mm/mremap.c sys_mremap() */
export function* sysMremap(
  k: Kernel, addr: Vpn, oldLength: Vpn, newLength: Vpn, flags: MremapFlags, newAddr: Vpn,
): Routine<AddressOrErrno> {
  const vrm: VmaRemapStruct = vrmState(currentMm(k), addr, oldLength, newLength, flags, newAddr);
  return yield* doMremap(k, vrm);
}

/** @returns as doMadvise() @kernel mm/madvise.c sys_madvise() */
export function* sysMadvise(k: Kernel, addr: Vpn, length: Vpn, advice: Advice): Routine<Errno> {
  return yield* doMadvise(k, currentMm(k), addr, addr + length, advice);
}

/**
 * Advice to the process that runs on CPU `pid`. `capable`: the caller has CAP_SYS_NICE.
 *
 * @returns -EINVAL for flags, before anything else is looked at; -ESRCH; or as processMadvise()
 * @kernel mm/madvise.c sys_process_madvise()
 */
export function* sysProcessMadvise(
  k: Kernel, pid: Cpu, iter: IovIter, advice: Advice, flags: Int<0, 1>, capable: boolean,
): Routine<AddressOrErrno> {
  if (flags !== 0) return -EINVAL;
  yield at("mm_access");
  // task->alloc_lock: what runs there is a user of it, until it has another address space.
  const mm: Mm = k.cpu.mm.once(pid);
  if (mm === NONE) return -ESRCH;
  mmget(k, mm);
  const result: AddressOrErrno = yield* processMadvise(k, mm, iter, advice, capable);
  yield* mmput(k, mm);
  return result;
}

/**
 * Makes a child with a copy of the memory, which runs on CPU `pid` from then on: a CPU without an address space, whose
 * thread begins with scheduleIn().
 *
 * @returns the child's pid, or -ENOMEM
 * @kernel kernel/fork.c kernel_clone()
 */
export function* sysFork(k: Kernel, pid: Cpu): Routine<AddressOrErrno> {
  const child: Mm = yield* dupMm(k, currentMm(k));
  if (child === NONE) return -ENOMEM;
  yield at("wake_up_new_task");
  vmBugOn(k.cpu.mm.get(pid) !== NONE, "fork: the CPU that the child is to run on has an address space already");
  k.cpu.mm.setOnce(pid, child);
  k.cpu.woken.set(pid, true);
  return pid;
}

/**
 * The thread ends; with the last one of its process goes the memory. The CPU has no address space afterwards.
 * @kernel kernel/exit.c exit_mm()
 */
export function* sysExit(k: Kernel): Routine {
  const mm: Mm = currentMm(k);
  yield at("exit_mm");
  switchMm(k, NONE);
  yield* mmput(k, mm);
}

/** PR_THP_DISABLE_EXCEPT_ADVISED of prctl(PR_SET_THP_DISABLE). @kernel include/uapi/linux/prctl.h */
export const PR_THP_DISABLE_EXCEPT_ADVISED = 2;

/**
 * prctl(PR_SET_THP_DISABLE, disable, flags): no huge pages for this process and those it forks; with
 * PR_THP_DISABLE_EXCEPT_ADVISED only for VMAs with MADV_HUGEPAGE, and by MADV_COLLAPSE.
 *
 * @returns 0 or -EINVAL
 * @kernel kernel/sys.c prctl_set_thp_disable()
 */
export function* sysSetThpDisable(k: Kernel, disable: boolean, flags: Int<0, 3>): Routine<Errno> {
  const mm: Mm = currentMm(k);
  const known = k.param.thpDisableExceptAdvised.get() !== 0 ? PR_THP_DISABLE_EXCEPT_ADVISED : 0;
  if ((flags & ~known) !== 0 || (!disable && flags !== 0)) return -EINVAL;
  yield* mmapWriteLock(k, mm);
  const exceptAdvised: boolean = (flags & PR_THP_DISABLE_EXCEPT_ADVISED) !== 0;
  if (disable && !exceptAdvised) k.mm.flags.insert(mm, MMF_DISABLE_THP_COMPLETELY_BIT);
  else k.mm.flags.remove(mm, MMF_DISABLE_THP_COMPLETELY_BIT);
  // Two bits, one after the other; faults read them without mmap_lock for writing being in their way.
  yield at("mm_flags_set");
  if (disable && exceptAdvised) k.mm.flags.insert(mm, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT);
  else k.mm.flags.remove(mm, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT);
  yield* mmapWriteUnlock(k, mm);
  return 0;
}

/** prctl(PR_GET_THP_DISABLE). @returns 0; 1: no huge pages; 3: none except where advised @kernel kernel/sys.c prctl_get_thp_disable() */
export function* sysGetThpDisable(k: Kernel): Routine<Int<0, 3>> {
  yield at("mm_flags_test");
  const flags = k.mm.flags.get(currentMm(k));
  if ((flags & MMF_DISABLE_THP_COMPLETELY) !== 0) return 1;
  return (flags & MMF_DISABLE_THP_EXCEPT_ADVISED) !== 0 ? 1 | PR_THP_DISABLE_EXCEPT_ADVISED : 0;
}

/**
 * Writes "pid,start,end,order,offset" to /sys/kernel/debug/split_huge_pages: splits the large folios that the process which runs
 * on CPU `pid` maps there. `parts`: order and offset, see split-parts.ts.
 *
 * @returns folios split (the kernel prints it); -ESRCH
 * @kernel mm/huge_memory.c split_huge_pages_write()
 */
export function* sysSplitHugePages(k: Kernel, pid: Cpu, addr: Vpn, length: Vpn, parts: Parts): Routine<AddressOrErrno> {
  yield at("get_task_mm");
  // task->alloc_lock: what runs there is a user of it, until it has another address space.
  const mm: Mm = k.cpu.mm.once(pid);
  if (mm === NONE) return -ESRCH;
  mmget(k, mm);
  const split: Frames = yield* splitHugePagesPid(k, mm, addr, addr + length, parts);
  yield* mmput(k, mm);
  return split;
}

/** A load by the process itself. @returns as userLoad() @kernel arch/x86/mm/fault.c */
export function* load(k: Kernel, vpn: Vpn): Routine<Content> {
  return yield* userLoad(k, currentMm(k), vpn);
}

/** A store by the process itself. @returns as userStore() @kernel arch/x86/mm/fault.c */
export function* store(k: Kernel, vpn: Vpn, content: Content): Routine<boolean> {
  return yield* userStore(k, currentMm(k), vpn, content);
}
