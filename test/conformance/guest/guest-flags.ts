/** The options of `conform` that are about guests. */
import { UsageError } from "../../../checker/usage-error.ts";
import type { GuestMachine } from "../program.ts";
import { GUEST_DEFAULTS, LRUS, type GuestOptions } from "./qemu.ts";

export interface GuestFlags {
  /** "all", a release, or the path of an image; without it there are no guests. */
  readonly kernel?: string;
  /** Side by side. */
  readonly guests?: number;
  /** MiB of each node: "1024", "768,256". */
  readonly memory?: string;
  readonly cpus?: number;
  /** "zram:256" or "disk:256". */
  readonly swap?: string;
  readonly module?: readonly string[];
  readonly append?: readonly string[];
  /** "classic" or "multi-gen". */
  readonly lru?: string;
  /** 0 to 100: as /proc/sys/vm/compaction_proactiveness. */
  readonly compaction?: number;
}
const NEED_KERNEL = ["guests", "memory", "cpus", "swap", "module", "append", "lru", "compaction"] as const;
/** MiB: less than this does not boot, and more is refused as a slip of the hand. */
const MEMORY = { least: 128, most: 65_536 };

/** Throws a UsageError that names the option which is wrong. */
export function guestOptions(flags: GuestFlags): GuestOptions {
  const { memory, cpus = GUEST_DEFAULTS.cpus, swap, module: modules = [], append = [], compaction = GUEST_DEFAULTS.compaction } = flags;
  return {
    memory: memory === undefined ? GUEST_DEFAULTS.memory : memory.split(",").map(mebibytes),
    cpus, swap: swap === undefined ? null : swapOf(swap), modules, append, lru: lruOf(flags.lru), compaction: compactionOf(compaction),
  };
}

/** The machine that a program takes. Throws a UsageError that names what is wrong with it. */
export function machineOptions({ append, ...flags }: GuestMachine): GuestOptions {
  return guestOptions({ ...flags, ...(append === undefined ? {} : { append: append.split(/\s+/) }) });
}

/** Throws a UsageError for an option of guests without any, and for what would be kept as if the kernel were like that by itself. */
export function refuseWithoutKernel(flags: GuestFlags & { readonly record?: boolean }): void {
  const given = NEED_KERNEL.find((name) => flags[name] !== undefined);
  if (flags.kernel === undefined && given !== undefined) {
    throw new UsageError(`--${given} is about a guest: say which kernel it boots, such as --kernel 7.3.4`);
  }
  const actor = (["lru", "compaction"] as const).find((name) => flags[name] !== undefined);
  if (flags.record === true && actor !== undefined) {
    throw new UsageError(`--${actor} and --record contradict one another: what is recorded stands for the kernel as it is configured`);
  }
}

function lruOf(text: string | undefined): GuestOptions["lru"] {
  if (text === undefined) return null;
  const found = LRUS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`--lru is one of ${LRUS.join(", ")}; ${JSON.stringify(text)} is none`);
}

function compactionOf(n: number): number {
  if (Number.isInteger(n) && n >= 0 && n <= 100) return n;
  throw new UsageError(`--compaction takes 0 (no compaction ahead of need) to 100; ${n} is none`);
}

function mebibytes(text: string): number {
  const mib = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (mib >= MEMORY.least && mib <= MEMORY.most) return mib;
  const right = `MiB for each node, ${MEMORY.least} to ${MEMORY.most}, as 1024 or 768,256`;
  throw new UsageError(`--memory takes ${right}; ${JSON.stringify(text)} is none`);
}

function swapOf(text: string): GuestOptions["swap"] {
  const [, on, mib] = /^(zram|disk):(\d{1,5})$/.exec(text) ?? [];
  if (on !== undefined && Number(mib) > 0) return { on: on as "zram" | "disk", mib: Number(mib) };
  throw new UsageError(`--swap takes what it is on and its MiB, as zram:256 or disk:256; ${JSON.stringify(text)} is none`);
}
