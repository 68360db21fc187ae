/**
 * The real side: compiles the agent with the host's C compiler, starts it, and gives it programs.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { availableParallelism, platform, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_STACK } from "../../impl/mmap.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { contentsLine, type Observations } from "./observation.ts";
import { AREA_RANGES, CONTENTS, HOLDS, HPAGE, PROCESSES, type Program, type Step } from "./program.ts";
import { agentOperations, OPERATION_NAMES } from "./vocabulary.ts";

const AGENT = fileURLToPath(new URL("./agent/", import.meta.url));
const THP = "/sys/kernel/mm/transparent_hugepage";
/** The machine's bits of mmap(), by those of impl/. */
const MAP_BITS: readonly (readonly [mine: number, real: number])[] = [
  [MAP_FIXED, 0x10], [MAP_FIXED_NOREPLACE, 0x10_0000], [MAP_STACK, 0x2_0000],
];

/** What decides whether programs can be run on a machine. */
export interface Machine {
  readonly platform: string;
  /** As `uname -r` says. */
  readonly release: string;
  readonly root: boolean;
  readonly compiler: string | null;
  /** Files that are there. */
  readonly has: (path: string) => boolean;
  /** Of a huge page. */
  readonly bytes: () => number;
}

export function thisMachine(): Machine {
  return {
    platform: platform(), release: release(), root: process.getuid?.() === 0, has: existsSync,
    bytes: () => Number(readFileSync(`${THP}/hpage_pmd_size`, "utf8")),
    compiler: ["cc", "gcc", "clang"].find((c) => spawnSync(c, ["--version"], { stdio: "ignore" }).status === 0) ?? null,
  };
}

/** Why programs cannot be run there, or null. */
export function whyNot(m: Machine = thisMachine()): string | null {
  if (m.platform !== "linux") return `this is ${m.platform}, not Linux`;
  if (!m.has(`${THP}/enabled`)) return "this kernel has no transparent huge pages (/sys/kernel/mm/transparent_hugepage is not there)";
  const [major = 0, minor = 0] = m.release.split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 18)) return `Linux ${m.release} is older than 6.18, from which on impl/ knows the rules`;
  if (!m.root) return "it takes root to read frame numbers (/proc/pid/pagemap) and to set the knobs";
  const missing = [
    `${THP}/khugepaged/full_scans`, `${THP}/hugepages-2048kB/stats/nr_anon`, "/proc/kpageflags", "/proc/kpagecount",
  ].find((f) => !m.has(f));
  if (missing !== undefined) return `${missing} is not there`;
  if (m.bytes() !== HPAGE * 4096) return `huge pages have ${m.bytes()} bytes here, not 2 MiB`;
  return m.compiler === null ? "there is no C compiler (cc, gcc or clang)" : null;
}

/**
 * What both sides must agree on, as definitions for the agent's compiler. An operation that the agent does not tell from
 * the others is refused by it (-Werror=switch).
 */
export function agentDefines(): readonly string[] {
  const numbers = { HPAGE, AREA_RANGES, PROCESSES, HOLDS };
  return [`-DOPERATIONS=${agentOperations()}`, ...Object.entries(numbers).map(([name, value]) => `-D${name}=${value}`)];
}

