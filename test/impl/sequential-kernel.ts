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
import { StraightLine } from "../../checker/compile/straight-line.ts";
import { bitOf } from "../../checker/program/layout.ts";
import { StateBytes, makeWorld } from "../../checker/program/world.ts";
import { boot } from "../../impl/entry/boot.ts";
import type { FieldPath } from "../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { kernelConfig, type KernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import { CALL, CALL_NAMES, CALLS, type ArgsOf, type CallName } from "../../impl/entry/calls.ts";
import { dispatch, sequentialStructs, type SequentialKernel as K } from "../../impl/entry/sequential.ts";
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

/** Calls that no process makes: they run on CPU 0. */
type Unowned = { [N in CallName]: (typeof CALLS)[N]["way"] extends "kernel actor" | "file" ? N : never }[CallName];
const isUnowned = (name: CallName): boolean => CALLS[name].way === "kernel actor" || CALLS[name].way === "file";
type Result<N extends CallName> = (typeof CALLS)[N]["returns"] extends "stored" ? boolean : number;

/** One method a call of calls.ts: the process, the arguments, and, behind them, the choices that the call follows (0: nothing fails). */
type Methods = {
  readonly [N in CallName]: N extends Unowned
    ? (...rest: [...args: ArgsOf<N>, choices?: readonly number[]]) => Result<N>
    : (process: number, ...rest: [...args: ArgsOf<N>, choices?: readonly number[]]) => Result<N>;
};

/** The machine, without the methods. */
class Machine {
  readonly config: KernelConfig;
  /** The state, to be looked at; statistics included. */
  readonly k: World<ReturnType<typeof sequentialStructs>>;
  /** How many choices the last call met that was given any. */
  choicesMade = 0;
  protected readonly run: StraightLine;

  constructor(options: KernelOptions, probes: readonly Probe[] = []) {
    // A program may pin every page of a huge page, and some besides.
    this.config = kernelConfig({ pinsPerThread: Math.max(64, 2 * options.pagesPerHugePage), ...options });
    this.run = new StraightLine(programOf(this.config, options.cpus, probes));
    const { system } = this.run;
    this.k = makeWorld(system.image.plan, new StateBytes(system.vector.buffer), system.image.stateWords * 4);
  }

  /**
   * Carries out a call by a process: the result as the kernel gives it. Throws a RangeError for a call that is not in
   * calls.ts, or another number of arguments than it takes.
   */
  call(process: number, name: CallName, args: readonly (number | boolean | undefined)[], choices: readonly number[] = []): number {
    const row = CALLS[name] as (typeof CALLS)[CallName] | undefined;
    if (row === undefined) throw new RangeError(`there is no call ${String(name)}: it is one of ${CALL_NAMES.join(", ")}`);
    const least = row.args.filter((a) => !("optional" in a)).length;
    if (args.length < least || args.length > row.args.length) {
      const takes = row.args.map((a) => ("optional" in a ? `[${a.name}]` : a.name)).join(", ");
      throw new RangeError(`${name} takes (${takes}), and was given ${args.length} arguments`);
    }
    this.k.call.op.set(CALL[name]);
    return this.probe(process, args.map((a) => Number(a ?? 0)), choices);
  }

  /** Runs what the CPU runs, a probe or the dispatcher, on these words of `k.call`. */
  probe(cpu: number, args: readonly number[], choices: readonly number[] = []): number {
    const { call } = this.k;
    [call.a0, call.a1, call.a2, call.a3, call.a4, call.a5, call.a6, call.a7].forEach((a, i) => a.set(args[i] ?? 0));
    const result = this.run.run(cpu, choices) as number;
    if (choices.length > 0) this.choicesMade = this.run.system.branch().length;
    return result;
  }
}

for (const name of CALL_NAMES) {
  const { returns } = CALLS[name];
  Object.defineProperty(Machine.prototype, name, {
    configurable: true,
    value(this: Machine, ...given: readonly (number | boolean | readonly number[])[]): number | boolean {
      const process = isUnowned(name) ? 0 : (given[0] as number);
      const rest = isUnowned(name) ? given : given.slice(1);
      const args = rest.filter((a) => !Array.isArray(a)) as (number | boolean)[];
      const result = this.call(process, name, args, rest.find((a) => Array.isArray(a)));
      return returns === "stored" ? result === 1 : result;
    },
  });
}
const WithCalls = Machine as unknown as
  new (...args: ConstructorParameters<typeof Machine>) => Machine & Omit<Methods, "processMadvise" | "sysfs">;

/**
 * Process 0 runs on CPU 0 from the start; the other CPUs wait for a fork. Allocations fail only by choices.
 *
 * The methods are the calls of impl/entry/calls.ts, those of the kernel and of files without a process in front.
 */
export class SequentialKernel extends WithCalls {
  /** Starts again with an empty machine: cheaper than to compile another. */
  reset(): void {
    this.run.system.init();
  }

  /**
   * Reads a field of many objects: as `k.struct.field.get`, without its checks, several times as fast. Booleans are 0 or 1.
   * `i`: the object; `j`: the element, of an array.
   */
  column(path: FieldPath): (i: number, j?: number) => number {
    const { image, vector } = this.run.system;
    const f = image.plan.fields.find((field) => field.path === path);
    if (f === undefined || f.lockBase >= 0 || f.role === "statistic") throw new RangeError(`there is no field ${path} to be read`);
    const { min, bits } = f;
    const { u8, u16, u32 } = new StateBytes(vector.buffer);
    const mask = (1 << Math.min(bits, 8)) - 1;
    if (bits === 0) return () => min;
    if (bits <= 8) {
      return (i, j = 0) => {
        const bit = bitOf(f, i, j);
        return ((u8[bit >> 3]! >> (bit & 7)) & mask) + min;
      };
    }
    if (bits <= 16) return (i, j = 0) => u16[bitOf(f, i, j) >> 4]! + min;
    return (i, j = 0) => u32[bitOf(f, i, j) >> 5]! + min;
  }

  /** Remembers the machine as it is now; `back` returns to it, and is cheaper than to do everything again. */
  mark(): { back(): void } {
    const { vector } = this.run.system;
    const then = vector.slice();
    return { back: () => { vector.set(then); } };
  }

  /** Advice about two ranges at most. */
  processMadvise(
    process: number, pid: number, ranges: readonly (readonly [addr: number, length: number])[], advice: number, flags: number,
    capable: boolean,
  ): number {
    const [first = [0, 0], second = [0, 0]] = ranges;
    return this.call(process, "processMadvise", [pid, ...first, ...second, advice, flags, capable]);
  }
  /** Stores content, content + 1, ... to pages one after the other, 1 after the largest. */
  touchEach(process: number, first: number, pages: number, content: number): number {
    return this.touch(process, first, pages, content, 1);
  }
  /** Writes to a file of /sys/kernel/mm/transparent_hugepage. */
  sysfs(file: string, text: string): number {
    const knob = KNOBS[file];
    if (knob === undefined) throw new RangeError(`there is no knob ${file}: it is one of ${Object.keys(KNOBS).join(", ")}`);
    return this.call(0, "sysfs", [knob, parseKnob(knob, text)]);
  }

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
    const lock = this.run.system.image.plan.locks[id]!;
    const bytes = new StateBytes(this.run.system.vector.buffer).u8;
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
