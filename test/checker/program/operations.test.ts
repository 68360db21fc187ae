/** The table of operations, what TypeScript is told of them, what runs them natively, and what the README says. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, expectTypeOf, it } from "vitest";
import { bitset, bool, int, mutex, planLayout, ref, struct, table } from "../../../checker/program/layout.ts";
import { OPERATIONS, operationsOf, type Operation, type OperationOf, type OperandKind } from "../../../checker/program/operations.ts";
import {
  StateBytes, makeWorld, type BitsetAccess, type IntAccess, type LockAccess, type LockId, type NumberAccess,
} from "../../../checker/program/world.ts";

/** An operation as the type checker sees it: how many arguments it takes besides indices, and what it gives. */
interface Signature<Takes extends number, Gives> {
  readonly takes: Takes;
  readonly gives: Gives;
}
interface Results<V> {
  readonly nothing: void;
  readonly value: V;
  readonly number: number;
  readonly boolean: boolean;
  readonly lock: LockId;
}
/** What the table says of the operations of a kind whose values are of type V. */
type Told<K extends OperandKind, V> = {
  readonly [N in OperationOf<K>]: Signature<(typeof OPERATIONS)[N]["takes"]["length"], Results<V>[(typeof OPERATIONS)[N]["gives"]]>;
};
/** What an accessor of the world has. */
type Declared<A> = { readonly [N in keyof A]: A[N] extends (...args: infer P) => infer G ? Signature<P["length"], G> : never };

const KINDS: readonly OperandKind[] = ["int", "bool", "ref", "bitset", "lock"];
const README = fileURLToPath(new URL("../../../checker/README.md", import.meta.url));
const BEGIN = "<!-- operations: written by `THPCHECK_RENEW=1 npx vitest run test/checker/program/operations.test.ts` -->";
const END = "<!-- end of operations -->";

/** The table of the README. */
function operationTable(): string {
  const kind = (k: OperandKind): string => (k === "lock" ? "a lock" : `\`${k}\``);
  const fields = (o: Operation): string => (o.kinds.length === 4 ? "any value" : o.kinds.map(kind).join(", "));
  const noted = (o: Operation): string => (o.note === null ? `a ${o.gives}` : `a ${o.gives}: ${o.note}`).replace("a lock: ", "");
  const gives = (o: Operation): string => (o.gives === "nothing" ? "" : noted(o));
  const rows = Object.entries<Operation>(OPERATIONS).map(([name, o]) => {
    const linux = o.kernel === null ? "" : `\`${o.kernel}\``;
    const order = o.indivisible ? `${o.order}, indivisible` : o.order;
    return `| \`${name}(${o.takes.join(", ")})\` | ${fields(o)} | ${gives(o)} | ${linux} | ${order} |`;
  });
  return ["| operation | fields | gives | in Linux | order |", "|---|---|---|---|---|", ...rows].join("\n");
}

describe("the operations of fields", () => {
  it("are those that TypeScript is told of, with as many arguments and the same results", () => {
    expectTypeOf<Declared<IntAccess<[]>>>().toEqualTypeOf<Told<"int", number>>();
    expectTypeOf<Declared<NumberAccess<[], boolean>>>().toEqualTypeOf<Told<"bool", boolean>>();
    expectTypeOf<Declared<NumberAccess<[]>>>().toEqualTypeOf<Told<"ref", number>>();
    expectTypeOf<Declared<BitsetAccess<[]>>>().toEqualTypeOf<Told<"bitset", number>>();
    expectTypeOf<Declared<LockAccess<[]>>>().toEqualTypeOf<Told<"lock", never>>();
  });

  it("are those that run natively", () => {
    const s = struct({
      int: int(0, 3, "a number"),
      bool: bool("a flag"),
      ref: ref("t", "a reference"),
      bitset: bitset(3, "a set"),
      lock: mutex("a lock"),
    });
    const structs = { s, t: table(2, { n: int(0, 1, "a number") }) };
    const k = makeWorld<typeof structs>(planLayout(structs, 1), new StateBytes(new ArrayBuffer(64)), 64);
    for (const kind of KINDS) {
      const accessor = k.s[kind] as unknown as Readonly<Record<string, unknown>>;
      expect(operationsOf(kind).filter((name) => typeof accessor[name] !== "function"), kind).toEqual([]);
    }
  });

  it("change a field only where they write, and what is ordered fully is marked", () => {
    for (const [name, o] of Object.entries<Operation>(OPERATIONS)) {
      expect(o.writes || o.gives !== "nothing", name).toBe(true);
      expect(o.indivisible, name).toBe(o.order === "full");
      if (o.indivisible) expect(o, name).toMatchObject({ reads: true, writes: true, marked: true });
    }
  });

  it("are listed in checker/README.md", () => {
    const text = readFileSync(README, "utf8");
    const [before, rest] = text.split(`${BEGIN}\n`);
    const [, after] = (rest ?? "").split(`\n${END}`);
    expect(after, `checker/README.md must have the lines "${BEGIN}" and "${END}"`).toBeDefined();
    const renewed = `${before}${BEGIN}\n${operationTable()}\n${END}${after}`;
    if (process.env["THPCHECK_RENEW"] !== undefined) writeFileSync(README, renewed);
    else expect(text, "renew the table as the line above it says").toBe(renewed);
  });
});
