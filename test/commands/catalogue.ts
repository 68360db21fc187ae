/** `thpcheck list invariants` and `thpcheck list machines`, as rows. */
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
    return [spec.name, spec.instance, String(Object.keys(spec.machine.root.states as object).length), String(table.transitions.length), spec.lacks === undefined ? "every step of impl/" : `lacks ${spec.lacks}: explored on its own`];
  })];
}
