/** `thpcheck scan-results`: which results of a collapse the scenarios and tests get. */
import { Option } from "commander";
import type { ExtraCommand } from "thpcheck";
import type { ScanResultsFlags } from "../coverage/print-scan-results.ts";

export const scanResults: ExtraCommand = {
  name: "scan-results",
  description: "every result that a scan or collapse can have in the kernel, and which scenarios and tests get it",
  register: (command) => command
    .addOption(new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]).default("quick"))
    .option("--json", "the table as JSON")
    .option("--from <file>", "what \"coverage --keep\" has measured, in place of measuring")
    .addHelpText("after", `
Runs the functional tests of test/impl/ and all scenarios of test/scenarios/ and test/bugs/scenarios/, and counts with which result each attempt
to collapse a range ended: the event that the kernel's tracepoints would show, after a scan, whoever asked for it. In
concurrent runs an attempt counts once for each step that ends one, so that counts of scenarios compare with nothing but
themselves. Exit code 1 if a result is never reached that could be.

Examples:
  npx thpcheck scan-results                        about five minutes
  npx thpcheck scan-results --from measured.json   after: npx thpcheck coverage --keep measured.json`)
    .action(async (flags: ScanResultsFlags) => {
      const { runScanResults } = await import("../coverage/print-scan-results.ts");
      await runScanResults(flags);
    }),
};