/** The agent's executable, compiled if there is none of this source. Throws a UsageError with the compiler's words. */
function agent(): string {
  const sources = globSync("*.{c,h}", { cwd: AGENT }).sort();
  const defines = agentDefines();
  const hash = createHash("sha256").update(defines.join());
  for (const s of sources) hash.update(s).update(readFileSync(join(AGENT, s)));
  const folder = join(tmpdir(), `thpcheck-conform-${process.getuid?.() ?? 0}`);
  const file = join(folder, `agent-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = `${file}.${process.pid}`;
  const flags = ["-O2", "-Werror=switch", ...defines, "-o", made];
  const result = spawnSync(
    thisMachine().compiler!, [...flags, ...sources.filter((s) => s.endsWith(".c"))], { cwd: AGENT, encoding: "utf8" },
  );
  if (result.status !== 0) {
    throw new UsageError(`the agent of conform does not compile: ${result.stderr.split("\n").slice(0, 5).join("\n")}`);
  }
  for (const old of globSync("agent-*", { cwd: folder })) {
    if (join(folder, old) !== made) rmSync(join(folder, old), { force: true });
  }
  renameSync(made, file);
  return file;
}

/** A step in the agent's numbers. */
function stepToNumbers({ process: p, call, args }: Step): string {
  const a = [...args, 0, 0, 0, 0, 0].slice(0, 5);
  if (call === "mmap") a[3] = MAP_BITS.reduce((bits, [mine, real]) => bits | ((a[3]! & mine) !== 0 ? real : 0), 0);
  if (call === "write") [a[3], a[4]] = [1, CONTENTS];
  return [OPERATION_NAMES.indexOf(call), p, ...a].join(" ");
}

/** A real kernel. One at a time on a machine: a second one waits for the first. */
export class HostKernel {
  readonly release = release();
  readonly #agent: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  #said = "";
  #complaint = "";
  #wake: (() => void) | null = null;
  #over = false;
  /** debugfs' split_huge_pages can be had. */
  splits = false;

  private constructor(file: string) {
    this.#agent = spawn(file, [join(tmpdir(), "thpcheck-conform.lock"), String(availableParallelism() - 1)], {
      stdio: "pipe",
      // A group of its own: Ctrl-C is for this process, which then ends the agent in good order.
      detached: true,
    });
    this.#agent.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
      this.#wake?.();
    });
    this.#agent.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint += text;
      if (text.includes("waiting") || text.includes("earlier run")) process.stderr.write(text);
    });
    this.#agent.stdin.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#agent.on("close", () => {
        this.#over = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  /** Starts the agent, which takes the knobs of the machine into its care. */
  static async start(): Promise<HostKernel> {
    const host = new HostKernel(agent());
    const ready = await host.#lines((text) => text.startsWith("ready "));
    host.splits = ready.at(-1)!.endsWith(" 1");
    return host;
  }

  /** Whether it can do what the program asks. */
  can({ steps }: Program): boolean {
    return this.splits || steps.every((s) => s.call !== "split");
  }

  /** Lines up to the first that `last` accepts, which is among them. Throws a UsageError if the agent ends before. */
  async #lines(last: (line: string) => boolean): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      for (let at = this.#said.indexOf("\n"); at >= 0; at = this.#said.indexOf("\n")) {
        const line = this.#said.slice(0, at);
        this.#said = this.#said.slice(at + 1);
        lines.push(line);
        if (last(line)) return lines;
      }
      if (this.#over) {
        const why = this.#complaint === "" ? "; was it killed?" : `: ${this.#complaint.trim()}`;
        const remedy = "if the knobs of transparent huge pages are not as they were, the next run sets them back";
        throw new UsageError(`the agent of conform has ended${why}\n${remedy}: npx thpcheck conform --programs 0`);
      }
      await new Promise<void>((resolve) => { this.#wake = resolve; });
      this.#wake = null;
    }
  }

  /** Runs the program and gives what can be seen after each step. Throws a UsageError when the agent fails. */
  async run({ knobs: k, steps }: Program): Promise<Observations> {
    const head = `run ${steps.length} ${k.enabled} ${k.use_zero_page} ${k.max_ptes_none} ${k.max_ptes_swap} ${k.max_ptes_shared}`;
    this.#agent.stdin.write(`${[head, ...steps.map(stepToNumbers)].join("\n")}\n`);
    const lines = await this.#lines((line) => line === ".");
    const out: string[][] = [];
    for (const line of lines) {
      if (line.startsWith("r ")) out.push([]);
      if (line.startsWith("c ")) {
        const [first = 0, ...pages] = line.slice(2).split(" ").map(Number);
        out.at(-1)!.push(contentsLine(first, pages));
      } else if (line !== ".") out.at(-1)!.push(line);
    }
    return out;
  }

  /** Ends the agent; the knobs are as they were when this returns. */
  async stop(): Promise<void> {
    this.#agent.stdin.end();
    await this.#ended;
  }
}
