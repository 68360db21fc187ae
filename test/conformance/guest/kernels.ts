/** `thpcheck kernels`. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../../../checker/usage-error.ts";
import { table } from "../../../checker/report/summary.ts";
import { Apt, kernelsOf, whyNoPackages } from "./apt.ts";
import { kernelNamed, pinKernels, pinnedKernels, type PinnedKernel } from "./catalogue.ts";
import { whyNoGuests } from "./qemu.ts";
import { bytesOf, fetchKernels, storeFolder, stored } from "./store.ts";

export interface KernelsFlags {
  readonly fetch?: boolean;
  readonly modules?: boolean;
  readonly remove?: boolean;
  readonly pin?: boolean;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const seriesOf = ({ name }: PinnedKernel): string => name.split(".").slice(0, 2).join(".");

/** Of each series the newest. */
function newest(kernels: readonly PinnedKernel[]): PinnedKernel[] {
  return [...new Map(kernels.filter((k) => !k.name.includes("+")).map((k) => [seriesOf(k), k])).values()];
}

export async function runKernels(names: readonly string[], flags: KernelsFlags): Promise<void> {
  if (flags.pin === true) {
    pin();
    return;
  }
  const all = pinnedKernels();
  const named = names.map((n) => kernelNamed(n, all));
  if (flags.fetch === true && flags.remove === true) throw new UsageError("--fetch and --remove contradict one another");
  if (flags.fetch === true) {
    const wanted = named.length > 0 ? named : newest(all);
    const missing = wanted.filter((k) => stored(k) === null);
    const why = missing.length > 0 ? whyNoPackages() : null;
    if (why !== null) say(`SKIP: ${why}; not fetched: ${missing.map((k) => k.name).join(", ")}`);
    else await fetchKernels(wanted, { modules: flags.modules === true, said: say });
  }
  if (flags.remove === true) {
    for (const k of named.length > 0 ? named : all) rmSync(join(storeFolder(), k.uname), { recursive: true, force: true });
  }
  list(named.length > 0 ? named : all);
}

function list(kernels: readonly PinnedKernel[]): void {
  const rows = kernels.map((k) => {
    const here = stored(k);
    const packages = megabytes(k.packages[0]!.size);
    if (here === null) return [k.name, k.suite, packages, "-", "-"];
    const where = `${dirname(here.vmlinuz)}${here.modules === null ? "" : ", with modules"}`;
    return [k.name, k.suite, packages, megabytes(bytesOf(here)), where];
  });
  const isRight = [false, false, true, true, false];
  say(table([["kernel", "suite", "package", "here", "where"], ...rows], isRight, (line) => line));
  const here = kernels.flatMap((k) => stored(k) ?? []);
  say(`\n${here.length} of ${kernels.length} are here, ${megabytes(here.reduce((sum, k) => sum + bytesOf(k), 0))}`);
  const packages = whyNoPackages();
  if (packages !== null && here.length < kernels.length) say(`SKIP: no more can be fetched: ${packages}`);
  const guests = whyNoGuests();
  if (guests !== null) say(`SKIP: none can be booted: ${guests}`);
}

function pin(): void {
  const why = whyNoPackages();
  if (why !== null) throw new UsageError(`the kernels cannot be pinned: ${why}`);
  mkdirSync(storeFolder(), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(storeFolder(), "apt-"));
  try {
    const kernels = kernelsOf(new Apt(folder));
    say(`pinned ${kernels.length} kernels in ${pinKernels(kernels)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
