/**
 * The kernels that are known: Debian's for virtual machines of x86-64, as `kernels.json` pins them, by name and hash.
 * `npx thpcheck kernels --pin` writes that file anew from what the package archive has.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hostRelease } from "../../../impl/config/linux-release.ts";
import { UsageError } from "../../../checker/usage-error.ts";
import { didYouMean } from "../../../checker/nearest.ts";

export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** Bytes of the package. */
  readonly size: number;
  readonly sha256: string;
}
export interface PinnedKernel {
  /** "7.3.4"; the second kernel of a release has more: "7.2.12+deb14". */
  readonly name: string;
  /** As `uname -r` says it: 7.3.4+deb13-cloud-amd64. */
  readonly uname: string;
  /** Of the distribution; the package archive keeps them for as long as it pleases. */
  readonly suite: string;
  /** What has the image, and what has its modules where that is another one. */
  readonly packages: readonly PinnedPackage[];
}

/** The suites that are looked through: stable releases, what is carried back to them, and what becomes the next. */
export const SUITES: readonly string[] = ["bookworm", "bookworm-backports", "trixie", "trixie-backports", "forky", "sid"];

const FILE = fileURLToPath(new URL("./kernels.json", import.meta.url));

/** From the oldest to the newest. */
export function pinnedKernels(): readonly PinnedKernel[] {
  return JSON.parse(readFileSync(FILE, "utf8")) as PinnedKernel[];
}

/** One kernel a line: a change shows as that. Returns the path. */
export function pinKernels(kernels: readonly PinnedKernel[]): string {
  writeFileSync(FILE, `[\n${kernels.map((k) => `  ${JSON.stringify(k)}`).join(",\n")}\n]\n`);
  return FILE;
}

/** From the oldest release to the newest. */
export function byRelease(a: PinnedKernel, b: PinnedKernel): number {
  const [x, y] = [hostRelease(a.name), hostRelease(b.name)];
  return x.age - y.age || x.patch - y.patch || (a.uname < b.uname ? -1 : 1);
}

/**
 * The kernel of that name: a release, "7.3.4"; a series, "7.3", for its newest; or all of what `uname -r` says. Throws a
 * UsageError for one that is not known.
 */
export function kernelNamed(text: string, kernels: readonly PinnedKernel[] = pinnedKernels()): PinnedKernel {
  const found = kernels.find((k) => k.name === text || k.uname === text) ??
    kernels.findLast((k) => k.name.startsWith(`${text}.`));
  if (found !== undefined) return found;
  const meant = didYouMean(text, kernels.map((k) => k.name));
  throw new UsageError(`no kernel ${JSON.stringify(text)} is known.${meant}\nall that are: npx thpcheck kernels`);
}
