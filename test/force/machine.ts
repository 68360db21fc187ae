/** A kernel in a virtual machine under the debugger, which runs pairs of calls one after the other. */
import { isInterrupted } from "../../checker/cli/interruption.ts";
import { AgentTalk, stepToNumbers } from "../conformance/agent-talk.ts";
import { booted } from "../conformance/guest/guest-kernel.ts";
import { Guest } from "../conformance/guest/guest.ts";
import { GUEST_DEFAULTS, type GuestOptions } from "../conformance/guest/qemu.ts";
import type { KernelImage } from "../conformance/guest/store.ts";
import type { Knobs, Step } from "../conformance/program.ts";
import { forceAgent } from "./force-agent.ts";
import { GdbStub } from "./gdb-stub.ts";
import { Pad } from "./pads.ts";
import { forEachSide, type BySide } from "./schedule.ts";
import { symbolsOf, type Symbols } from "./symbols.ts";
import { Threads, type Debugged, type Gates } from "./threads.ts";

/** How often a kernel is booted that does not come up. */
const BOOTS = 3;
/** Milliseconds without a word of the agent. */
const PATIENCE_MS = 60_000;
/** A thread that is held for long is no fault of the kernel's. */
const OPTIONS: GuestOptions = { ...GUEST_DEFAULTS, append: ["nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1"] };

/** What two or three threads of process 0 do, after what makes the memory that they find: a pair of calls, or several each. */
export interface RealPair {
  readonly knobs: Knobs;
  readonly memory: readonly Step[];
  /** By side, one after the other. */
  readonly calls: BySide<readonly Step[]>;
}

/** The agent's lines, as test/conformance/observation.ts explains them, and those of `agent/force.c`. */
export interface Seen<T> {
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** What the driver of the threads returned. */
  readonly driven: T;
}

export class ForcedMachine {
  readonly release: string;
  /** Milliseconds until the agent was ready. */
  readonly bootMs: number;
  readonly #guest: Guest;
  readonly #talk: AgentTalk;
  readonly #debugged: Debugged;

  private constructor(release: string, bootMs: number, guest: Guest, talk: AgentTalk, debugged: Debugged) {
    this.release = release;
    this.bootMs = bootMs;
    this.#guest = guest;
    this.#talk = talk;
    this.#debugged = debugged;
  }

  /**
   * Boots it, with a processor for each of `threads` threads, 2 or 3: of so many its programs are. Throws a UsageError where it does
   * not come up, an Error where it cannot be debugged.
   */
  static async boot(image: KernelImage, threads = 2): Promise<ForcedMachine> {
    for (let tries = 1; ; tries++) {
      try {
        return await ForcedMachine.#bootOnce(image, threads);
      } catch (e) {
        // A kernel patches its own code when it comes up, and with several processors the translation may once execute half a patch.
        if (tries === BOOTS || isInterrupted()) throw e;
      }
    }
  }
  static async #bootOnce(image: KernelImage, threads: number): Promise<ForcedMachine> {
    const start = performance.now();
    const guest = Guest.start(image, { ...OPTIONS, cpus: threads }, forceAgent(), "tcg", true);
    const talk = new AgentTalk(guest.port, guest.port, PATIENCE_MS);
    void guest.ended.then(() => { talk.end(); });
    await booted(image, guest, talk);
    const bootMs = performance.now() - start;
    try {
      const symbols = await symbolsOf(image, async () => (await talk.ask("symbols\n", isDot)).slice(0, -1).join("\n"));
      const gdb = await GdbStub.connect(guest.gdb!);
      const pad = await Pad.install(gdb, symbols);
      gdb.resume();
      return new ForcedMachine(image.release, bootMs, guest, talk, { gdb, symbols, pad });
    } catch (e) {
      await guest.stop();
      throw e;
    }
  }

  get symbols(): Symbols { return this.#debugged.symbols; }

  /** Runs a pair: `drive` has its threads at their gates. Whatever it throws, the machine cannot be used afterwards. */
  async run<T>({ knobs: k, memory, calls }: RealPair, drive: (threads: Threads) => Promise<T>): Promise<Seen<T>> {
    const knobs = `${k.enabled} ${k.use_zero_page} ${k.max_ptes_none} ${k.max_ptes_swap} ${k.max_ptes_shared}`;
    const counts = forEachSide(calls, (of) => of.length);
    const head = `pair ${memory.length} ${counts.join(" ")}${calls.length === 2 ? " 0" : ""} ${knobs}`;
    const request = [head, ...[...memory, ...calls.flat()].map((s) => stepToNumbers(s, 0))].join("\n");
    const before = await this.#talk.ask(`${request}\n`, (line) => line.startsWith("g "));
    const threads = await Threads.atGates(this.#debugged, gatesIn(before.at(-1)!, counts));
    const driven = await drive(threads);
    await threads.done();
    const after = await this.#talk.ask(null, isDot);
    return { before: before.slice(0, -1), after: after.slice(0, -1), driven };
  }

  async stop(): Promise<void> {
    this.#debugged.gdb.close();
    await this.#guest.stop();
  }
}

const isDot = (line: string): boolean => line === ".";

function gatesIn(line: string, calls: Gates["calls"]): Gates {
  const [area = 0n, gates = 0n, waits = 0n, pad = 0n, ...returned] = line.split(" ").slice(1).map((word) => BigInt(`0x${word}`));
  return {
    area, gate: forEachSide(calls, (_, side) => gates + 4n * BigInt(side)), waits,
    returned: forEachSide(calls, (_, side) => returned[side]!), calls, pad,
  };
}
