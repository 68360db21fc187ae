/**
 * A kernel that carries out system calls one after the other: processes by number, addresses and lengths in pages.
 *
 *     const s = new SequentialKernel({ pagesPerHugePage: 4, hugeRanges: 3, frames: 32, mms: 2, cpus: 2 });
 *     s.mmap(0, 0, 8, RW, MAP_FIXED);
 *     s.store(0, 3, 1);
 *     s.fork(0, 1);
 *     expect(s.load(1, 3)).toBe(1);
 *
 * A call ends with the result that the kernel would give, or throws the StepFault of a broken assertion.
 */
import { holds, type LockId, type ProgramScenario, type Routine, type World } from "thpcheck";
import { StraightLine } from "../../checker/compile/compile.ts";
import { StateBytes, makeWorld } from "../../checker/program/world.ts";
import { boot } from "../../impl/entry/boot.ts";
import type { FieldPath } from "../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { kernelConfig, type KernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import {
  CALL_EXIT, CALL_FORK, CALL_GET_THP_DISABLE, CALL_GUP, CALL_KHUGEPAGED, CALL_LOAD, CALL_LRU_ADD_DRAIN_ALL, CALL_MADVISE, CALL_MMAP, CALL_MPROTECT, CALL_MREMAP, CALL_MUNMAP, CALL_PAGE_STORE, CALL_PROCESS_MADVISE, CALL_PUT_PAGE, CALL_SPLIT_HUGE_PAGES, CALL_STORE, CALL_SYSFS, CALL_THP_DISABLE,
  CALL_TOUCH, dispatch, sequentialStructs, type SequentialKernel as K,
} from "../../impl/entry/sequential.ts";
import { KNOBS, parseKnob } from "../../impl/sysfs.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";

export const RW = VM_READ | VM_WRITE;

function init(k: K): void {
  boot(k, 1);
}

/** A part of the kernel that no system call reaches by itself, called with the arguments of `k.call`. */
export type Probe = (k: K) => Routine<number>;

/** The last CPUs run the probes. */
function programOf(config: KernelConfig, cpus: number, probes: readonly Probe[]): ProgramScenario {
  const program: ProgramScenario<ReturnType<typeof sequentialStructs>> = {
    name: "sequential", why: "system calls, one after the other", tier: "quick",
    config, structs: sequentialStructs(config), init,
    threads: Array.from({ length: cpus }, (_, n) => ({ name: `process${n}`, run: probes[n - cpus + probes.length] ?? dispatch })),
    expect: holds(),
  };
  return program as unknown as ProgramScenario;
}

/** Process 0 runs on CPU 0 from the start; the other CPUs wait for a fork. Allocations fail only by `choices`. */
export class SequentialKernel {
  readonly config: KernelConfig;
  /** The state, to be looked at; statistics included. */
  readonly k: World<ReturnType<typeof sequentialStructs>>;
  /** How many choices the last call met that was given any. */
  choicesMade = 0;
  readonly #run: StraightLine;

  constructor(options: KernelOptions, probes: readonly Probe[] = []) {
    this.config = kernelConfig(options);
    this.#run = new StraightLine(programOf(this.config, options.cpus, probes));
    const { system } = this.#run;
    this.k = makeWorld(system.image.plan, new StateBytes(system.vector.buffer), system.image.stateWords * 4);
  }

  /** Carries out a CALL_* by a process, following `choices` where there are any (0: nothing fails). */
  call(process: number, op: number, args: readonly number[], choices: readonly number[] = []): number {
    const { call } = this.k;
    call.op.set(op);
    [call.a0, call.a1, call.a2, call.a3, call.a4, call.a5, call.a6, call.a7].forEach((a, i) => a.set(args[i] ?? 0));
    const result = this.#run.run(process, choices) as number;
    if (choices.length > 0) this.choicesMade = this.#run.system.branch().length;
    return result;
  }

  /** Starts again with an empty machine: cheaper than to compile another. */
  reset(): void {
    this.#run.system.init();
  }

