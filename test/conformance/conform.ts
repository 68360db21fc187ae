/** `thpcheck conform`: the hand-written programs, random ones, and what was recorded on other kernels. */
import fc from "fast-check";
import { programs } from "./arbitraries.ts";
import { CASES } from "./cases.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { compare } from "./compare.ts";
import { HostKernel, whyNot } from "./host.ts";
import { ImplKernel } from "./implementation.ts";
import { judge, type Judgement } from "./judge.ts";
import type { Observations } from "./observation.ts";
import { readJson } from "../../checker/files.ts";
import { programFromJson, programToJson, type Program, type ProgramJson } from "./program.ts";
import { recordings, saveRecording } from "./recording.ts";
import { disagreement, observations, rulesText, statisticsText } from "./report.ts";
import { addSuppressed, firedTooOften, type RuleName, type Suppressed } from "./rules.ts";
import { Statistics } from "./statistics.ts";

export interface ConformFlags {
  readonly programs: number;
  readonly seed: number;
  /** A file with one program. */
  readonly program?: string;
  /** Keep what this kernel says of the hand-written programs. */
  readonly record?: boolean;
  /** With `program`: print what was observed after each step on both sides. */
  readonly show?: boolean;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** How often a program is run to be recorded, if other processes disturb it. */
const RECORDED_RUNS_MAX = 10;
/** Longest time for one random program on both sides: a machine that is busy is slow, one that hangs is broken. */
const RANDOM_SECONDS_MAX = 300;
/** What a judgement of a recording says of the real kernel. */
const RECORDED = { crash: null, steps: 0, disturbed: 0 } as const;
const NO_SPLIT = 'the call "split" needs debugfs\' split_huge_pages, which cannot be opened here (lockdown?)';
const SHOW_WHAT = "--show prints the steps of one program: name its file with --program";

interface OfFile {
  readonly file: string;
  readonly program: Program;
}

class Conform {
  readonly #flags: ConformFlags;
  /** The program of `--program`. */
  readonly #only: OfFile | null;
  readonly #suppressed: Suppressed = {};
  #observations = 0;
  /** On the real kernel, and those of them in which others moved counters. */
  #steps = 0;
  #disturbed = 0;
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  /** The skipped ones that this machine's kernel cannot run, though it runs others. */
  #splits = 0;
  #interrupted = false;
  #implMs = 0;
  #implPrograms = 0;

  /** Throws a UsageError for a program that is not well formed. */
  constructor(flags: ConformFlags) {
    this.#flags = flags;
    const { program: file } = flags;
    this.#only = file === undefined ? null : { file, program: readProgram(file) };
  }

