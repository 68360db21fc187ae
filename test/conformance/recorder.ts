/**
 * Records what a kernel says of the hand-written programs and of the random ones that all kernels have. What is recorded of a
 * program already is kept, so that a new one costs a boot and no more.
 */
import { KernelDied, type RealKernel } from "./agent-talk.ts";
import { BEYOND_CASES, CASES, GUEST_CASES, type Case } from "./cases.ts";
import { compare, isOfOthers } from "./compare.ts";
import { drawn, sideBySide } from "./drawn.ts";
import type { ImplKernel } from "./implementation.ts";
import type { Observations } from "./observation.ts";
import { lackedBy, programFromJson, programToJson, type GuestMachine, type Program } from "./program.ts";
import { BASE, pack, type RecordedRun, Recordings } from "./recording.ts";

/** How often a program is run to be recorded, if other processes disturb it. */
const RUNS_MAX = 10;
/** What names of random programs in recordings begin with. */
const RANDOM = "random ";

export interface RecordOptions {
  /** Random programs that are drawn where none are recorded yet, and their seed. */
  readonly programs: number;
  readonly seed: number;
  /** What is recorded already as well. */
  readonly anew: boolean;
}
/** Programs that one kernel can run. */
export interface Batch {
  readonly machine: GuestMachine | undefined;
  readonly cases: readonly Case[];
}

export class Recorder {
  readonly #store = new Recordings();
  readonly #release: string;
  readonly #before: ReadonlyMap<string, RecordedRun>;
  readonly #cases: readonly Case[];
  readonly #said: (text: string) => void;
  readonly #runs = new Map<string, RecordedRun>();
  /** Programs whose run was taken, and is not kept from before. */
  #ran = 0;

  /** `can`: whether the kernel can run the program. */
  constructor(release: string, options: RecordOptions, can: (program: Program) => boolean, said: (text: string) => void) {
    this.#release = release;
    this.#said = said;
    this.#before = new Map((options.anew ? null : this.#store.of(release))?.runs.map((r) => [r.name, r]));
    this.#cases = [...CASES, ...GUEST_CASES, ...BEYOND_CASES, ...this.#random(options)].filter(({ program }) => can(program));
    for (const c of this.#cases) if (this.#isKnown(c)) this.#runs.set(c.name, this.#before.get(c.name)!);
  }

  /**
   * Those that BASE was recorded with, so that all kernels have the same ones whatever is drawn of that seed today. They are
   * drawn where BASE has none, or is recorded anew.
   */
  #random({ seed, programs, anew }: RecordOptions): readonly Case[] {
    const isNew = this.#release === BASE && anew;
    const known = isNew ? [] : (this.#store.of(BASE)?.runs ?? []).filter(({ name }) => name.startsWith(RANDOM));
    if (known.length > 0) return known.map(({ name, program }) => ({ name, program: programFromJson(program) }));
    return drawn(seed, programs, () => true).able.map(({ index, program }) => ({ name: `${RANDOM}${index}, seed ${seed}`, program }));
  }

  #isKnown({ name, program }: Case): boolean {
    return JSON.stringify(this.#before.get(name)?.program) === JSON.stringify(programToJson(program));
  }

  /** What is to be run yet, by the machine that it takes; that without wishes first. */
  batches(): readonly Batch[] {
    const by = new Map<string, Case[]>();
    for (const c of this.#cases.filter(({ name }) => !this.#runs.has(name))) {
      const key = JSON.stringify(c.program.machine ?? null);
      by.set(key, [...by.get(key) ?? [], c]);
    }
    return [...by].sort(([a], [b]) => Number(b === "null") - Number(a === "null"))
      .map(([, cases]) => ({ machine: cases[0]!.program.machine, cases }));
  }

  /** Runs them. `stop`: no more are begun. */
  async run(cases: readonly Case[], kernel: RealKernel, impl: ImplKernel, stop: () => boolean): Promise<void> {
    await sideBySide(cases, kernel.width, async ({ name, program }) => {
      const seen = await this.#steady(name, program, kernel, impl);
      if (seen === null) return;
      this.#runs.set(name, { name, program: programToJson(program), seen });
      this.#ran++;
    }, stop);
  }

  /** Writes the file. */
  save(): void {
    const runs = this.#cases.flatMap(({ name }) => this.#runs.get(name) ?? []);
    const file = this.#store.save({ kernel: this.#release, runs });
    this.#said(`recorded ${this.#ran} programs, and kept ${runs.length - this.#ran}, in ${file}`);
  }

  /** A run that nobody disturbed: one that agrees, if there is one; of what `impl/` lacks a part for, one that is seen twice. */
  async #steady(name: string, program: Program, kernel: RealKernel, impl: ImplKernel): Promise<Observations | null> {
    try {
      if (lackedBy(program).length > 0) return await this.#twice(name, program, kernel);
      const seen = await undisturbed(program, kernel, impl);
      if (seen === null) this.#said(`others moved counters in each run of "${name}", and it is not recorded`);
      return seen;
    } catch (e) {
      if (!(e instanceof KernelDied)) throw e;
      this.#said(`"${name}" is the end of Linux ${this.#release}: ${e.message}\n${e.console.map((line) => `    ${line}`).join("\n")}`);
      return null;
    }
  }

  async #twice(name: string, program: Program, kernel: RealKernel): Promise<Observations | null> {
    const seen = new Set<string>();
    for (let run = 0; run < RUNS_MAX; run++) {
      const now = await kernel.run(program);
      const text = JSON.stringify(pack(now));
      if (seen.has(text)) return now;
      seen.add(text);
    }
    this.#said(`"${name}" never gave the same twice on Linux ${this.#release}, and is not recorded`);
    return null;
  }
}

/** Others may move counters meanwhile. Null: they did each time, and what the program itself does cannot be told. */
async function undisturbed(program: Program, kernel: RealKernel, impl: ImplKernel): Promise<Observations | null> {
  const mine = impl.run(program);
  for (let run = 1; ; run++) {
    const seen = await kernel.run(program);
    if (compare([seen], mine).difference === null) return seen;
    if (run >= RUNS_MAX) return seen.some((lines) => lines.some(isOfOthers)) ? null : seen;
  }
}
