/**
 * Guests of one kernel, side by side. A guest that has died is replaced by a fresh one for the next program, so that one
 * program that kills a kernel does not take the others with it.
 */
import { KernelDied, type RealKernel } from "../agent-talk.ts";
import type { Observations } from "../observation.ts";
import type { Program } from "../program.ts";
import { GuestKernel } from "./guest-kernel.ts";
import type { GuestOptions } from "./qemu.ts";
import type { KernelImage } from "./store.ts";

export class GuestPool implements RealKernel {
  readonly release: string;
  readonly width: number;
  /** Milliseconds that the slowest guest took to boot. */
  bootMs = 0;
  readonly #image: KernelImage;
  readonly #options: GuestOptions;
  readonly #idle: GuestKernel[] = [];
  readonly #all = new Set<GuestKernel>();

  private constructor(image: KernelImage, width: number, options: GuestOptions) {
    this.release = image.release;
    this.width = width;
    this.#image = image;
    this.#options = options;
  }

  /** Boots `width` guests. Throws a UsageError where the kernel does not come up. */
  static async start(image: KernelImage, width: number, options: GuestOptions): Promise<GuestPool> {
    const pool = new GuestPool(image, width, options);
    const booted = await Promise.allSettled(Array.from({ length: width }, () => pool.#boot()));
    const failed = booted.find((b) => b.status === "rejected");
    if (failed !== undefined) {
      await pool.stop();
      throw failed.reason as Error;
    }
    pool.#idle.push(...pool.#all);
    return pool;
  }

  async #boot(): Promise<GuestKernel> {
    const guest = await GuestKernel.boot(this.#image, this.#options);
    this.bootMs = Math.max(this.bootMs, guest.bootMs);
    this.#all.add(guest);
    return guest;
  }

  can(): boolean {
    return true;
  }

  /** At most `width` at a time. Throws KernelDied where the program was the end of its guest. */
  async run(program: Program): Promise<Observations> {
    const guest = this.#idle.pop() ?? await this.#boot();
    try {
      const seen = await guest.run(program);
      this.#idle.push(guest);
      return seen;
    } catch (e) {
      this.#all.delete(guest);
      if (!(e instanceof KernelDied)) await guest.stop();
      throw e;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((guest) => guest.stop()));
    this.#all.clear();
    this.#idle.length = 0;
  }
}
