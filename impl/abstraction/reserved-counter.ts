/** NR_THP_RESERVED, as the node counts it. */
import { MECHANISM_OFF } from "../../spec/enumerations.ts";
import type { Kernel } from "../mm-types.ts";
import type { Abstraction } from "./abstraction.ts";

export const reservedCounterAbstraction: Abstraction = {
  machine: "reserved-counter", values: ["counting"],
  context: [{ name: "reserved", size: (c) => c.mms * c.hugeRanges * c.pagesPerHugePage + 1 }],
  abstract: (k: Kernel) => k.node.thpReserved.get(),
  when: (c) => c.resvMechanism !== MECHANISM_OFF,
};
