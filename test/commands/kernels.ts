/** `thpcheck kernels`: which kernels can be booted here. */
import type { ExtraCommand } from "thpcheck";
import type { KernelsFlags } from "../conformance/guest/kernels.ts";

export const kernels: ExtraCommand = {
  name: "kernels",
  description: "list the kernels that conform --kernel can boot, and fetch them",
  register: (command) => command
    .argument("[kernel...]", "releases: 7.3.4, or 7.3 for the newest of it; none: all")
    .option("--fetch", "fetch those that are not here yet; without names, the newest of each series")
    .option("--modules", "with --fetch: their modules as well, for --swap zram and --module")
    .option("--remove", "take them away from this machine")
    .option("--pin", "write test/conformance/guest/kernels.json anew from what the package archive has now")
    .addHelpText("after", `
Kernels are Debian's for virtual machines, fetched as packages through apt in a folder of its own: from the mirror that
apt is set up for, with the hash that kernels.json pins, without root, and never installed. They lie in
$XDG_CACHE_HOME/thpcheck/kernels (~/.cache/thpcheck/kernels), about 14 MB each, and are used from there without a network.

Examples:
  npx thpcheck kernels
  npx thpcheck kernels --fetch 7.3.4 6.18
  npx thpcheck conform --kernel 7.3.4

Exit codes: 0 done, or SKIP with the reason; 2 a kernel cannot be fetched.`)
    .action(async (names: string[], flags: KernelsFlags) => {
      const { runKernels } = await import("../conformance/guest/kernels.ts");
      await runKernels(names, flags);
    }),
};
