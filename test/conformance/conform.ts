/**
 * `thpcheck conform`: the hand-written programs, random ones, and what was recorded on other kernels; on this machine's
 * kernel, or in guests on others.
 */
import { availableParallelism } from "node:os";
import { onInterruption } from "../../checker/cli/interruption.ts";
import { readJson } from "../../checker/files.ts";
import { UsageError } from "../../checker/usage-error.ts";
import type { RealKernel } from "./agent-talk.ts";
import { BEYOND_CASES, CASES, GUEST_CASES, type Case } from "./cases.ts";
import { compare } from "./compare.ts";
import { drawn, shrunk, sideBySide, type Drawn } from "./drawn.ts";
import { GuestPool } from "./guest/guest-pool.ts";
import { guestOptions, machineOptions, type GuestFlags } from "./guest/guest-flags.ts";
import { NoModule } from "./guest/modules.ts";
import { whyNoGuests, type GuestOptions, type Lru } from "./guest/qemu.ts";
import { kernelsFor, NotFetched, refuseUnknownKernel, type KernelImage } from "./guest/store.ts";
import { alteredIn } from "./altered.ts";
import { HostKernel, hostLru, whyNot } from "./host.ts";
import { ImplKernel, ImplKernels } from "./implementation.ts";
import { judge, type Judgement } from "./judge.ts";
import type { Observations } from "./observation.ts";
import { lackedBy, programFromJson, type Program, type ProgramJson } from "./program.ts";
import { BASE, recordings } from "./recording.ts";
import { Recorder, type RecordOptions } from "./recorder.ts";
import { disagreement, milestonesText, observations, statisticsText } from "./report.ts";
import { concernsOthers } from "./sizes.ts";
import { Statistics } from "./statistics.ts";
import { Tally } from "./tally.ts";

export interface ConformFlags extends GuestFlags {
  readonly programs: number;
  readonly seed: number;
  /** A file with one program. */
  readonly program?: string;
  /** Keep what this kernel says of the hand-written programs. */
  readonly record?: boolean;
  /** The recordings alone. */
  readonly recorded?: boolean;
  /** With `record`: what is recorded already as well. */
  readonly anew?: boolean;
  /** With `program`: print what was observed after each step on both sides. */
  readonly show?: boolean;
  /** Go on after a disagreement, and make no program smaller. */
  readonly keepGoing?: boolean;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** What a judgement of a recording says of the real kernel. */
const RECORDED = { crash: null, died: null, steps: 0, disturbed: 0 } as const;
const NO_SPLIT = 'the call "split" needs debugfs\' split_huge_pages, which cannot be opened here (lockdown?)';
const SHOW_WHAT = "--show prints the steps of one program: name its file with --program";
/** Milliseconds between two lines that say how far it is. */
const PROGRESS_MS = 10_000;

interface OfFile {
  readonly file: string;
  readonly program: Program;
}
/** Seconds since a moment of performance.now(), as they are printed. */
const secondsSince = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
/** A program, with the name under which it is spoken of. */
type Named = Pick<Case, "name" | "program">;

class Conform {
  readonly #flags: ConformFlags;
  /** The program of `--program`. */
  readonly #only: OfFile | null;
  readonly #tally = new Tally();
  /** The skipped ones that this machine's kernel cannot run, though it runs others. */
  #splits = 0;
  /** The outcomes of the programs were said: they are nearly the same on every kernel, since the programs are. */
  #statisticsTold = false;

  /** Throws a UsageError for a program that is not well formed. */
  constructor(flags: ConformFlags) {
    this.#flags = flags;
    const { program: file } = flags;
    this.#only = file === undefined ? null : { file, program: readProgram(file) };
  }

