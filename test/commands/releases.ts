/** `thpcheck releases`: what each release of Linux does otherwise, by what was recorded. */
import type { ExtraCommand } from "thpcheck";
import { writeWhole } from "../../checker/files.ts";

export const releases: ExtraCommand = {
  name: "releases",
  description: "what each recorded release of Linux does otherwise, by which switch of impl/, and which program shows it",
  register: (command) => {
    command
      .option("--write", "put it into test/conformance/RELEASES.md")
      .action(async (options: { readonly write?: boolean }) => {
        const [{ RELEASES, releasesText }, { recordings }] = await Promise.all([
          import("../conformance/releases.ts"), import("../conformance/recording.ts"),
        ]);
        const text = releasesText(recordings());
        if (options.write === true) writeWhole(RELEASES, text);
        else process.stdout.write(text);
      });
  },
};
