/** The diagrams are those of the machines as they are. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MACHINES, machineNamed } from "../../spec/alphabet.ts";
import { BEGIN, END, mermaid, withSections } from "../../spec/graph.ts";
import { compileMachine } from "../../spec/table.ts";
import { README } from "../commands/graph.ts";

describe("the diagrams", () => {
  it("in spec/README.md are those of the machines; if not: npx thpcheck graph --write", () => {
    const document = readFileSync(README, "utf8");
    expect(withSections(document, MACHINES.map(compileMachine)) === document, "run: npx thpcheck graph --write").toBe(true);
  });

  it("show every state and every arrow of a machine, events with the same ends on one", () => {
    const picture = mermaid(compileMachine(machineNamed("tlb-entry"))).split("\n");
    expect(picture).toEqual([
      "stateDiagram-v2",
      "  [*] --> empty",
      "  empty --> huge: TLB_FILL [huge]",
      "  empty --> small: TLB_FILL [small]",
      "  empty --> empty: TLB_FLUSH",
      "  small --> small: TLB_FILL [small]<br/>TLB_FLUSH",
      "  small --> empty: TLB_FLUSH [exact]",
      "  huge --> huge: TLB_FILL [huge]",
      "  huge --> empty: TLB_FLUSH",
    ]);
  });

  it("shorten a guard with a parameter to its value", () => {
    expect(mermaid(compileMachine(machineNamed("collapse")))).toContain("COLLAPSE_RESULT [ccgroup_charge_failed, no_process_for_page, ");
  });

  it("go between the markers, and nowhere without them", () => {
    const written = withSections(`before\n${BEGIN}\nold\n${END}\nafter\n`, [compileMachine(machineNamed("mm"))]);
    expect(written).toMatch(/^before\n/);
    expect(written).toMatch(/after\n$/);
    expect(written).not.toContain("old");
    expect(() => withSections("no markers", [])).toThrow("has no lines");
  });
});
