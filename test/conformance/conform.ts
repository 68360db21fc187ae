/**
 * `thpcheck conform`: the hand-written programs, random ones, and what was recorded on other kernels; on this machine's
 * kernel, or in guests on others.
 */
import { availableParallelism } from "node:os";
import { readJson } from "../../checker/files.ts";
import { UsageError } from "../../checker/usage-error.ts";
import type { RealKernel } from "./agent-talk.ts";
import { CASES, type Case } from "./cases.ts";
import { compare } from "./compare.ts";
import { drawn, shrunk, sideBySide, type Drawn } from "./drawn.ts";
import { GuestPool } from "./guest/guest-pool.ts";
import { guestOptions, type GuestFlags } from "./guest/guest-flags.ts";
import { whyNoGuests } from "./guest/qemu.ts";
import { kernelsFor, NotFetched, type KernelImage } from "./guest/store.ts";
import { HostKernel, whyNot } from "./host.ts";
import { ImplKernel } from "./implementation.ts";
import { judge, type Judgement } from "./judge.ts";
import type { Observations } from "./observation.ts";
import { programFromJson, programToJson, type Program, type ProgramJson } from "./program.ts";
import { BASE, Recordings, recordings, type RecordedRun } from "./recording.ts";
import { disagreement, observations, statisticsText } from "./report.ts";
import { Statistics } from "./statistics.ts";
import { Tally } from "./tally.ts";

export interface ConformFlags extends GuestFlags {
  readonly programs: number;
  readonly seed: number;
  /** A file with one program. */
  readonly program?: string;
  /** Keep what this kernel says of the hand-written programs. */
  readonly record?: boolean;
  /** With `record`: what is recorded already as well. */
  readonly anew?: boolean;
  /** With `program`: print what was observed after each step on both sides. */
  readonly show?: boolean;
  /** Go on after a disagreement, and make no program smaller. */
  readonly keepGoing?: boolean;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** What names of random programs in recordings begin with. */
const RANDOM = "random ";
/** How often a program is run to be recorded, if other processes disturb it. */
const RECORDED_RUNS_MAX = 10;
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
/** A program, with the name under which it is spoken of. */
type Named = Pick<Case, "name" | "program">;

class Conform {
  readonly #flags: ConformFlags;
  /** The program of `--program`. */
  readonly #only: OfFile | null;
  readonly #tally = new Tally();
  /** The skipped ones that this machine's kernel cannot run, though it runs others. */
  #splits = 0;
  /** What the programs have reached was said: it is the same on every kernel, since they are. */
  #statisticsTold = false;

  /** Throws a UsageError for a program that is not well formed. */
  constructor(flags: ConformFlags) {
    this.#flags = flags;
    const { program: file } = flags;
    this.#only = file === undefined ? null : { file, program: readProgram(file) };
  }

  async run(): Promise<number> {
    const { show, program, kernel, record } = this.#flags;
    if (show === true && program === undefined) throw new UsageError(SHOW_WHAT);
    const stop = (): void => { this.#tally.interrupted = true; };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    try {
      await (kernel === undefined ? this.#onHost() : this.#onGuests(kernel));
    } finally {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    }
    return record === true ? 0 : this.#end();
  }

  async #onHost(): Promise<void> {
    const why = whyNot();
    this.#recorded();
    if (why !== null) this.#skip(why, 1);
    else await this.#on(await HostKernel.start(), "");
  }

  async #onGuests(wanted: string): Promise<void> {
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

  async #onGuest(image: KernelImage, options: ReturnType<typeof guestOptions>): Promise<void> {
    const unknown = ImplKernel.whyNot(image.release);
    if (unknown !== null) {
      this.#skip(`${unknown} (Linux ${image.name})`, 1);
      return;
    }
    const width = this.#flags.guests ?? (this.#only === null ? availableParallelism() : 1);
    const pool = await GuestPool.start(image, width, options);
    say(`Linux ${image.uname}: ${width === 1 ? "a guest" : `${width} guests`}, booted in ${(pool.bootMs / 1000).toFixed(1)} s`);
    await this.#on(pool, ` --kernel ${image.name}`);
  }

