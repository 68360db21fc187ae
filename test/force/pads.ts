/**
 * How a thread is held within the kernel: its instruction pointer is set to a jump to itself. To the kernel it is a thread on a slow
 * processor: interrupts and requests of other processors are served, workers can preempt it, and all its registers stay.
 * A processor that is stopped instead keeps everybody waiting who wants its translations flushed or its batches emptied.
 *
 * The jump is written into the padding in front of a function, which nobody executes.
 */
import type { GdbStub } from "./gdb-stub.ts";
import type { Symbols } from "./symbols.ts";

/** The function behind the padding: any that all kernels have, and that is aligned. */
const BEHIND = "default_idle";
const PADDING = 16n;
const NOP = 0x90;
const INT3 = 0xcc;
const JUMP_TO_ITSELF = Uint8Array.of(0xeb, 0xfe);
/** How often a thread may be met in an interrupt before it is taken to be lost. */
const TRIES = 500;
const A_MOMENT_MS = 2;

/** A thread that stands on a pad, and where it goes on. */
export interface Hold {
  readonly at: bigint;
  readonly pad: bigint;
}

export class Pad {
  readonly #gdb: GdbStub;
  readonly #at: bigint;

  private constructor(gdb: GdbStub, at: bigint) {
    this.#gdb = gdb;
    this.#at = at;
  }

  /** Of a machine that has stopped. Throws an Error where there is no padding. */
  static async install(gdb: GdbStub, symbols: Symbols): Promise<Pad> {
    const at = symbols.address(BEHIND) - PADDING;
    const there = await gdb.read(1, at, Number(PADDING));
    if (![...there].every((byte) => byte === NOP || byte === INT3)) {
      throw new Error(`in front of ${BEHIND} there is no padding but ${there.toString("hex")}`);
    }
    await gdb.write(1, at, JUMP_TO_ITSELF);
    return new Pad(gdb, at);
  }

  /** The thread that the processor runs does not go on from where it is. `pad`: the one for user mode, where it is there. */
  async hold(cpu: number, pad: bigint = this.#at): Promise<Hold> {
    const at = await this.#gdb.register(cpu, "rip");
    await this.#gdb.setRegister(cpu, "rip", pad);
    return { at, pad };
  }

  /** The thread goes on from there, when the machine runs on. No point may be set. */
  async release(cpu: number, { at, pad }: Hold): Promise<void> {
    for (let tries = 0; await this.#gdb.register(cpu, "rip") !== pad; tries++) {
      if (tries === TRIES) throw new Error(`the thread that was held on processor ${cpu} is not on its pad`);
      // In an interrupt, or preempted: let it come back.
      this.#gdb.resume();
      await new Promise((resolve) => setTimeout(resolve, A_MOMENT_MS));
      await this.#gdb.interrupt();
    }
    await this.#gdb.setRegister(cpu, "rip", at);
  }
}
