/**
 * A kernel in a virtual machine that runs programs. It needs no root and no huge pages of the machine below. A guest that
 * panics, or says nothing any more, is a result: KernelDied, with the program so far and the end of the console.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { UsageError } from "../../../checker/usage-error.ts";
import { agentProgram, compiled, INIT, LAUNCHER } from "../agent-build.ts";
import { AgentGone, AgentTalk, KernelDied, type RealKernel } from "../agent-talk.ts";
import type { Observations } from "../observation.ts";
import type { Program } from "../program.ts";
import { archive } from "./archive.ts";
import { modulesFor } from "./modules.ts";
import { accelerator, modulesOf, qemuCommand, type Accelerator, type GuestOptions } from "./qemu.ts";
import type { KernelImage } from "./store.ts";

/** Milliseconds until the agent says that it is ready; a busy machine without KVM takes ten seconds. */
const BOOT_MS = 180_000;
/** Milliseconds without a word of a step. */
const PATIENCE_MS = 120_000;
const CONSOLE_LINES = 25;

export class GuestKernel implements RealKernel {
  /** Of the image: what it is compared with. */
  readonly release: string;
  readonly width = 1;
  /** Milliseconds from the start to the agent's first word. */
  bootMs = 0;
  readonly #qemu: ChildProcess;
  readonly #talk: AgentTalk;
  readonly #ended: Promise<void>;
  #console = "";
  #complaint = "";

  private constructor(release: string, command: readonly string[], folder: string) {
    this.release = release;
    this.#qemu = spawn(compiled(LAUNCHER), [String(process.pid), ...command], {
      // No input for the console. A group of its own: Ctrl-C is for this process, which then ends the guest.
      stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true,
    });
    const port = this.#qemu.stdio[3] as Duplex;
    this.#talk = new AgentTalk(port, port, PATIENCE_MS);
    (this.#qemu.stdout as Readable).setEncoding("utf8").on("data", (text: string) => { this.#console += text; });
    (this.#qemu.stderr as Readable).setEncoding("utf8").on("data", (text: string) => { this.#complaint += text; });
    this.#ended = new Promise((resolve) => {
      this.#qemu.on("close", () => {
        this.#talk.end();
        rmSync(folder, { recursive: true, force: true });
        resolve();
      });
    });
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
    const folder = mkdtempSync(join(tmpdir(), "thpcheck-guest-"));
    const initramfs = join(folder, "initramfs");
    try {
      writeFileSync(initramfs, archive([
        { path: "init", content: readFileSync(compiled(INIT)), executable: true },
        { path: "agent", content: readFileSync(compiled(agentProgram(true))), executable: true },
        ...modulesFor(image, modulesOf(options)),
      ], [{ path: "dev/console", major: 5, minor: 1 }]));
    } catch (e) {
      rmSync(folder, { recursive: true, force: true });
      throw e;
    }
    const disk = options.swap?.on === "disk" ? join(folder, "disk") : null;
    if (disk !== null) {
      writeFileSync(disk, "");
      truncateSync(disk, options.swap!.mib * 1024 * 1024);
    }
    const start = performance.now();
    const guest = new GuestKernel(image.release, qemuCommand(options, { kernel: image.vmlinuz, initramfs, disk }, by), folder);
    const timer = setTimeout(() => { guest.#qemu.kill("SIGKILL"); }, BOOT_MS);
    try {
      await guest.#talk.ready();
    } catch (e) {
      if (!(e instanceof AgentGone)) throw e;
      await guest.stop();
      const said = [guest.#complaint.trim(), ...guest.#tail()].filter((line) => line !== "");
      throw new UsageError(`Linux ${image.name} does not come up in a guest:\n${said.join("\n")}`);
    } finally {
      clearTimeout(timer);
    }
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
      const complaint = this.#complaint === "" ? "" : `: ${this.#complaint.trim()}`;
      throw new KernelDied(`the guest ${how}${complaint}`, e.seen, this.#tail());
    }
  }

  #tail(): string[] {
    return this.#console.split(/\r?\n/).filter((line) => line.trim() !== "").slice(-CONSOLE_LINES);
  }

  /** Ends the guest, however it is. */
  async stop(): Promise<void> {
    this.#qemu.kill("SIGKILL");
    await this.#ended;
  }
}
