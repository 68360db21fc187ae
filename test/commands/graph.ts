/** `thpcheck graph [machine]`: the specification's machines as Mermaid diagrams. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ExtraCommand } from "thpcheck";
import { writeWhole } from "../../checker/files.ts";
import { UsageError } from "../../checker/usage-error.ts";

export const README = fileURLToPath(new URL("../../spec/README.md", import.meta.url));

export const graph: ExtraCommand = {
  name: "graph",
  description: "draw the machines of the specification as Mermaid diagrams",
  register: (command) => {
    command
      .argument("[machine]", "its name; none: all machines")
      .option("--write", "put the diagrams of all machines into spec/README.md")
      .action(async (name: string | undefined, options: { readonly write?: boolean }) => {
        const { MACHINES, machineNamed } = await import("../../spec/alphabet.ts");
        const { compileMachine } = await import("../../spec/table.ts");
        const { mermaid, withSections } = await import("../../spec/graph.ts");
        if (options.write === true) {
          if (name !== undefined) throw new UsageError("--write puts all machines into spec/README.md: name none");
          writeWhole(README, withSections(readFileSync(README, "utf8"), MACHINES.map(compileMachine)));
          return;
        }
        let machines = MACHINES;
        try {
          if (name !== undefined) machines = [machineNamed(name)];
        } catch (e) {
          throw new UsageError((e as Error).message);
        }
        for (const machine of machines) process.stdout.write(`${machines.length > 1 ? `%% ${machine.name}\n` : ""}${mermaid(compileMachine(machine))}\n`);
      });
  },
};
