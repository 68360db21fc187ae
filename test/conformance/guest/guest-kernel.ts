/**
 * A kernel in a virtual machine that runs programs. It needs no root and no huge pages of the machine below. A guest that
 * panics, or says nothing any more, is a result: KernelDied, with the program so far and the end of the console.
 */
import { UsageError } from "../../../checker/usage-error.ts";
import { agentProgram } from "../agent-build.ts";
import { AgentGone, AgentTalk, KernelDied, type RealKernel } from "../agent-talk.ts";
import type { Observations } from "../observation.ts";
import type { Program } from "../program.ts";
import { Guest } from "./guest.ts";
import { accelerator, type Accelerator, type GuestOptions } from "./qemu.ts";
import type { KernelImage } from "./store.ts";

/** Milliseconds until the agent says that it is ready; a busy machine without KVM takes ten seconds. */
const BOOT_MS = 180_000;
/** Milliseconds without a word of a step. */
const PATIENCE_MS = 120_000;

export class GuestKernel implements RealKernel {
  /** Of the image: what it is compared with. */
  readonly release: string;
  readonly width = 1;
  /** Milliseconds from the start to the agent's first word. */
  bootMs = 0;
  readonly #guest: Guest;
  readonly #talk: AgentTalk;

  private constructor(release: string, guest: Guest) {
    this.release = release;
    this.#guest = guest;
    this.#talk = new AgentTalk(guest.port, guest.port, PATIENCE_MS);
    void guest.ended.then(() => { this.#talk.end(); });
  }

  /** Boots the kernel. Throws a UsageError with the end of its console where it does not come up. */
  static async boot(image: KernelImage, options: GuestOptions): Promise<GuestKernel> {
    const by = accelerator();
    try {
      return await GuestKernel.#boot(image, options, by);
    } catch (e) {
      if (by === "tcg") throw e;
      return GuestKernel.#boot(image, options, "tcg");
    }
  }

  static async #boot(image: KernelImage, options: GuestOptions, by: Accelerator): Promise<GuestKernel> {
    const start = performance.now();
    const guest = new GuestKernel(image.release, Guest.start(image, options, agentProgram(true), by));
    await booted(image, guest.#guest, guest.#talk);
    guest.bootMs = performance.now() - start;
    return guest;
  }

  can(): boolean {
    return true;
  }

  /** Throws KernelDied; the guest is then gone. */
  async run(program: Program): Promise<Observations> {
    try {
      return await this.#talk.run(program);
    } catch (e) {
      if (!(e instanceof AgentGone)) throw e;
      await this.stop();
      const how = e.silent ? `has not said anything for ${PATIENCE_MS / 1000} s` : "has ended";
      const { complaint } = this.#guest;
      throw new KernelDied(`the guest ${how}${complaint === "" ? "" : `: ${complaint}`}`, e.seen, this.#guest.tail());
    }
  }

  /** Ends the guest, however it is. */
  async stop(): Promise<void> {
    await this.#guest.stop();
  }
}

/**
 * Waits for the agent's first line, whose words are returned. Throws a UsageError with the end of the console where it does
 * not come; the guest is gone then.
 */
export async function booted(image: KernelImage, guest: Guest, talk: AgentTalk): Promise<readonly string[]> {
  const timer = setTimeout(() => { guest.kill(); }, BOOT_MS);
  try {
    return await talk.ready();
  } catch (e) {
    if (!(e instanceof AgentGone)) throw e;
    await guest.stop();
    const said = [guest.complaint, ...guest.tail()].filter((line) => line !== "");
    throw new UsageError(`Linux ${image.name} does not come up in a guest:\n${said.join("\n")}`);
  } finally {
    clearTimeout(timer);
  }
}