  async run(): Promise<number> {
    const { show, program, kernel, record, recorded } = this.#flags;
    if (show === true && program === undefined) throw new UsageError(SHOW_WHAT);
    const release = onInterruption(() => { this.#tally.interrupted = true; });
    try {
      if (recorded === true) this.#recorded();
      else await (kernel === undefined ? this.#onHost() : this.#onGuests(kernel));
    } finally {
      release();
    }
    return record === true ? 0 : this.#end();
  }

  async #onHost(): Promise<void> {
    const why = whyNot();
    this.#recorded();
    if (why !== null) {
      this.#skip(why, 1);
      return;
    }
    const host = await HostKernel.start();
    const altered = await alteredIn(host);
    // One program that somebody asks for is shown all the same.
    if (altered !== null && this.#only === null) {
      await host.stop();
      this.#skip(altered, 1);
      return;
    }
    if (altered !== null) say(`note: ${altered}`);
    if (this.#flags.record === true) await this.#recordHost(host);
    else await this.#on(host, "", hostLru());
  }

  async #onGuests(wanted: string): Promise<void> {
    refuseUnknownKernel(wanted);
    const why = whyNoGuests();
    if (why !== null) {
      this.#skip(why, 1);
      return;
    }
    const options = guestOptions(this.#flags);
    const modules = options.swap?.on === "zram" || options.modules.length > 0;
    const images = await kernelsFor(wanted, { modules, said: say }).catch((e: unknown) => {
      if (!(e instanceof NotFetched)) throw e;
      return e;
    });
    if (images instanceof NotFetched) {
      this.#skip(images.message.split("\n")[0]!, 1);
      return;
    }
    // The one that the others are told from comes first.
    const isBase = (image: KernelImage): number => Number(this.#flags.record === true && image.release === BASE);
    const ordered = images.toSorted((a, b) => isBase(b) - isBase(a));
    if (images.length === 0) this.#skip("no kernel is here yet: npx thpcheck kernels --fetch", 1);
    for (const image of ordered) if (!this.#tally.interrupted) await this.#onGuest(image, options);
  }

  async #onGuest(image: KernelImage, given: GuestOptions): Promise<void> {
    const unknown = ImplKernel.whyNot(image.release);
    if (unknown !== null) {
      this.#skip(`${unknown} (Linux ${image.name})`, 1);
      return;
    }
    const width = this.#flags.guests ?? (this.#only === null ? availableParallelism() : 1);
    if (this.#flags.record === true) {
      await this.#recordGuest(image, given, width);
      return;
    }
    const machine = this.#only?.program.machine;
    const options = machine === undefined ? given : { ...machineOptions(machine), lru: given.lru, compaction: given.compaction };
    const pool = await GuestPool.start(image, width, options);
    say(`Linux ${image.uname}: ${width === 1 ? "a guest" : `${width} guests`}, booted in ${(pool.bootMs / 1000).toFixed(1)} s`);
    const words = `${this.#flags.lru === undefined ? "" : ` --lru ${this.#flags.lru}`}${
      this.#flags.compaction === undefined ? "" : ` --compaction ${this.#flags.compaction}`}`;
    await this.#on(pool, ` --kernel ${image.name}${words}`, options.lru);
  }

  #skip(why: string, kernels: number): void {
    const programs = this.#only === null ? CASES.length + this.#flags.programs : 1;
    this.#tally.skipped += kernels * programs;
    say(`SKIP: ${why}; ${programs} programs were not run on a real kernel`);
  }

  /** `guest`: what names the kernel on the command line; empty for this machine's. */
  async #on(kernel: RealKernel, guest: string, lru: Lru | null): Promise<void> {
    try {
      // Only on the lists of generations does a fault make a page referenced, which it stays.
      const classic = lru === "classic" ? { faultMarksReferenced: false, usedStaysReferenced: false } : {};
      const impl = new ImplKernel(kernel.release, classic);
      if (this.#only !== null) await this.#judgeOnly(this.#only, kernel, impl);
      else {
        await this.#cases(kernel, impl, guest);
        await this.#random(kernel, impl, guest);
      }
    } finally {
      await kernel.stop();
    }
  }

  #end(): number {
    if (this.#splits > 0) say(`SKIP: ${NO_SPLIT}; programs that were not run on a real kernel: ${this.#splits}`);
    return this.#tally.end(say);
  }

  // ---- parts -----------------------------------------------------------------------------------------------------

  /** Where no kernel can be asked, and everywhere else too. */
  #recorded(): void {
    if (this.#flags.program !== undefined || this.#flags.record === true) return;
    const impls = new ImplKernels();
    for (const { kernel, runs: all } of recordings()) {
      const impl = impls.of(kernel);
      const runs = all.map((r) => ({ ...r, program: programFromJson(r.program) })).filter(({ program }) => lackedBy(program).length === 0);
      let agree = 0;
      for (const { name, program, seen } of runs) {
        const found = this.#implRun(impl, program, (mine) => ({ ...compare([seen], mine), real: seen, impl: mine, ...RECORDED }), seen);
        if (this.#count({ name: `recorded: ${name}`, program }, found, kernel, "")) agree++;
      }
      const more = all.length - runs.length;
      say(`recorded on Linux ${kernel}: ${agree} of ${runs.length} agree${more === 0 ? "" : `; of ${more} more impl/ lacks a part`}`);
    }
  }

  /** The program of a file. */
  async #judgeOnly({ file, program }: OfFile, kernel: RealKernel, impl: ImplKernel): Promise<void> {
    const lacked = lackedBy(program);
    if (kernel.can(program) && lacked.length > 0) {
      this.#tally.skipped++;
      say(`SKIP: impl/ lacks ${lacked.join(", ")}, and was not asked`);
      const real = await kernel.run(program);
      if (this.#flags.show === true) say(observations(program, real, null));
      return;
    }
    if (!kernel.can(program)) {
      this.#cannot(1);
      if (this.#flags.show === true) say(observations(program, null, impl.run(program)));
      return;
    }
    const found = await this.#judge(program, kernel, impl);
    if (this.#flags.show === true) say(observations(program, found.real, found.impl));
    this.#count({ name: file, program }, found, kernel.release, "");
  }

  #cannot(programs: number): void {
    this.#tally.skipped += programs;
    this.#splits += programs;
  }

  async #cases(kernel: RealKernel, impl: ImplKernel, guest: string): Promise<void> {
    const cases = guest === "" ? CASES : [...CASES, ...GUEST_CASES];
    const able = cases.filter(({ program }) => kernel.can(program));
    this.#cannot(cases.length - able.length);
    const start = performance.now();
    const found = await this.#judgeAll(able, kernel, impl);
    const agree = able.filter((c, i) => found[i] !== undefined && this.#count(c, found[i], kernel.release, guest)).length;
    const beyond = guest === "" ? "" : `; of ${BEYOND_CASES.length} more impl/ lacks a part: they are recorded, and not compared`;
    say(`hand-written, on Linux ${kernel.release}: ${agree} of ${able.length} agree, in ${secondsSince(start)}${beyond}`);
  }

  /** In the order of the programs; without those that were not begun, since there was an end. */
  async #judgeAll(all: readonly Named[], kernel: RealKernel, impl: ImplKernel, stop: (found: Judgement) => boolean = () => false) {
    const found: Judgement[] = [];
    let stopped = false;
    let shown = performance.now();
    await sideBySide(all, kernel.width, async ({ program }, place) => {
      found[place] = await this.#judge(program, kernel, impl);
      stopped ||= stop(found[place]);
      if (performance.now() - shown > PROGRESS_MS) {
        shown = performance.now();
        say(`  ${found.filter((f) => f.difference === null).length} of ${all.length} agree`);
      }
    }, () => stopped || this.#tally.interrupted);
    return found;
  }

  async #random(kernel: RealKernel, impl: ImplKernel, guest: string): Promise<void> {
    const { programs: wanted, seed, keepGoing } = this.#flags;
    if (wanted === 0 || this.#tally.interrupted) return;
    const statistics = new Statistics(impl.collapsesToSizes);
    const { able, unable } = drawn(seed, wanted, (p) => kernel.can(p), (p) => guest !== "" || !concernsOthers(p));
    this.#cannot(unable);
    const start = performance.now();
    const named = able.map((d) => ({ ...d, name: `random program ${d.index}, seed ${seed}` }));
    const found = await this.#judgeAll(named, kernel, impl, ({ difference }) => keepGoing !== true && difference !== null);
    let first: { readonly one: Named & Drawn; readonly found: Judgement } | null = null;
    for (const [i, one] of named.entries()) {
      const f = found[i];
      if (f === undefined) continue;
      if (f.difference !== null && keepGoing !== true) {
        first = { one, found: f };
        break;
      }
      if (this.#count(one, f, kernel.release, guest)) statistics.add(one.program, f.impl);
    }
    if (first !== null) await this.#smaller(first.one, first.found, kernel, impl, guest);
    say(`random, seed ${seed}, on Linux ${kernel.release}: ${statistics.programs} of ${wanted} agree, in ${secondsSince(start)}`);
    say(this.#statisticsTold ? milestonesText(statistics) : statisticsText(statistics));
    this.#statisticsTold = true;
  }

  async #smaller(
    first: Named & Drawn, asFound: Judgement, kernel: RealKernel, impl: ImplKernel, guest: string,
  ): Promise<void> {
    say(`${first.name} disagrees; making it smaller`);
    const { program, found } = await shrunk(this.#flags.seed, first, asFound, async (p) => {
      if (!kernel.can(p) || this.#tally.interrupted) return null;
      const anew = await this.#judge(p, kernel, impl);
      return anew.difference === null ? null : anew;
    });
    this.#count({ name: first.name, program }, found, kernel.release, guest);
  }

  async #recordHost(host: HostKernel): Promise<void> {
    const recorder = new Recorder(host.release, this.#recordOptions(), (p) => host.can(p), say);
    try {
      for (const { cases } of recorder.batches()) await recorder.run(cases, host, new ImplKernel(host.release), this.#stopped);
    } finally {
      await host.stop();
    }
    if (!this.#tally.interrupted) recorder.save();
  }

  /** A guest for each machine that a program takes. */
  async #recordGuest(image: KernelImage, options: GuestOptions, width: number): Promise<void> {
    const recorder = new Recorder(image.release, this.#recordOptions(), () => true, say);
    const impl = new ImplKernel(image.release);
    for (const { machine, cases } of recorder.batches()) {
      const pool = await this.#booted(image, width, machine === undefined ? options : machineOptions(machine));
      if (pool === null) continue;
      try {
        await recorder.run(cases, pool, impl, this.#stopped);
      } finally {
        await pool.stop();
      }
    }
    if (!this.#tally.interrupted) recorder.save();
  }

  /** Null: there is no such module for this kernel. */
  async #booted(image: KernelImage, width: number, options: GuestOptions): Promise<GuestPool | null> {
    try {
      return await GuestPool.start(image, width, options);
    } catch (e) {
      if (!(e instanceof NoModule)) throw e;
      say(`SKIP: ${e.message}`);
      return null;
    }
  }

  readonly #stopped = (): boolean => this.#tally.interrupted;

  #recordOptions(): RecordOptions {
    const { programs, seed, anew } = this.#flags;
    return { programs, seed, anew: anew === true };
  }

  // ---- one program -----------------------------------------------------------------------------------------------

  #judge(program: Program, kernel: RealKernel, impl: ImplKernel): Promise<Judgement> {
    return judge(program, kernel, { run: (p) => this.#timed(impl, p) });
  }

  #timed(impl: Pick<ImplKernel, "run">, program: Program): Observations {
    const start = process.cpuUsage();
    try {
      return impl.run(program);
    } finally {
      const { user, system } = process.cpuUsage(start);
      this.#tally.implMs += (user + system) / 1000;
      this.#tally.implPrograms++;
    }
  }

  #implRun(impl: Pick<ImplKernel, "run">, program: Program, then: (mine: Observations) => Judgement, real: Observations): Judgement {
    try {
      return then(this.#timed(impl, program));
    } catch (e) {
      const difference = { step: 0, real: null, impl: null };
      return { difference, observations: 0, suppressed: {}, real, impl: [], ...RECORDED, crash: e as Error };
    }
  }

  #count({ name, program }: Named, found: Judgement, kernel: string, guest: string): boolean {
    this.#tally.add(found);
    if (found.difference === null) this.#tally.passed++;
    else {
      this.#tally.failed++;
      say(disagreement(name, program, found, kernel, guest));
    }
    return found.difference === null;
  }
}

/** The program of a file. Throws a UsageError that says what is wrong with it. */
function readProgram(file: string): Program {
  const json = readJson(file, (why) => new UsageError(`the program ${file} ${why}`));
  try {
    return programFromJson(json as ProgramJson);
  } catch (e) {
    if (e instanceof RangeError) throw new UsageError(`${file}: ${e.message}`);
    throw e;
  }
}

export async function runConform(flags: ConformFlags): Promise<void> {
  process.exitCode = await new Conform(flags).run();
}
