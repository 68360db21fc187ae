/** Preparations that all kinds of faults share: mm/memory.c. */
import { at, NONE, type Routine } from "thpcheck";
import { mmapReadTrylock, mmapReadUnlock, vmaEndRead } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import { MMF_UNSTABLE_BIT } from "../structs/mm.ts";
import type { Errno, Mm } from "../structs/types.ts";
import { anonVmaPrepare } from "../anon-vma.ts";
import {
  FAULT_FLAG_VMA_LOCK, VM_FAULT_DONE, VM_FAULT_OOM, VM_FAULT_RETRY, VM_FAULT_SIGBUS, type VmFault, type VmFaultReason,
} from "../vm-fault.ts";

/**
 * Makes sure that the VMA has an anon_vma. That needs mmap_lock (a neighbour's may be shared). A fault that holds the
 * VMA lock alone only tries mmap_lock: a writer that has mmap_lock may be waiting for that VMA lock. If the trylock
 * fails, the fault starts again.
 *
 * @kernel mm/memory.c vmf_anon_prepare(), __vmf_anon_prepare()
 * @holds the VMA lock (FAULT_FLAG_VMA_LOCK), which is released with VM_FAULT_RETRY, or mmap_lock, for reading
 */
export function* vmfAnonPrepare(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  yield at("vmf_anon_prepare");
  if (k.vma.anonVma.once(vmf.vma) !== NONE) return VM_FAULT_DONE;
  const byVmaLock: boolean = (vmf.flags & FAULT_FLAG_VMA_LOCK) !== 0;
  const mm: Mm = k.vma.mm.get(vmf.vma);
  if (byVmaLock) {
    yield at("mmap_read_trylock");
    if (!mmapReadTrylock(k, mm)) {
      vmaEndRead(k, vmf.vma);
      return VM_FAULT_RETRY;
    }
  }
  const error: Errno = yield* anonVmaPrepare(k, vmf.vma);
  if (byVmaLock) yield* mmapReadUnlock(k, mm);
  return error === 0 ? VM_FAULT_DONE : VM_FAULT_OOM;
}

/**
 * Fails a fault in an address space whose memory the OOM reaper may have taken.
 * @kernel include/linux/oom.h check_stable_address_space()
 */
export function* checkStableAddressSpace(k: Kernel, mm: Mm): Routine<VmFaultReason> {
  const unstable: boolean = k.mm.flags.has(mm, MMF_UNSTABLE_BIT);
  // The flag is set where fork fails, and nowhere else: what follows is a step of its own only where that can be.
  if (k.param.allocationMayFail.get() !== 0) yield at("check_stable_address_space");
  return unstable ? VM_FAULT_SIGBUS : VM_FAULT_DONE;
}
