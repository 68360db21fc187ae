/** `thpcheck conform`: the implementation against the Linux that runs underneath, or against one in a guest. */
import type { ExtraCommand } from "thpcheck";
import type { ConformFlags } from "../conformance/conform.ts";
import { InvalidArgumentError } from "commander";

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function atLeastOne(text: string): number {
  const n = count(text);
  if (n < 1 || n > 64) throw new InvalidArgumentError("It must be 1 to 64.");
  return n;
}
const words = (text: string): readonly string[] => text.split(/[\s]+/).filter((w) => w !== "");

export const conform: ExtraCommand = {
  name: "conform",
  description: "run programs of system calls on this machine's Linux, or on one in a guest, and on impl/; compare all that can be seen",
  register: (command) => command
    .option("--programs <n>", "random programs", count, 200)
    .option("--seed <n>", "of the random programs", count, 1)
    .option("--program <file>", "only this one: a file as a disagreement prints it")
    .option("--show", "with --program: print what was observed after each step on both sides")
    .option("--record", "keep what this kernel says of the hand-written programs and of some random ones in test/conformance/recordings/")
    .option("--recorded", "compare the recordings alone: on no real kernel")
    .option("--anew", "with --record: run again what is recorded already")
    .option("--keep-going", "go on after a random program that disagrees, and make none smaller")
    .option("--kernel <release>", "boot this kernel in QEMU: a release, all that lie here, or the path of a vmlinuz")
    .option("--guests <n>", "with --kernel: guests side by side (default: one for each processor)", atLeastOne)
    .option("--memory <MiB,...>", "of a guest, for each of its nodes (default: 1024)")
    .option("--cpus <n>", "of a guest (default: 1)", atLeastOne)
    .option("--swap <where:MiB>", "of a guest: zram:256, or disk:256")
    .option("--module <names>", "to be loaded in a guest: loop,hwpoison-inject", (text) => text.split(","))
    .option("--append <words>", "for the guest's kernel: 'thp_anon=64K:always transparent_hugepage=madvise'", words)
    .option("--lru <lists>", "in a guest: classic, or multi-gen (default: as the kernel is configured)")
    .option("--compaction <0..100>", "in a guest: how hard kcompactd compacts ahead of need (default: 0, not at all)", count)
    .addHelpText("after", `
The hand-written programs of test/conformance/cases/, random ones, and what was recorded on other kernels. It takes root
and a C compiler; where they or huge pages are missing it says SKIP, and why, and compares the recordings alone. The
knobs of /sys/kernel/mm/transparent_hugepage are changed meanwhile, and set back whatever happens.

With --kernel the programs run in a virtual machine: that takes QEMU (qemu-system-x86_64) and a C compiler, but neither
root nor huge pages, and nothing of this machine is changed. A kernel that is not here yet is fetched (thpcheck kernels). A
guest that panics or hangs is a result: the program so far, and the end of its console.

Examples:
  npx thpcheck conform                                 under three minutes
  npx thpcheck conform --programs 2000 --seed 7
  npx thpcheck conform --program p.json                one program again
  npx thpcheck conform --program p.json --show         and what Linux and impl/ say after each step
  npx thpcheck conform --kernel 7.3.4 --programs 30    in a guest
  npx thpcheck conform --kernel all --keep-going       on every kernel that lies here

Exit codes: 0 all agree, or skipped; 1 a disagreement.`)
    .action(async (flags: ConformFlags) => {
      const [{ runConform }, { refuseWithoutKernel }] = await Promise.all([
        import("../conformance/conform.ts"), import("../conformance/guest/guest-flags.ts"),
      ]);
      refuseWithoutKernel(flags);
      await runConform(flags);
    }),
};
