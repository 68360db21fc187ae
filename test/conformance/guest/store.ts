/**
 * Where kernels lie on this machine: `$XDG_CACHE_HOME/thpcheck/kernels`, a folder for each, with its image and a few of its
 * modules. None is ever part of the repository.
 */
import {
  closeSync, cpSync, existsSync, globSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { UsageError } from "../../../checker/usage-error.ts";
import { Apt, whyNoPackages } from "./apt.ts";
import { kernelNamed, pinnedKernels, type PinnedKernel, type PinnedPackage } from "./catalogue.ts";
import { output } from "./system.ts";

/** A kernel that can be booted. */
export interface KernelImage {
  /** For people: the release, or the path that was given. */
  readonly name: string;
  /** As `uname -r` will say it. */
  readonly uname: string;
  /** The release that its number stands for, which decides what it is compared with. */
  readonly release: string;
  readonly vmlinuz: string;
  /** The folder of its modules, if they lie here. */
  readonly modules: string | null;
}

/** Modules that guests may be asked to load, and what these need. The others are not kept: they are a hundred times as large. */
const KEPT = ["zram", "zsmalloc", "lz4*", "lz4*_compress", "loop", "brd", "hwpoison-inject", "nullb", "null_blk", "virtio_blk"];
/** Says that a folder is complete: the hashes of the packages that it is from, one a line. */
const FROM = "from";
/** Bytes of a bzImage's head that name its version. @kernel Documentation/arch/x86/boot.rst kernel_version */
const HEAD_BYTES = 0x8000;

export function storeFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "thpcheck", "kernels");
}

const hashesOf = (packages: readonly PinnedPackage[]): string => packages.map((p) => `${p.sha256}\n`).join("");

/** The kernel as it lies here, or null: it was not fetched, or from other packages than are pinned now. */
export function stored({ name, uname, packages }: PinnedKernel): KernelImage | null {
  const folder = join(storeFolder(), uname);
  const from = join(folder, FROM);
  const hashes = existsSync(from) ? readFileSync(from, "utf8") : "";
  if (!hashes.startsWith(hashesOf(packages.slice(0, 1)))) return null;
  const modules = hashes === hashesOf(packages) && globSync("modules/*", { cwd: folder }).length > 0 ? join(folder, "modules") : null;
  return { name, uname, release: name.split("+")[0]!, vmlinuz: join(folder, "vmlinuz"), modules };
}

/** All that lie here, from the oldest release to the newest. */
export const storedKernels = (): KernelImage[] => pinnedKernels().flatMap((k) => stored(k) ?? []);

/** Bytes that the kernel takes here. */
export function bytesOf({ vmlinuz, modules }: KernelImage): number {
  const files = modules === null ? [] : globSync("*", { cwd: modules }).map((f) => join(modules, f));
  return [vmlinuz, ...files].reduce((sum, f) => sum + statSync(f).size, 0);
}

export interface FetchOptions {
  /** Modules as well, which are twice as large as the image. */
  readonly modules: boolean;
  /** Is told what is done, before it is. */
  readonly said: (text: string) => void;
}

/** A kernel is not here, and cannot be had: no fault of the person's. */
export class NotFetched extends UsageError {}

/** Fetches what does not lie here yet. Throws a NotFetched that says why one cannot be had; what was fetched before it stays. */
export async function fetchKernels(kernels: readonly PinnedKernel[], { modules, said }: FetchOptions): Promise<void> {
  // Of some kernels the archive has the modules no more.
  const wanted = kernels.filter((k) => stored(k) === null || (modules && k.packages.length > 1 && stored(k)!.modules === null));
  if (wanted.length === 0) return;
  const why = whyNoPackages();
  if (why !== null) throw new NotFetched(`Linux ${wanted[0]!.name} is not here yet, and cannot be fetched: ${why}`);
  mkdirSync(storeFolder(), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(storeFolder(), "apt-"));
  try {
    const apt = new Apt(folder);
    said("fetching the lists of packages");
    apt.update([...new Set(wanted.map((k) => k.suite))]);
    for (const kernel of wanted) {
      const packages = modules ? kernel.packages : kernel.packages.slice(0, 1);
      said(`fetching Linux ${kernel.name}: ${packages.map((p) => `${p.name} (${Math.round(p.size / 1e6)} MB)`).join(", ")}`);
      await fetchOne(apt, kernel, packages);
    }
  } catch (e) {
    const remedy = "what is here already works without: npx thpcheck kernels";
    throw new NotFetched(`a kernel cannot be fetched: ${(e as Error).message}\n${remedy}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchOne(apt: Apt, kernel: PinnedKernel, packages: readonly PinnedPackage[]): Promise<void> {
  const made = mkdtempSync(join(storeFolder(), "new-"));
  try {
    const all = join(made, "all");
    for (const p of packages) await apt.with(p, (file) => output("dpkg-deb", ["-x", file, all]));
    const images = globSync(["boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz"], { cwd: all });
    if (images.length !== 1) throw new Error(`the packages of ${kernel.name} have ${images.length} images`);
    mkdirSync(join(made, "modules"));
    renameSync(join(all, images[0]!), join(made, "vmlinuz"));
    const pattern = `{,usr/}lib/modules/*/kernel/**/{${KEPT.join(",")}}.ko*`;
    for (const m of globSync(pattern, { cwd: all })) cpSync(join(all, m), join(made, "modules", basename(m)));
    rmSync(all, { recursive: true });
    // Last: with it the folder is complete.
    writeFileSync(join(made, FROM), hashesOf(packages));
    const folder = join(storeFolder(), kernel.uname);
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** The version that an image names, as `uname -r` will say it, or null: it is no bzImage. */
export function unameOfImage(file: string): string | null {
  const head = Buffer.alloc(HEAD_BYTES);
  const fd = openSync(file, "r");
  try {
    readSync(fd, head, 0, HEAD_BYTES, 0);
  } finally {
    closeSync(fd);
  }
  if (head.toString("latin1", 0x202, 0x206) !== "HdrS") return null;
  const at = head.readUInt16LE(0x20e) + 0x200;
  return at === 0x200 || at >= HEAD_BYTES ? null : head.toString("latin1", at, head.indexOf(0, at)).split(" ")[0]!;
}

/**
 * The kernels that `--kernel` names: "all" that lie here, a release (fetched if it does not lie here yet), or the path of an
 * image. Throws a UsageError that says what is wrong with it.
 */
export async function kernelsFor(text: string, options: FetchOptions): Promise<readonly KernelImage[]> {
  const meant = kernelMeant(text);
  if (meant === "all") return storedKernels();
  if ("vmlinuz" in meant) return [meant];
  await fetchKernels([meant], options);
  return [stored(meant)!];
}

/** Throws a UsageError for what `kernelsFor` would refuse, before anything is fetched, or found missing on this machine. */
export function refuseUnknownKernel(text: string): void {
  kernelMeant(text);
}

function kernelMeant(text: string): "all" | KernelImage | PinnedKernel {
  if (text === "all") return text;
  return text.includes("/") || existsSync(text) ? imageAt(text) : kernelNamed(text);
}

function imageAt(path: string): KernelImage {
  if (!existsSync(path)) throw new UsageError(`there is no file ${path}\na release, such as 7.3.4, is fetched: npx thpcheck kernels`);
  const uname = unameOfImage(path);
  if (uname === null) throw new UsageError(`${path} is no kernel image that can be booted: a bzImage (arch/x86/boot/bzImage, vmlinuz)`);
  return { name: path, uname, release: uname, vmlinuz: resolve(path), modules: null };
}
