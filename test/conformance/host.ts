/**
 * The real side: this machine's own kernel. Starts the agent, and gives it programs.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, platform, release, tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../checker/usage-error.ts";
import { agentProgram, compiled, compiler } from "./agent-build.ts";
import { AgentGone, AgentTalk, type RealKernel } from "./agent-talk.ts";
import type { Lru } from "./guest/qemu.ts";
import type { Observations } from "./observation.ts";
import { HPAGE, lackedBy, type Program } from "./program.ts";

const THP = "/sys/kernel/mm/transparent_hugepage";

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
    compiler: compiler(),
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
 * The lists that a host's pages age on. `enabled`: what /sys/kernel/mm/lru_gen/enabled says, a set of bits of which the first stands
 * for the generations; null: there is no such file, as without CONFIG_LRU_GEN.
 * @kernel mm/vmscan.c enabled_show() of lru_gen, LRU_GEN_CORE
 */
export function lruOf(enabled: string | null): Lru {
  return enabled !== null && (Number(enabled) & 1) !== 0 ? "multi-gen" : "classic";
}

/** The same of this machine. */
export function hostLru(): Lru {
  const file = "/sys/kernel/mm/lru_gen/enabled";
  return lruOf(existsSync(file) ? readFileSync(file, "utf8") : null);
}

/** The kernel of this machine. One at a time: a second one waits for the first. */
export class HostKernel implements RealKernel {
  readonly release = release();
  readonly width = 1;
  readonly #agent: ChildProcessWithoutNullStreams;
  readonly #talk: AgentTalk;
  readonly #ended: Promise<void>;
  #complaint = "";
  /** debugfs' split_huge_pages can be had. */
  splits = false;

  private constructor(file: string) {
    this.#agent = spawn(file, [join(tmpdir(), "thpcheck-conform.lock"), String(availableParallelism() - 1)], {
      stdio: "pipe",
      // A group of its own: Ctrl-C is for this process, which then ends the agent in good order.
      detached: true,
    });
    this.#talk = new AgentTalk(this.#agent.stdout, this.#agent.stdin);
    this.#agent.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint += text;
      if (text.includes("waiting") || text.includes("earlier run")) process.stderr.write(text);
    });
    this.#ended = new Promise((resolve) => { this.#agent.on("close", () => { resolve(); }); });
  }

  /** Starts the agent, which takes the knobs of the machine into its care. */
  static async start(): Promise<HostKernel> {
    const host = new HostKernel(compiled(agentProgram(false)));
    host.splits = (await host.#asked(() => host.#talk.ready()))[1] === "1";
    return host;
  }

  can(program: Program): boolean {
    return lackedBy(program).length === 0 && (this.splits || program.steps.every((s) => !s.call.startsWith("split")));
  }

  /** Throws a UsageError when the agent fails. */
  run(program: Program): Promise<Observations> {
    return this.#asked(() => this.#talk.run(program));
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (e) {
      if (!(e instanceof AgentGone)) throw e;
      await this.#ended;
      const why = this.#complaint === "" ? "; was it killed?" : `: ${this.#complaint.trim()}`;
      const remedy = "if the knobs of transparent huge pages are not as they were, the next run sets them back";
      throw new UsageError(`the agent of conform has ended${why}\n${remedy}: npx thpcheck conform --programs 0`);
    }
  }

  /** Ends the agent; the knobs are as they were when this returns. */
  async stop(): Promise<void> {
    this.#agent.stdin.end();
    await this.#ended;
  }
}
