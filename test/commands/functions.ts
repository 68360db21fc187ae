/** `thpcheck functions`: the exported functions of the implementation, with their counterparts in Linux. */
import { writeWhole } from "../../checker/files.ts";
import type { ExtraCommand } from "thpcheck";

export const functions: ExtraCommand = {
  name: "functions",
  description: "the exported functions of impl/, and what each of them is in Linux",
  register: (command) => {
    command
      .option("--write", "put the list into impl/FUNCTIONS.md")
      .action(async (options: { readonly write?: boolean }) => {
        const { FUNCTIONS, functionList } = await import("../house/function-list.ts");
        if (options.write === true) writeWhole(FUNCTIONS, functionList());
        else process.stdout.write(functionList());
      });
  },
};
