/** Values that the specification names itself are those of the implementation. */
import { expect, it } from "vitest";
import * as options from "../../impl/config/options.ts";
import * as pgtable from "../../impl/pgtable.ts";
import * as ghosts from "../../impl/structs/ghosts.ts";
import * as mm from "../../impl/structs/mm.ts";
import * as pageTable from "../../impl/structs/page-table.ts";
import * as vma from "../../impl/structs/vma.ts";
import * as entry from "../../spec/entry.ts";
import * as enumerations from "../../spec/enumerations.ts";

/** The numbers that a module exports. */
function numbers(module: object): [string, number][] {
  return Object.entries(module).filter((e): e is [string, number] => typeof e[1] === "number");
}
const IMPL = new Map(numbers({ ...options, ...pgtable, ...ghosts, ...mm, ...pageTable, ...vma }));
/** `impl/` imports these from the specification. */
const IMPORTED = /^(MECHANISM|SCHEME|SPLIT_SCAN|KHUGEPAGED_MTHP|LOST)_/;

it.each(numbers(enumerations).filter(([name]) => !IMPORTED.test(name)))("%s is %i in impl/ as well", (name, value) => {
  expect(IMPL.get(name)).toBe(value);
});

it.each(numbers(entry))("%s of an entry is %i in impl/ as well", (name, value) => {
  expect(IMPL.get(name) ?? IMPL.get(name.replace(/^ENTRY_/, ""))).toBe(value);
});