  /**
   * Reads a field of many objects: as `k.struct.field.get`, without its checks, several times as fast. Booleans are 0 or 1.
   * `i`: the object; `j`: the element, of an array.
   */
  column(path: FieldPath): (i: number, j?: number) => number {
    const { image, vector } = this.#run.system;
    const f = image.plan.fields.find((field) => field.path === path);
    if (f === undefined || f.lockBase >= 0 || f.role === "statistic") throw new RangeError(`there is no field ${path} to be read`);
    const { offset, stride, elementStride, shift, min, bits } = f;
    const { u8, u16, u32 } = new StateBytes(vector.buffer);
    const mask = (1 << Math.min(bits, 8)) - 1;
    if (bits === 0) return () => min;
    if (bits <= 8) return (i, j = 0) => ((u8[offset + i * stride + j * elementStride]! >> (bits < 8 ? shift : 0)) & mask) + min;
    if (bits <= 16) return (i, j = 0) => u16[(offset + i * stride + j * elementStride) >> 1]! + min;
    return (i, j = 0) => u32[(offset + i * stride + j * elementStride) >> 2]! + min;
  }

  /** Remembers the machine as it is now; `back` returns to it, and is cheaper than to do everything again. */
  mark(): { back(): void } {
    const { vector } = this.#run.system;
    const then = vector.slice();
    return { back: () => { vector.set(then); } };
  }

  mmap(process: number, addr: number, length: number, prot: number, flags: number, choices?: readonly number[]): number { return this.call(process, CALL_MMAP, [addr, length, prot, flags], choices); }
  munmap(process: number, addr: number, length: number, choices?: readonly number[]): number { return this.call(process, CALL_MUNMAP, [addr, length], choices); }
  mprotect(process: number, addr: number, length: number, prot: number, choices?: readonly number[]): number { return this.call(process, CALL_MPROTECT, [addr, length, prot], choices); }
  mremap(process: number, addr: number, oldLength: number, newLength: number, flags: number, newAddr = 0, choices?: readonly number[]): number {
    return this.call(process, CALL_MREMAP, [addr, oldLength, newLength, flags, newAddr], choices);
  }
  madvise(process: number, addr: number, length: number, advice: number, choices?: readonly number[]): number { return this.call(process, CALL_MADVISE, [addr, length, advice], choices); }
  processMadvise(process: number, pid: number, ranges: readonly (readonly [addr: number, length: number])[], advice: number, flags: number, capable: boolean): number {
    const [first = [0, 0], second = [0, 0]] = ranges;
    return this.call(process, CALL_PROCESS_MADVISE, [pid, ...first, ...second, advice, flags, capable ? 1 : 0]);
  }
  /** The child is process `pid`. */
  fork(process: number, pid: number, choices?: readonly number[]): number { return this.call(process, CALL_FORK, [pid], choices); }
  exit(process: number): void { this.call(process, CALL_EXIT, []); }
  thpDisable(process: number, disable: boolean, flags: number): number { return this.call(process, CALL_THP_DISABLE, [disable ? 1 : 0, flags]); }
  getThpDisable(process: number): number { return this.call(process, CALL_GET_THP_DISABLE, []); }
  /** Through debugfs, by process 0: folios split. */
  splitHugePages(pid: number, addr: number, length: number): number { return this.call(0, CALL_SPLIT_HUGE_PAGES, [pid, addr, length]); }
  /** The frame behind a page, with a reference or pin (FOLL_*); `fast`: without locks if possible. */
  getUserPage(process: number, vpn: number, flags: number, fast: boolean): number { return this.call(process, CALL_GUP, [vpn, flags, fast ? 1 : 0]); }
  putUserPage(process: number, page: number, pinned: boolean): void { this.call(process, CALL_PUT_PAGE, [page, pinned ? 1 : 0]); }
  /** A device, or ptrace, stores to a page that is held and that the process maps at `vpn`. */
  pageStore(process: number, vpn: number, page: number, content: number): void { this.call(process, CALL_PAGE_STORE, [vpn, page, content]); }
  /** The content; `config.contents` for a signal. */
  load(process: number, vpn: number): number { return this.call(process, CALL_LOAD, [vpn]); }
  /** False: a signal. */
  store(process: number, vpn: number, content: number, choices?: readonly number[]): boolean { return this.call(process, CALL_STORE, [vpn, content], choices) === 1; }
  /** Stores to many pages; how many before a signal. */
  touch(process: number, first: number, pages: number, content: number): number { return this.call(process, CALL_TOUCH, [first, pages, content]); }
  /** Stores content, content + 1, ... to pages one after the other, 1 after the largest. */
  touchEach(process: number, first: number, pages: number, content: number): number { return this.call(process, CALL_TOUCH, [first, pages, content, 1]); }
  /** Writes to a file of /sys/kernel/mm/transparent_hugepage. */
  sysfs(file: string, text: string): number {
    const knob = KNOBS[file];
    if (knob === undefined) throw new RangeError(`there is no knob ${file}: it is one of ${Object.keys(KNOBS).join(", ")}`);
    return this.call(0, CALL_SYSFS, [knob, parseKnob(knob, text)]);
  }
  khugepaged(): void { this.call(0, CALL_KHUGEPAGED, []); }
  lruAddDrainAll(): void { this.call(0, CALL_LRU_ADD_DRAIN_ALL, []); }

