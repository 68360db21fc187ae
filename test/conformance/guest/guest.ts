/**
 * A virtual machine with a kernel and one program, its agent, at the other end of a port. Who talks through the port, and about
 * what, is the caller's business.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { compiled, INIT, LAUNCHER, type CProgram } from "../agent-build.ts";
import { archive } from "./archive.ts";
import { modulesFor } from "./modules.ts";
import { modulesOf, qemuCommand, type Accelerator, type GuestOptions } from "./qemu.ts";
import type { KernelImage } from "./store.ts";

const CONSOLE_LINES = 25;

/** A guest that starts, runs or has ended. It is killed when this process ends, however that ends. */
export class Guest {
  /** The agent's port. */
  readonly port: Duplex;
  /** A socket at which QEMU's debugger listens, if it was asked for. */
  readonly gdb: string | null;
  /** Settles when the guest is gone. */
  readonly ended: Promise<void>;
  readonly #qemu: ChildProcess;
  #console = "";
  #complaint = "";

  private constructor(command: readonly string[], folder: string, gdb: string | null) {
    this.gdb = gdb;
    this.#qemu = spawn(compiled(LAUNCHER), [String(process.pid), ...command], {
      // No input for the console. A group of its own: Ctrl-C is for this process, which then ends the guest.
      stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true,
    });
    this.port = this.#qemu.stdio[3] as Duplex;
    (this.#qemu.stdout as Readable).setEncoding("utf8").on("data", (text: string) => { this.#console += text; });
    (this.#qemu.stderr as Readable).setEncoding("utf8").on("data", (text: string) => { this.#complaint += text; });
    this.ended = new Promise((resolve) => {
      this.#qemu.on("close", () => {
        rmSync(folder, { recursive: true, force: true });
        resolve();
      });
    });
  }

  /**
   * Starts the image with `agent` in its first file system. `debugged`: QEMU's debugger listens at a socket, and nobody waits
   * for it. Throws a UsageError for a program that does not compile, or a module that is not there.
   */
  static start(image: KernelImage, options: GuestOptions, agent: CProgram, by: Accelerator, debugged = false): Guest {
    const folder = mkdtempSync(join(tmpdir(), "thpcheck-guest-"));
    try {
      const initramfs = join(folder, "initramfs");
      writeFileSync(initramfs, archive([
        { path: "init", content: readFileSync(compiled(INIT)), executable: true },
        { path: "agent", content: readFileSync(compiled(agent)), executable: true },
        ...modulesFor(image, modulesOf(options)),
      ], [{ path: "dev/console", major: 5, minor: 1 }]));
      const disk = options.swap?.on === "disk" ? join(folder, "disk") : null;
      if (disk !== null) {
        writeFileSync(disk, "");
        truncateSync(disk, options.swap!.mib * 1024 * 1024);
      }
      const gdb = debugged ? join(folder, "gdb") : null;
      return new Guest(qemuCommand(options, { kernel: image.vmlinuz, initramfs, disk, gdb }, by), folder, gdb);
    } catch (e) {
      rmSync(folder, { recursive: true, force: true });
      throw e;
    }
  }

  /** What QEMU itself has said on standard error. */
  get complaint(): string {
    return this.#complaint.trim();
  }
  /** The last lines of the console. */
  tail(): string[] {
    return this.#console.split(/\r?\n/).filter((line) => line.trim() !== "").slice(-CONSOLE_LINES);
  }

  /** Ends the guest, however it is. */
  kill(): void {
    this.#qemu.kill("SIGKILL");
  }
  /** The same, and waits until it is gone. */
  async stop(): Promise<void> {
    this.kill();
    await this.ended;
  }
}
