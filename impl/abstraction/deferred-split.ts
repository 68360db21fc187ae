/** Membership of the deferred split queue: two flags. */
import type { Kernel } from "../mm-types.ts";
import type { Abstraction } from "./abstraction.ts";

function abstract(k: Kernel, folio: number): number {
  return (k.page.deferred.get(folio) ? 1 : 0) + (k.page.partiallyMapped.get(folio) ? 2 : 0);
}

export const deferredSplitAbstraction: Abstraction = {
  machine: "deferred-split", values: ["out", "waiting", "taken", "partial"], context: [], abstract,
};
