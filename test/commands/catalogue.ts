/** `thpcheck list invariants`, `thpcheck list machines` and `thpcheck list switches`, as rows. */
import { SWITCHES, type SwitchRow } from "../../impl/config/release.ts";
import { MACHINES } from "../../spec/alphabet.ts";
import { CATALOGUE, keptBy } from "../../spec/catalogue.ts";
import { compileMachine } from "../../spec/table.ts";

export function catalogueRows(): string[][] {
  return [["id", "name", "family", "kept by"], ...CATALOGUE.map((p) => [p.id, p.name, p.family, keptBy(p)])];
}

/** Machines whose subject an implementation has are held to it at every step; the others are explored on their own. */
export function machineRows(): string[][] {
  return [["machine", "one for", "states", "arrows", "held to"], ...MACHINES.map((spec) => {
    const table = compileMachine(spec);
    const states = Object.keys(spec.machine.root.states as object).length;
    const heldTo = spec.lacks === undefined ? "every step of impl/" : `lacks ${spec.lacks}: explored on its own`;
    return [spec.name, spec.instance, String(states), String(table.transitions.length), heldTo];
  })];
}

/** Differences between kernels. Of one with several values, the releases say from which on each is the kernel's. */
export function switchRows(): string[][] {
  const headings = ["switch", "since", "until", "default", "meaning", "source"];
  return [headings, ...Object.entries(SWITCHES).map(([name, row]: [string, SwitchRow]) => {
    if (!("values" in row)) {
      const [since, until] = [row.since, row.until ?? []].map((releases) => releases.join(" ") || "-");
      return [name, since!, until!, row.default ? "on" : "off", row.meaning, row.source];
    }
    const since = row.values.map((v) => `${v.name} ${v.since.join(" ")}${v.missing === true ? " (not implemented)" : ""}`).join(", ");
    return [name, since, "-", row.values.find((v) => v.value === row.default)!.name, row.meaning, row.source];
  })];
}