  async run(): Promise<number> {
    if (this.#flags.show === true && this.#flags.program === undefined) throw new UsageError(SHOW_WHAT);
    const why = whyNot();
    this.#recorded();
    if (why !== null) {
      this.#skipped = this.#flags.program === undefined ? CASES.length + this.#flags.programs : 1;
      say(`SKIP: ${why}; ${this.#skipped} programs were not run on a real kernel`);
      return this.#end();
    }
    const host = await HostKernel.start();
    const stop = (): void => { this.#interrupted = true; };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    try {
      const impl = new ImplKernel(host.release);
      if (this.#only !== null) await this.#judgeOnly(this.#only, host, impl);
      else if (this.#flags.record === true) await this.#record(host, impl);
      else {
        await this.#cases(host, impl);
        await this.#random(host, impl);
      }
    } finally {
      await host.stop();
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    }
    return this.#flags.record === true ? 0 : this.#end();
  }

  #end(): number {
    if (this.#splits > 0) say(`SKIP: ${NO_SPLIT}; programs that were not run on a real kernel: ${this.#splits}`);
    const tally = { observations: this.#observations, steps: this.#steps, disturbed: this.#disturbed };
    const tooOften = firedTooOften(this.#suppressed, tally);
    say(`\n${rulesText(this.#suppressed, tally)}`);
    if (tooOften !== null) say(`FAIL: ${tooOften}`);
    if (this.#implPrograms > 0) say(`impl/: ${Math.round(this.#implPrograms / (this.#implMs / 1000))} programs/s of processor time`);
    say(`${this.#passed} agree, ${this.#failed} disagree, ${this.#skipped} skipped${this.#interrupted ? "; interrupted" : ""}`);
    return this.#failed > 0 || this.#interrupted || tooOften !== null ? 1 : 0;
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
        if (this.#count(`recorded: ${name}`, program, found, kernel)) agree++;
      }
      say(`recorded on Linux ${kernel}: ${agree} of ${runs.length} agree`);
    }
  }

  /** The program of a file. */
  async #judgeOnly({ file, program }: OfFile, host: HostKernel, impl: ImplKernel): Promise<void> {
    if (!host.can(program)) {
      this.#cannot(1);
      if (this.#flags.show === true) say(observations(program, null, impl.run(program)));
      return;
    }
    const found = await this.#judge(program, host, impl);
    if (this.#flags.show === true) say(observations(program, found.real, found.impl));
    this.#count(file, program, found, host.release);
  }

  #cannot(programs: number): void {
    this.#skipped += programs;
    this.#splits += programs;
  }

  async #cases(host: HostKernel, impl: ImplKernel): Promise<void> {
    let agree = 0;
    const able = CASES.filter(({ program }) => host.can(program));
    this.#cannot(CASES.length - able.length);
    for (const { name, program } of able) {
      if (this.#interrupted) return;
      if (await this.#one(name, program, host, impl)) agree++;
    }
    say(`hand-written, on Linux ${host.release}: ${agree} of ${able.length} agree`);
  }

  async #random(host: HostKernel, impl: ImplKernel): Promise<void> {
    const { programs: wanted, seed } = this.#flags;
    if (wanted === 0) return;
    const statistics = new Statistics();
    let shrinking = false;
    let last: { readonly program: Program; readonly found: Judgement } | null = null;
    let shown = performance.now();
    // The same programs on every machine. One that cannot be run is counted, and another one drawn in its place.
    const property = fc.asyncProperty(programs(true), async (program) => {
      if (this.#interrupted) return true;
      if (!host.can(program)) {
        if (!shrinking) this.#cannot(1);
        fc.pre(false);
      }
      const found = await this.#judge(program, host, impl);
      if (!shrinking) {
        this.#add(found);
        if (found.difference === null) {
          this.#passed++;
          statistics.add(program, found.impl);
        }
        if (performance.now() - shown > 10_000) {
          shown = performance.now();
          say(`  ${statistics.programs} of ${wanted} random programs agree`);
        }
      }
      if (found.difference === null) return true;
      if (!shrinking) say(`random program ${statistics.programs} disagrees; making it smaller`);
      shrinking = true;
      last = { program, found };
      return false;
    });
    await fc.check(property, { seed, numRuns: wanted, timeout: RANDOM_SECONDS_MAX * 1000 });
    say(`random, seed ${seed}, on Linux ${host.release}: ${statistics.programs} of ${wanted} agree`);
    say(statisticsText(statistics));
    const failure = last as { readonly program: Program; readonly found: Judgement } | null;
    if (failure !== null) {
      this.#failed++;
      say(disagreement(`random program, seed ${seed}`, failure.program, failure.found, host.release));
    }
  }

  async #record(host: HostKernel, impl: ImplKernel): Promise<void> {
    const runs = [];
    for (const { name, program } of CASES.filter((c) => host.can(c.program))) runs.push({
      name, program: programToJson(program), seen: await this.#undisturbed(program, host, impl),
    });
    say(`recorded ${runs.length} programs in ${saveRecording({ kernel: host.release, runs })}`);
  }

  /** A run in which nobody else moved the counters: one that agrees, if there is one. */
  async #undisturbed(program: Program, host: HostKernel, impl: ImplKernel): Promise<Observations> {
    let seen = await host.run(program);
    const mine = impl.run(program);
    for (let run = 1; run < RECORDED_RUNS_MAX && compare([seen], mine).difference !== null; run++) seen = await host.run(program);
    return seen;
  }

  // ---- one program -----------------------------------------------------------------------------------------------

  async #one(name: string, program: Program, host: HostKernel, impl: ImplKernel): Promise<boolean> {
    return this.#count(name, program, await this.#judge(program, host, impl), host.release);
  }

  #judge(program: Program, host: HostKernel, impl: ImplKernel): Promise<Judgement> {
    return judge(program, host, { run: (p) => this.#timed(impl, p) });
  }

  #timed(impl: ImplKernel, program: Program): Observations {
    const start = process.cpuUsage();
    try {
      return impl.run(program);
    } finally {
      const { user, system } = process.cpuUsage(start);
      this.#implMs += (user + system) / 1000;
      this.#implPrograms++;
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

  #add({ observations, suppressed, steps, disturbed }: Judgement): void {
    this.#observations += observations;
    this.#steps += steps;
    this.#disturbed += disturbed;
    for (const [rule, n] of Object.entries(suppressed)) addSuppressed(this.#suppressed, rule as RuleName, n);
  }

  #count(name: string, program: Program, found: Judgement, kernel: string): boolean {
    this.#add(found);
    if (found.difference === null) this.#passed++;
    else {
      this.#failed++;
      say(disagreement(name, program, found, kernel));
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
