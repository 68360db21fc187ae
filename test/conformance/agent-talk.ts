/** What is said to an agent and by it, wherever it runs. `agent/agent.c` has the other end. */
import type { Readable, Writable } from "node:stream";
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_STACK } from "../../impl/mmap.ts";
import { contentsLine, type Observations } from "./observation.ts";
import { CONTENTS, type Program, type Step } from "./program.ts";
import { OPERATION_NAMES } from "./vocabulary.ts";

/** The machine's bits of mmap(), by those of impl/. */
const MAP_BITS: readonly (readonly [mine: number, real: number])[] = [
  [MAP_FIXED, 0x10], [MAP_FIXED_NOREPLACE, 0x10_0000], [MAP_STACK, 0x2_0000],
];

/** A step in the agent's numbers. `stride`: by how much the content rises from page to page where a step writes several. */
export function stepToNumbers({ process: p, call, args }: Step, stride = 1): string {
  const a = [...args, 0, 0, 0, 0, 0].slice(0, 5);
  if (call === "mmap") a[3] = MAP_BITS.reduce((bits, [mine, real]) => bits | ((a[3]! & mine) !== 0 ? real : 0), 0);
  if (call === "write") [a[3], a[4]] = [stride, CONTENTS];
  return [OPERATION_NAMES.indexOf(call), p, ...a].join(" ");
}

/** The agent says nothing more: it has ended, or, where `silent`, did not speak in time. */
export class AgentGone extends Error {
  readonly silent: boolean;
  /** What the program had shown until then. */
  readonly seen: Observations;
  constructor(silent: boolean, seen: Observations) {
    super(silent ? "the agent does not answer" : "the agent has ended");
    this.silent = silent;
    this.seen = seen;
  }
}

/** A kernel has ended, or hangs, in the middle of a program: a result. */
export class KernelDied extends Error {
  /** What it had shown until then: of each step that it has carried out. */
  readonly seen: Observations;
  /** The last lines of its console. */
  readonly console: readonly string[];
  constructor(what: string, seen: Observations, console: readonly string[]) {
    super(what);
    this.seen = seen;
    this.console = console;
  }
}

/** A kernel that runs programs. */
export interface RealKernel {
  /** As `uname -r` says, or the number of the release: what it is compared with. */
  readonly release: string;
  /** Programs that it can run at a time. */
  readonly width: number;
  /** Whether it can do what the program asks. */
  can(program: Program): boolean;
  /** What can be seen after each step. Throws KernelDied where that may happen without the machine. */
  run(program: Program): Promise<Observations>;
  stop(): Promise<void>;
}

export class AgentTalk {
  readonly #input: Writable;
  readonly #patience: number;
  #said = "";
  #wake: (() => void) | null = null;
  #over = false;

  /** `patience`: milliseconds without a word after which the agent is taken to be gone; Infinity: it is waited for. */
  constructor(output: Readable, input: Writable, patience = Infinity) {
    this.#input = input;
    this.#patience = patience;
    output.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
      this.#wake?.();
    });
    // A guest that is killed resets what it was connected by.
    output.on("error", () => {});
    input.on("error", () => {});
    output.on("close", () => { this.end(); });
  }

  /** Nothing more will be said. */
  end(): void {
    this.#over = true;
    this.#wake?.();
  }

  /** The line with which the agent says that it is ready, in words: release, and whether debugfs splits. */
  async ready(): Promise<readonly string[]> {
    const lines: string[] = [];
    await this.#lines((line) => { lines.push(line); return line.startsWith("ready "); }, []);
    return lines.at(-1)!.split(" ").slice(1);
  }

  /** Runs the program and gives what can be seen after each step. Throws AgentGone. */
  async run({ knobs: k, steps }: Program): Promise<Observations> {
    const head = `run ${steps.length} ${k.enabled} ${k.use_zero_page} ${k.max_ptes_none} ${k.max_ptes_swap} ${k.max_ptes_shared}`;
    this.#input.write(`${[head, ...steps.map((s) => stepToNumbers(s))].join("\n")}\n`);
    const out: string[][] = [];
    await this.#lines((line) => {
      if (line === ".") return true;
      if (line.startsWith("r ")) out.push([]);
      if (line.startsWith("c ")) {
        const [first = 0, ...pages] = line.slice(2).split(" ").map(Number);
        out.at(-1)!.push(contentsLine(first, pages));
      } else out.at(-1)!.push(line);
      return false;
    }, out);
    return out;
  }

  /** Says `request` if there is one, and gives the lines up to the first that is the last. Throws AgentGone. */
  async ask(request: string | null, isLast: (line: string) => boolean): Promise<readonly string[]> {
    if (request !== null) this.#input.write(request);
    const out: string[] = [];
    await this.#lines((line) => {
      out.push(line);
      return isLast(line);
    }, [out]);
    return out;
  }

  /** Gives `isLast` one line after another, until it says so. `seen`: what AgentGone hands on. */
  async #lines(isLast: (line: string) => boolean, seen: Observations): Promise<void> {
    for (;;) {
      for (let at = this.#said.indexOf("\n"); at >= 0; at = this.#said.indexOf("\n")) {
        const line = this.#said.slice(0, at);
        this.#said = this.#said.slice(at + 1);
        if (isLast(line)) return;
      }
      if (this.#over) throw new AgentGone(false, seen);
      if (!await this.#more()) throw new AgentGone(true, seen);
    }
  }

  /** False: nothing came in time. */
  #more(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#patience === Infinity ? undefined : setTimeout(() => { done(false); }, this.#patience);
      const done = (came: boolean): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve(came);
      };
      this.#wake = () => { done(true); };
    });
  }
}
