/** Kernels in virtual machines: what is given to QEMU, what is taken from a kernel, and a guest's end as a result. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { AgentTalk, KernelDied, type AgentGone } from "../agent-talk.ts";
import { compiled, compiler, LAUNCHER } from "../agent-build.ts";
import { drawn, shrunk, sideBySide } from "../drawn.ts";
import { ImplKernel } from "../implementation.ts";
import { judge } from "../judge.ts";
import { programFromJson } from "../program.ts";
import { disagreement } from "../report.ts";
import { archive } from "./archive.ts";
import { byRelease, kernelNamed, pinnedKernels } from "./catalogue.ts";
import { guestOptions, refuseWithoutKernel } from "./guest-flags.ts";
import { GuestKernel } from "./guest-kernel.ts";
import { dependenciesOf, modulesFor } from "./modules.ts";
import { commandLine, GUEST_DEFAULTS, modulesOf, qemuCommand, whyNoGuests } from "./qemu.ts";
import { kernelsFor, refuseUnknownKernel, stored, storedKernels, unameOfImage } from "./store.ts";

const SMALL = programFromJson({ steps: [
  "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.3 0.2 7", "0 split 0.0 1.0", "0 contents",
] });
const scratch = mkdtempSync(join(tmpdir(), "thpcheck-guest-test-"));
afterAll(() => { rmSync(scratch, { recursive: true, force: true }); });

describe("kernels", () => {
  it("are pinned by name and hash, from the oldest to the newest, each name once", () => {
    const kernels = pinnedKernels();
    expect(kernels.length).toBeGreaterThan(40);
    expect(kernels.toSorted(byRelease)).toEqual(kernels);
    expect(new Set(kernels.map((k) => k.name)).size).toBe(kernels.length);
    for (const { name, uname, packages } of kernels) {
      expect(uname).toMatch(/^\d+\.\d+\.\d+.*-cloud-amd64$/);
      expect(packages[0]!.version.startsWith(name.split("+")[0]!)).toBe(true);
      for (const p of packages) expect(p.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(packages[0]!.size).toBeGreaterThan(10_000_000);
    }
  });
  it.each([
    ["7.3.4", "7.3.4"], ["7.2.12", "7.2.12"], ["6.18", "6.18.15"], ["7.3.4+deb13-cloud-amd64", "7.3.4"],
  ])("%s names %s", (text, name) => {
    expect(kernelNamed(text).name).toBe(name);
  });
  it.each([
    ["7.3.40", /no kernel "7.3.40" is known. Did you mean "7.3.4"/], ["6.2", /npx thpcheck kernels/],
  ])("%s is refused", (text, why) => {
    expect(() => kernelNamed(text)).toThrow(why);
  });
  it("an image names its version; what is none is refused", async () => {
    const image = Buffer.alloc(0x8000);
    image.write("HdrS", 0x202);
    image.writeUInt16LE(0x100, 0x20e);
    image.write("6.99.1-mine (me@here) #1\0", 0x300);
    writeFileSync(join(scratch, "vmlinuz"), image);
    writeFileSync(join(scratch, "none"), "no kernel");
    expect(unameOfImage(join(scratch, "vmlinuz"))).toBe("6.99.1-mine");
    const options = { modules: false, said: () => {} };
    expect(await kernelsFor(join(scratch, "vmlinuz"), options)).toMatchObject([{ uname: "6.99.1-mine", modules: null }]);
    await expect(kernelsFor(join(scratch, "none"), options)).rejects.toThrow(/is no kernel image/);
    await expect(kernelsFor(join(scratch, "nowhere"), options)).rejects.toThrow(/there is no file/);
    for (const [text, why] of [[join(scratch, "none"), /is no kernel image/], ["0x", /no kernel "0x" is known/]] as const) {
      expect(() => { refuseUnknownKernel(text); }).toThrow(why);
    }
    for (const text of ["all", "7.3.4", join(scratch, "vmlinuz")]) expect(() => { refuseUnknownKernel(text); }).not.toThrow();
  });
  it("lie in a folder of the user's; one from other packages than are pinned counts as not there", () => {
    const before = process.env["XDG_CACHE_HOME"];
    process.env["XDG_CACHE_HOME"] = scratch;
    try {
      const kernel = kernelNamed("7.3.4");
      const folder = join(scratch, "thpcheck/kernels", kernel.uname);
      expect([stored(kernel), storedKernels()]).toEqual([null, []]);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "from"), `${kernel.packages[0]!.sha256}\n`);
      expect(stored(kernel)).toMatchObject({ release: "7.3.4", vmlinuz: join(folder, "vmlinuz"), modules: null });
      writeFileSync(join(folder, "from"), `${"0".repeat(64)}\n`);
      expect(stored(kernel)).toBeNull();
    } finally {
      if (before === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = before;
    }
  });
});

describe("what a guest is started with", () => {
  it("an archive that cpio reads", () => {
    const file = { path: "a/b/file", content: Buffer.from("five\n"), executable: true };
    const bytes = archive([file], [{ path: "dev/console", major: 5, minor: 1 }]);
    // Each entry is its header, its name, and its content, at multiples of 4; the last one is named so.
    const names: string[] = [];
    for (let at = 0; at < bytes.length;) {
      expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
      const field = (i: number): number => Number.parseInt(bytes.toString("latin1", at + 6 + 8 * i, at + 14 + 8 * i), 16);
      names.push(`${field(1).toString(8)} ${bytes.toString("latin1", at + 110, at + 109 + field(11))} ${field(9)}:${field(10)}`);
      at = ((at + 110 + field(11) + 3) & ~3) + ((field(6) + 3) & ~3);
    }
    expect(names).toEqual([
      "40755 dev 0:0", "20600 dev/console 5:1", "40755 a 0:0", "40755 a/b 0:0", "100755 a/b/file 0:0", "0 TRAILER!!! 0:0",
    ]);
  });
  it("modules behind what they need; what is part of the kernel is left out", () => {
    const module = (depends: string): string => `\0license=GPL\0depends=${depends}\0name=x\0`;
    const folder = join(scratch, "modules");
    mkdirSync(folder);
    for (const [name, depends] of [["zram", "zsmalloc,lz4-compress,built_in"], ["zsmalloc", ""], ["lz4-compress", "zsmalloc"]] as const) {
      writeFileSync(join(folder, `${name}.ko`), module(depends));
    }
    const image = { name: "x", uname: "x", release: "7.3.4", vmlinuz: "", modules: folder };
    const order = ["modules/00-zsmalloc.ko", "modules/01-lz4_compress.ko", "modules/02-zram.ko"];
    expect(modulesFor(image, ["zram"]).map((m) => m.path)).toEqual(order);
    expect(dependenciesOf(Buffer.from(module("")))).toEqual([]);
    expect(() => modulesFor(image, ["loop"])).toThrow(/has no module "loop" here: there are lz4_compress, zram, zsmalloc/);
    expect(() => modulesFor({ ...image, modules: null }, ["loop"])).toThrow(/has no module "loop"/);
  });
  it("nodes of unequal size, CPUs in turn, swap, and words of one's own", () => {
    const options = guestOptions({ memory: "768,256", cpus: 3, swap: "zram:64", append: ["thp_anon=64K:always"] });
    const command = qemuCommand(options, { kernel: "K", initramfs: "I", disk: null }, "tcg").join(" ");
    expect(command).toContain("-m 1024M -smp 3");
    expect(command).toContain("memory-backend-ram,id=node1,size=256M -numa node,nodeid=1,memdev=node1,cpus=1");
    expect(command).toContain("nodeid=0,memdev=node0,cpus=0,cpus=2");
    expect(commandLine(options)).toMatch(/damon_stat.enabled=N .*thp_anon=64K:always -- .*swap=\/dev\/zram0:67108864$/);
    expect(commandLine(options)).toMatch(/compaction_proactiveness=0 (?!.*lru_gen)/);
    const actors = commandLine(guestOptions({ lru: "classic", compaction: 90 }));
    expect(actors).toMatch(/ -- write:\/proc\/sys\/vm\/compaction_proactiveness=90 write:\/sys\/kernel\/mm\/lru_gen\/enabled=n /);
    expect(commandLine(guestOptions({ lru: "multi-gen" }))).toContain("lru_gen/enabled=y ");
    expect(modulesOf(options)).toEqual(["zram"]);
    const onDisk = { ...options, memory: [512], swap: { on: "disk", mib: 8 } } as const;
    const disk = qemuCommand(onDisk, { kernel: "K", initramfs: "I", disk: "D" }, "kvm").join(" ");
    expect(disk).toContain("nvme,drive=disk");
    expect(disk).not.toContain("-numa");
  });
  it.each([
    [{ memory: "64" }, "--memory takes MiB"], [{ memory: "1024,x" }, '"x" is none'],
    [{ swap: "ram:3" }, "--swap takes"], [{ swap: "zram:0" }, "--swap takes"], [{ lru: "old" }, "--lru is one of classic, multi-gen"],
    [{ compaction: 101 }, "--compaction takes 0"],
  ])("%o is refused", (flags, why) => {
    expect(() => guestOptions(flags)).toThrow(why);
  });
  it("options of guests need a kernel", () => {
    expect(() => { refuseWithoutKernel({ swap: "zram:1" }); }).toThrow("--swap is about a guest");
    expect(() => { refuseWithoutKernel({ swap: "zram:1", kernel: "7.3.4" }); }).not.toThrow();
    expect(() => { refuseWithoutKernel({ lru: "classic" }); }).toThrow("--lru is about a guest");
    const kept = { record: true, kernel: "7.3.4" };
    expect(() => { refuseWithoutKernel({ ...kept, compaction: 20 }); }).toThrow("--compaction and --record contradict one another");
    expect(() => { refuseWithoutKernel(kept); }).not.toThrow();
  });
});

describe("an agent that says nothing more", () => {
  it("has ended, or is silent; what it has shown is kept", async () => {
    const [from, to] = [new PassThrough(), new PassThrough()];
    const talk = new AgentTalk(from, to, 50);
    from.write("r 0 0 0\nk 0\nr 1 0 0\n");
    const silent = await talk.run(SMALL).catch((e: unknown) => e as AgentGone);
    expect(silent).toMatchObject({ silent: true, seen: [["r 0 0 0", "k 0"], ["r 1 0 0"]] });
    from.destroy();
    expect(await talk.run(SMALL).catch((e: unknown) => e as AgentGone)).toMatchObject({ silent: false, seen: [] });
  });
  it("the end of a kernel is a result: the program so far, and its console", async () => {
    const died = new KernelDied("the guest has ended", [["r 0 0 0"], ["r 1 0 0"]], ["Kernel panic - not syncing"]);
    const found = await judge(SMALL, { run: () => Promise.reject(died) }, new ImplKernel("7.3.4"));
    expect(found).toMatchObject({ died, difference: { step: 2 } });
    const text = disagreement("it", SMALL, found, "7.3.4", " --kernel 7.3.4");
    expect(text).toContain("it: the end of Linux 7.3.4\n  in step 2, 0 write 0.3 0.2 7: the guest has ended");
    expect(text).toMatch(/Kernel panic[^]*--program p.json --kernel 7.3.4/);
    await expect(judge(SMALL, { run: () => Promise.reject(new Error("ours")) }, new ImplKernel("7.3.4"))).rejects.toThrow("ours");
  });
});

describe("random programs", () => {
  it("are the same whatever their number and whatever can be run, and shrink from their number", async () => {
    const splits = (p: { steps: readonly { call: string }[] }): boolean => p.steps.some((s) => s.call === "split");
    const all = drawn(5, 40, () => true).able;
    const able = drawn(5, 10, (p) => !splits(p));
    expect(able.able).toEqual(all.filter((d) => !splits(d.program)).slice(0, 10));
    expect(able.unable).toBe(all.slice(0, able.able.at(-1)!.index).filter((d) => splits(d.program)).length);
    const forks = all.find((d) => d.index > 3 && d.program.steps.some((s) => s.call === "fork"))!;
    const { program: smallest, found } = await shrunk(5, forks, "first", (p) =>
      Promise.resolve(p.steps.some((s) => s.call === "fork") ? "again" : null));
    expect(found).toBe("again");
    expect(smallest.steps.length).toBeLessThan(forks.program.steps.length);
    expect(smallest.steps.filter((s) => s.call === "fork")).toHaveLength(1);
  });
  it("are kept as they were first found, with what was found, where it is not found again", async () => {
    const [one] = drawn(5, 1, () => true).able;
    let asked = 0;
    const kept = await shrunk(5, one!, "first", () => {
      asked++;
      return Promise.resolve(null);
    });
    expect(kept).toEqual({ program: one!.program, found: "first" });
    expect(asked).toBe(1);
  });
  it("are run side by side, begun in their order, until there is an end", async () => {
    const begun: number[] = [];
    let most = 0;
    let now = 0;
    await sideBySide([0, 1, 2, 3, 4, 5, 6], 3, async (one) => {
      begun.push(one);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
    }, () => begun.length >= 5);
    expect([begun, most]).toEqual([[0, 1, 2, 3, 4], 3]);
  });
});

const reason = whyNoGuests();
const newest = reason === null ? storedKernels().at(-1) : undefined;
describe.skipIf(newest === undefined)(`a guest (${reason ?? newest?.name ?? "no kernel is here: npx thpcheck kernels --fetch"})`, () => {
  it("runs programs, on two nodes, with swap on a disk; and a panic is its end", async () => {
    const options = { ...GUEST_DEFAULTS, memory: [384, 256], swap: { on: "disk", mib: 16 } } as const;
    const guest = await GuestKernel.boot(newest!, options);
    try {
      const impl = new ImplKernel(guest.release);
      expect(await judge(SMALL, guest, impl)).toMatchObject({ difference: null, died: null });
      // What impl/ lacks a part for: a huge page moves to the other node, whole.
      const seen = await guest.run(programFromJson({ steps: [
        "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 bind 0.0 1.0 1", "0 write 0.0 1.0 1", "0 node_of 0.9",
        "0 move_page 0.5 0", "0 node_of 0.9", "0 count thp_migration_success", "0 size 64kB madvise", "0 word_at_boot 64kB",
      ] }));
      expect(seen.slice(4).map((lines) => lines[0])).toEqual(["r 4 1 0", "r 5 0 0", "r 6 0 0", "r 7 1 0", "r 8 0 0", "r 9 0 0"]);
    } finally {
      await guest.stop();
    }
    await expect(guest.run(SMALL)).rejects.toThrow("the guest has ended");
    const lost = { ...GUEST_DEFAULTS, append: ["init=/nothing", "rdinit=/nothing"] };
    await expect(GuestKernel.boot(newest!, lost)).rejects.toThrow(/does not come up in a guest:[^]*Kernel panic/);
  });
});

describe.skipIf(compiler() === null || process.platform !== "linux")("a guest's program", () => {
  it("ends with its parent, however that ends", async () => {
    const launcher = compiled(LAUNCHER);
    const script = `const { spawn } = require("node:child_process");
      const child = spawn(${JSON.stringify(launcher)}, [String(process.pid), "sleep", "300"], { stdio: "ignore", detached: true });
      process.stdout.write(String(child.pid) + "\\n"); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => { parent.stdout.once("data", (d: Buffer) => { resolve(Number(d.toString())); }); });
    const lives = (): boolean => {
      try {
        return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
      } catch {
        return false;
      }
    };
    expect(lives()).toBe(true);
    parent.kill("SIGKILL");
    for (let i = 0; i < 100 && lives(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lives()).toBe(false);
    expect(spawnSync(launcher, ["1", "sleep", "0"]).status).toBe(1);
  });
});
