/** A kernel that runs threads one after the other, from beginning to end, and shows its state. */
import { StraightLine } from "../../checker/compile/straight-line.ts";
import { StateBytes, makeWorld } from "../../checker/program/world.ts";
import { holds, scenario, type ProgramScenario, type Routine } from "thpcheck";
import { kernelStructs, type Kernel, type KernelStructs } from "../../impl/mm-types.ts";
import { kernelConfig, type KernelOptions } from "../../impl/config/options.ts";

export type KernelThread = (k: Kernel) => Routine<unknown>;
export type KernelOptionsBesideCpus = Omit<KernelOptions, "cpus">;

export const SMALL: KernelOptionsBesideCpus = { pagesPerHugePage: 2, hugeRanges: 2, frames: 12, mms: 1 };

/** A scenario of kernel threads by name; CPU i runs the i-th. */
export function kernelScenario(threads: Readonly<Record<string, KernelThread>>, init: (k: Kernel) => void, options: Partial<KernelOptionsBesideCpus> = {}, properties: Partial<ProgramScenario<KernelStructs>> = {}): ProgramScenario {
  const config = kernelConfig({ ...SMALL, ...options, cpus: Object.keys(threads).length });
  const s = scenario<KernelStructs>({
    name: "kernel-test", why: "a test of a room", tier: "quick", config, structs: kernelStructs(config),
    init: (k) => {
      init(k);
      withAddressSpaces(k);
    },
    threads: Object.entries(threads).map(([name, run]) => ({ name, run })),
    expect: holds(), ...properties,
  });
  // What compiles and runs a scenario does not know its structs.
  return s as unknown as ProgramScenario;
}

/** Where a test has booted no process, its address spaces are in use all the same: nobody frees them. */
function withAddressSpaces(k: Kernel): void {
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.mmCount.get(mm) > 0) return;
  for (let mm = 0; mm < k.mm.count; mm++) k.mm.mmCount.set(mm, 1);
}

/** Runs threads by name; `k` shows the state at any time. */
export class StraightKernel {
  readonly k: Kernel;
  readonly #line: StraightLine;
  readonly #names: readonly string[];

  constructor(s: ProgramScenario) {
    this.#line = new StraightLine(s);
    this.#names = s.threads.map((t) => t.name);
    const { system } = this.#line;
    this.k = makeWorld<KernelStructs>(system.image.plan, new StateBytes(system.vector.buffer), system.stateWords * 4);
  }

  /** Runs the thread from its beginning to its end; what it returns. Throws the fault of a step. */
  run(name: string, choices: readonly number[] = []): unknown {
    return this.#line.run(this.#names.indexOf(name), choices);
  }

  /** Back to the initial state. */
  restart(): void {
    this.#line.system.init();
  }

  /** The free blocks of each order, in list order. */
  freeBlocks(): number[][] {
    const { k } = this;
    return Array.from({ length: k.param.hpagePmdOrder.get() + 1 }, (_, order) => {
      const blocks: number[] = [];
      for (let b = k.zone.free.get(order); b >= 0; b = k.page.next.get(b)) blocks.push(b);
      return blocks;
    });
  }
}
