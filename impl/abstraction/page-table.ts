/** A page-table page: its `state` says it. */
import type { Kernel } from "../mm-types.ts";
import { TABLE_DEPOSITED, TABLE_FREE, TABLE_LIVE, TABLE_PRIVATE, TABLE_RCU } from "../structs/page-table.ts";
import type { Abstraction } from "./abstraction.ts";

function abstract(k: Kernel, table: number): number {
  return k.ptTable.state.get(table);
}

const VALUES: string[] = [];
VALUES[TABLE_FREE] = "free";
VALUES[TABLE_PRIVATE] = "private";
VALUES[TABLE_LIVE] = "live";
VALUES[TABLE_DEPOSITED] = "deposited";
VALUES[TABLE_RCU] = "rcu";

export const pageTableAbstraction: Abstraction = { machine: "page-table", values: VALUES, context: [], abstract };
