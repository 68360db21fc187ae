/** How a guest is started: the machine, its memory, and the words that the kernel and `init.c` are given. */
import { accessSync, constants, readFileSync } from "node:fs";
import { platform } from "node:os";
import { compiler } from "../agent-build.ts";
import { isThere } from "./system.ts";

const QEMU = "qemu-system-x86_64";

export interface GuestOptions {
  /** MiB of each NUMA node. */
  readonly memory: readonly number[];
  readonly cpus: number;
  /** MiB of swap on zram, or on a disk of that size; null: none. */
  readonly swap: { readonly on: "zram" | "disk"; readonly mib: number } | null;
  /** To be loaded besides. */
  readonly modules: readonly string[];
  /** Words for the kernel's command line, behind those of its own: "thp_anon=64K:always". */
  readonly append: readonly string[];
  /** The lists that pages age on; null: as the kernel is configured. @kernel mm/vmscan.c enabled_store() of lru_gen */
  readonly lru: Lru | null;
  /** How hard kcompactd compacts ahead of need, 0 (not at all) to 100; Linux's own default is 20. @kernel mm/compaction.c */
  readonly compaction: number;
}
export const LRUS = ["classic", "multi-gen"] as const;
export type Lru = (typeof LRUS)[number];
export const GUEST_DEFAULTS: GuestOptions = { memory: [1024], cpus: 1, swap: null, modules: [], append: [], lru: null, compaction: 0 };

/** The processor's own virtualization, or QEMU's translation of each instruction. */
export type Accelerator = "kvm" | "tcg";

/** Why no guest can be run here, or null. */
export function whyNoGuests(): string | null {
  if (platform() !== "linux") return `guests are run on Linux only, and this is ${platform()}`;
  if (!isThere(QEMU)) return `there is no ${QEMU} (Debian's package qemu-system-x86)`;
  if (compiler() === null) return "there is no C compiler (cc, gcc or clang)";
  return process.arch === "x64" ? null : `the agent is compiled for this machine, ${process.arch}, and guests are x86-64`;
}

/** KVM needs a processor that has virtualization: a device file without one behind it emulates too little to boot Linux. */
export function accelerator(): Accelerator {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return /^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync("/proc/cpuinfo", "utf8")) ? "kvm" : "tcg";
  } catch {
    return "tcg";
  }
}

/**
 * What the kernel is told. Third actors are off: what samples memory (DAMON, NUMA balancing), and what swaps or merges by
 * itself. A panic ends the guest at once, and says so on the console.
 */
const WORDS = [
  "console=ttyS0", "quiet", "panic=-1", "oops=panic", "mitigations=off", "nokaslr", "no_timer_check",
  "damon_stat.enabled=N", "numa_balancing=disable", "random.trust_cpu=1",
];
/**
 * What `init.c` does before the agent starts: how much is compacted ahead of need, the lists that pages age on (there is
 * no word for either that the kernel itself would read), statistics that are not folded meanwhile.
 */
function settings({ lru, compaction }: GuestOptions): readonly string[] {
  const lists = lru === null ? [] : [`write:/sys/kernel/mm/lru_gen/enabled=${lru === "classic" ? "n" : "y"}`];
  return [`write:/proc/sys/vm/compaction_proactiveness=${compaction}`, ...lists, "write:/proc/sys/vm/stat_interval=3600"];
}

/** `-append`. */
export function commandLine(options: GuestOptions): string {
  const { swap, append } = options;
  const swaps = swap === null ? [] : [swap.on === "zram" ? `swap=/dev/zram0:${swap.mib * 1024 * 1024}` : "swap=/dev/nvme0n1"];
  return [...WORDS, ...append, "--", ...settings(options), ...swaps].join(" ");
}

/** Modules for what the options ask for. */
export function modulesOf({ swap, modules }: GuestOptions): readonly string[] {
  return swap?.on === "zram" ? ["zram", ...modules] : modules;
}

export interface Files {
  readonly kernel: string;
  readonly initramfs: string;
  /** A disk of `swap.mib`, if swap is on one. */
  readonly disk: string | null;
  /** A socket for QEMU's debugger to listen at; null or left out: there is no debugger. */
  readonly gdb?: string | null;
}

/** The program and its arguments. The agent's port is the socket of file descriptor 3, the console is standard output. */
export function qemuCommand(options: GuestOptions, { kernel, initramfs, disk, gdb = null }: Files, by: Accelerator): readonly string[] {
  const { memory, cpus } = options;
  const total = memory.reduce((a, b) => a + b, 0);
  const nodes = memory.length === 1 ? [] : memory.flatMap((mib, i) => [
    "-object", `memory-backend-ram,id=node${i},size=${mib}M`,
    // The last node has what is left of the CPUs.
    "-numa", `node,nodeid=${i},memdev=node${i}${cpusOf(i, memory.length, cpus)}`,
  ]);
  return [
    QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "pc,hpet=off", "-accel", by,
    "-cpu", by === "kvm" ? "host" : "max,la57=off", "-m", `${total}M`, "-smp", String(cpus), ...nodes,
    "-kernel", kernel, "-initrd", initramfs, "-append", commandLine(options),
    "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
    "-chardev", "socket,id=agent,fd=3", "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=agent",
    ...(disk === null ? [] : ["-drive", `file=${disk},if=none,id=disk,format=raw,cache=unsafe`, "-device", "nvme,drive=disk,serial=disk"]),
    ...(gdb === null ? [] : ["-gdb", `unix:${gdb},server=on,wait=off`]),
  ];
}

/** CPUs in turn: a node may have none. */
function cpusOf(node: number, nodes: number, cpus: number): string {
  return Array.from({ length: cpus }, (_, cpu) => cpu).filter((cpu) => cpu % nodes === node).map((cpu) => `,cpus=${cpu}`).join("");
}
