/**
 * The state before the first step: memory, processes and their VMAs. A scenario's `init` calls this. It makes plain
 * stores, no steps and no events.
 *
 * A thread of a scenario runs on the CPU of the same number and has that CPU's address space. The threads of a
 * process share one, and each counts in mm_users. A CPU without an address space waits for a fork to give it one: its
 * thread begins with `scheduleIn`.
 *
 * `init` maps no pages, because that would be a second copy of the fault path. The first thread faults them in and
 * then opens the gate; the others wait for it. A thread that runs alone costs one state for each step.
 */
import { NONE, at, bool, current, struct, type Routine, type World } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Cpu, Mm, VmFlags, Vma, Vpn } from "../structs/types.ts";
import { bootMemory } from "../page-alloc.ts";
import { bootResvs } from "../thp-reservation/rfc-2018.ts";
import { isRfc2018 } from "../thp-reservation/container.ts";
import { vmaIterStore } from "../vma-tree.ts";

/**
 * Memory is free; process 0 runs on the CPUs 0..threads - 1; nothing is mapped.
 * @model what a scenario starts from
 */
export function boot(k: Kernel, threads: number): Mm {
  bootMemory(k);
  return bootProcess(k, 0, threads);
}

/**
 * One more process, on the CPUs firstCpu..firstCpu + threads - 1, which run nothing yet.
 * @model what exec() leaves behind
 */
export function bootProcess(k: Kernel, firstCpu: Cpu, threads: number): Mm {
  for (let mm = 0; mm < k.mm.count; mm++) {
    if (k.mm.mmCount.get(mm) !== 0) continue;
    k.mm.allocated.set(mm, true);
    k.mm.mmCount.set(mm, 1);
    k.mm.users.set(mm, threads);
    for (let cpu = firstCpu; cpu < firstCpu + threads; cpu++) k.cpu.mm.set(cpu, mm);
    return mm;
  }
  throw new RangeError("boot: there are more processes than address spaces: raise `mms` in kernelConfig()");
}

/**
 * Private anonymous memory at the pages start..end - 1 with these VM_* flags. The caller sees to it that nothing is there.
 * @model what mmap() leaves behind
 */
export function bootVma(k: Kernel, mm: Mm, start: Vpn, end: Vpn, flags: VmFlags): Vma {
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.mm.get(v) !== NONE) continue;
    k.vma.mm.set(v, mm);
    k.vma.start.set(v, start);
    k.vma.end.set(v, end);
    k.vma.pgoff.set(v, start);
    k.vma.flags.set(v, flags);
    vmaIterStore(k, v);
    if (isRfc2018(k) && k.knob.promotionThreshold.get() > 1) bootResvs(k, v);
    return v;
  }
  throw new RangeError("boot: there are more areas than VMA objects: raise `vmas` in kernelConfig()");
}

/**
 * To be spread into the structs of a scenario whose first thread prepares memory for the others.
 * @model the gate is of scenarios, not of the kernel
 */
export function gateStructs() {
  return { gate: struct({ open: bool("the memory that the scenario starts from is there", { guard: "once" }) }) };
}
type Gated = World<ReturnType<typeof gateStructs>>;

/** The first thread is done with its preparations. @model see gateStructs() */
export function* openGate(k: Gated): Routine {
  yield at("open gate");
  k.gate.open.set(true);
}

/** Waits for the preparations. @model see gateStructs() */
export function* passGate(k: Gated): Routine {
  yield at("wait for the gate", () => k.gate.open.get());
}

/** The first step of a forked child: waits until the fork has given this CPU an address space. @kernel kernel/fork.c ret_from_fork() */
export function* scheduleIn(k: Kernel): Routine {
  yield at("ret_from_fork", () => k.cpu.woken.get(current(k)));
}