  #skip(why: string, kernels: number): void {
    const programs = this.#only === null ? CASES.length + this.#flags.programs : 1;
    this.#tally.skipped += kernels * programs;
    say(`SKIP: ${why}; ${programs} programs were not run on a real kernel`);
  }

  /** `guest`: what names the kernel on the command line; empty for this machine's. */
  async #on(kernel: RealKernel, guest: string): Promise<void> {
    try {
      const impl = new ImplKernel(kernel.release);
      if (this.#only !== null) await this.#judgeOnly(this.#only, kernel, impl);
      else if (this.#flags.record === true) await this.#record(kernel, impl);
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
    for (const { kernel, runs } of recordings()) {
      const impl = new ImplKernel(kernel);
      let agree = 0;
      for (const { name, program: json, seen } of runs) {
        const program = programFromJson(json);
        const found = this.#implRun(impl, program, (mine) => ({ ...compare([seen], mine), real: seen, impl: mine, ...RECORDED }), seen);
        if (this.#count({ name: `recorded: ${name}`, program }, found, kernel, "")) agree++;
      }
      say(`recorded on Linux ${kernel}: ${agree} of ${runs.length} agree`);
    }
  }

  /** The program of a file. */
  async #judgeOnly({ file, program }: OfFile, kernel: RealKernel, impl: ImplKernel): Promise<void> {
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
    const able = CASES.filter(({ program }) => kernel.can(program));
    this.#cannot(CASES.length - able.length);
    const found = await this.#judgeAll(able, kernel, impl);
    const agree = able.filter((c, i) => found[i] !== undefined && this.#count(c, found[i], kernel.release, guest)).length;
    say(`hand-written, on Linux ${kernel.release}: ${agree} of ${able.length} agree`);
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
    const statistics = new Statistics();
    const { able, unable } = drawn(seed, wanted, (p) => kernel.can(p));
    this.#cannot(unable);
    const named = able.map((d) => ({ ...d, name: `random program ${d.index}, seed ${seed}` }));
    const found = await this.#judgeAll(named, kernel, impl, ({ difference }) => keepGoing !== true && difference !== null);
    let first: (Named & Drawn) | null = null;
    for (const [i, one] of named.entries()) {
      const f = found[i];
      if (f === undefined) continue;
      if (f.difference !== null && keepGoing !== true) {
        first = one;
        break;
      }
      if (this.#count(one, f, kernel.release, guest)) statistics.add(one.program, f.impl);
    }
    if (first !== null) await this.#smaller(first, kernel, impl, guest);
    say(`random, seed ${seed}, on Linux ${kernel.release}: ${statistics.programs} of ${wanted} agree`);
    if (!this.#statisticsTold) say(statisticsText(statistics));
    this.#statisticsTold = true;
  }

  async #smaller(first: Named & Drawn, kernel: RealKernel, impl: ImplKernel, guest: string): Promise<void> {
    say(`${first.name} disagrees; making it smaller`);
    let last: Judgement | null = null;
    const program = await shrunk(this.#flags.seed, first, async (p) => {
      if (!kernel.can(p) || this.#tally.interrupted) return false;
      const found = await this.#judge(p, kernel, impl);
      if (found.difference === null) return false;
      last = found;
      return true;
    });
    // What disagreed once and agrees now has been disturbed: it is shown as it was first found.
    this.#count({ name: first.name, program }, last ?? await this.#judge(first.program, kernel, impl), kernel.release, guest);
  }

  /** What is recorded of a program already is kept, unless all is to be recorded anew. */
  async #record(kernel: RealKernel, impl: ImplKernel): Promise<void> {
    const { anew, programs, seed } = this.#flags;
    const store = new Recordings();
    const before = new Map((anew === true ? null : store.of(kernel.release))?.runs.map((r) => [r.name, r]));
    const runs: RecordedRun[] = [];
    let kept = 0;
    await sideBySide(this.#toRecord(store, kernel, seed, programs), kernel.width, async ({ name, program }, place) => {
      const json = programToJson(program);
      const known = before.get(name);
      const isKnown = JSON.stringify(known?.program) === JSON.stringify(json);
      if (isKnown) kept++;
      runs[place] = isKnown ? known! : { name, program: json, seen: await this.#undisturbed(program, kernel, impl) };
    }, () => this.#tally.interrupted);
    if (this.#tally.interrupted) return;
    const file = store.save({ kernel: kernel.release, runs });
    say(`recorded ${runs.length - kept} programs, and kept ${kept}, in ${file}`);
  }

  /**
   * The hand-written programs, and random ones: those that BASE was recorded with, so that all kernels have the same ones
   * whatever is drawn of that seed today. They are drawn where BASE has none, or is recorded anew.
   */
  #toRecord(store: Recordings, kernel: RealKernel, seed: number, count: number): readonly Named[] {
    const isNew = kernel.release === BASE && this.#flags.anew === true;
    const known = isNew ? [] : (store.of(BASE)?.runs ?? []).filter(({ name }) => name.startsWith(RANDOM));
    const random = known.length > 0
      ? known.map(({ name, program }) => ({ name, program: programFromJson(program) }))
      : drawn(seed, count, (p) => kernel.can(p)).able.map(({ index, program }) => ({ name: `${RANDOM}${index}, seed ${seed}`, program }));
    return [...CASES, ...random].filter(({ program }) => kernel.can(program));
  }

  /** A run in which nobody else moved the counters: one that agrees, if there is one. */
  async #undisturbed(program: Program, kernel: RealKernel, impl: ImplKernel): Promise<Observations> {
    let seen = await kernel.run(program);
    const mine = impl.run(program);
    for (let run = 1; run < RECORDED_RUNS_MAX && compare([seen], mine).difference !== null; run++) seen = await kernel.run(program);
    return seen;
  }

  // ---- one program -----------------------------------------------------------------------------------------------

  #judge(program: Program, kernel: RealKernel, impl: ImplKernel): Promise<Judgement> {
    return judge(program, kernel, { run: (p) => this.#timed(impl, p) });
  }

  #timed(impl: ImplKernel, program: Program): Observations {
    const start = process.cpuUsage();
    try {
      return impl.run(program);
    } finally {
      const { user, system } = process.cpuUsage(start);
      this.#tally.implMs += (user + system) / 1000;
      this.#tally.implPrograms++;
    }
  }

  #implRun(impl: ImplKernel, program: Program, then: (mine: Observations) => Judgement, real: Observations): Judgement {
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