  // ---- looking ---------------------------------------------------------------------------------------------------

  /** The invariants that do not hold now, with what they found. */
  violations(): readonly string[] {
    return INVARIANTS.flatMap((i) => {
      const found = i.excuse(this.k) || i.holds(this.k);
      return found === true ? [] : [`${i.id} ${i.name}: ${JSON.stringify(found)}`];
    });
  }
  /** Lets somebody who is no process of this machine hold a folio's lock. */
  lockFolio(folio: number): { release(): void } { return this.hold(this.k.page.lock.at(folio)); }
  /** The same for any spinlock or mutex. */
  hold(id: LockId): { release(): void } {
    const lock = this.#run.system.image.plan.locks[id]!;
    const bytes = new StateBytes(this.#run.system.vector.buffer).u8;
    bytes[lock.offset] = 255;
    return { release: () => { bytes[lock.offset] = 0; } };
  }
  /** An event counter of /proc/vmstat. */
  vmstat(name: keyof World<ReturnType<typeof sequentialStructs>>["vmstat"]): number {
    return (this.k.vmstat[name] as { get(): number }).get();
  }
  /** The areas of a process in order: [start, end, flags, pgoff]. */
  areas(process: number): readonly (readonly [number, number, number, number])[] {
    const { k } = this;
    const mm = k.cpu.mm.get(process);
    return Array.from({ length: this.config.vmas }, (_, v) => v).filter((v) => k.vma.mm.get(v) === mm && !k.vma.detached.get(v))
      .map((v) => [k.vma.start.get(v), k.vma.end.get(v), k.vma.flags.get(v), k.vma.pgoff.get(v)] as const).sort((a, b) => a[0] - b[0]);
  }
  /** Page-table entry that maps the page, and whether it is a PMD. */
  entry(process: number, vpn: number): { readonly value: number; readonly huge: boolean } {
    const h = this.config.pagesPerHugePage;
    const pmd = this.k.mm.pmd.get(this.k.cpu.mm.get(process), Math.floor(vpn / h));
    const table = pmd >> 9;
    const isTable = (pmd & 0b1000_0001) === 1;
    return isTable ? { value: this.k.ptTable.pte.get(table, vpn % h), huge: false } : { value: pmd, huge: pmd !== 0 };
  }
  /** The frame behind a page, or -1. */
  frame(process: number, vpn: number): number {
    const e = this.entry(process, vpn);
    if ((e.value & 0b1_0000_0001) === 0) return -1;
    return (e.value >> 9) + (e.huge ? vpn % this.config.pagesPerHugePage : 0);
  }
  isHuge(process: number, vpn: number): boolean { return this.entry(process, vpn).huge; }
  writable(process: number, vpn: number): boolean { return (this.entry(process, vpn).value & 2) !== 0; }
}
