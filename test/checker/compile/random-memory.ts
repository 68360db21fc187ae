/** The memory of a random program: the kinds of its values, its record types, and its structs laid out as declarations. */
import type { FieldNode, ProgramNode } from "./random-syntax.ts";

export interface Kind { readonly annotation: string; readonly boolean: boolean; readonly min: number; readonly max: number }
export const numbers = (annotation: string, min: number, max: number): Kind => ({ annotation, boolean: false, min, max });
export const BOOLEAN: Kind = { annotation: "boolean", boolean: true, min: 0, max: 1 };
export const U2 = numbers("U<2>", 0, 3);
export const U3 = numbers("U<3>", 0, 7);
export const kindsFor = (items: number): readonly Kind[] => [
  U3, BOOLEAN, numbers("Int<-2, 5>", -2, 5), numbers('Ref<"item">', -1, items - 1), numbers("Mask<4>", 0, 15), numbers("U8", 0, 255),
  numbers("Tiny", -2, 5), numbers("Item", -1, items - 1), numbers("Int<3, 3>", 3, 3), numbers("U16", 0, 65_535),
    numbers("Int<-1000, 1000>", -1000, 1000),
  numbers("U32", 0, 2 ** 32 - 1), numbers("Int<-2147483648, 2147483647>", -(2 ** 31), 2 ** 31 - 1), numbers("0 | 1 | 2", 0, 2),
    numbers("U<1>", 0, 1),
];

export interface FieldInfo {
  readonly path: string;
  /** Sizes of its indices; none for a plain field of a singleton. */
  readonly dimensions: readonly number[];
  readonly type: "int" | "bool" | "ref" | "bitset";
  readonly min: number;
  readonly max: number;
  readonly size: number;
  readonly wrapping: boolean;
  readonly role: "state" | "ghost" | "statistic";
}
export interface LockInfo { readonly path: string; readonly count: number | null; readonly kind: "spinlock" | "mutex" | "rwsem"; readonly rank: number }
export interface RecordInfo { readonly name: string; readonly members: readonly Kind[] }
export interface Memory { readonly records: readonly RecordInfo[]; readonly fields: readonly FieldInfo[]; readonly locks: readonly LockInfo[]; readonly counts: readonly string[]; readonly declarations: string; readonly items: number }

export function layMemory(node: ProgramNode): Memory {
  const fields: FieldInfo[] = [];
  const locks: Omit<LockInfo, "rank">[] = [];
  let declarations = "";
  const items = node.item.count;
  const declare = (f: FieldNode, path: string, dimensions: readonly number[]): string => {
    const info = { path, dimensions, size: 0, wrapping: false, role: "state" as const };
    switch (f.f) {
      case "int": {
        const max = f.min + f.span;
        fields.push({ ...info, type: "int", min: f.min, max, wrapping: f.wrapping });
        return `int(${f.min}, ${max}, "a number", { init: ${f.min + (f.init % (f.span + 1))}, wrapping: ${f.wrapping} })`;
      }
      case "bool":
        fields.push({ ...info, type: "bool", min: 0, max: 1 });
        return `bool("a truth", { init: ${f.init} })`;
      case "ref":
        fields.push({ ...info, type: "ref", min: -1, max: items - 1 });
        return 'ref("item", "points at an item")';
      case "bitset":
        fields.push({ ...info, type: "bitset", min: 0, max: 2 ** f.size - 1, size: f.size });
        return `bitset(${f.size}, "a set")`;
      case "lock":
        locks.push({ path, count: dimensions[0] ?? null, kind: f.kind === "queued rwsem" ? "rwsem" : f.kind });
        return f.kind === "queued rwsem" ? 'rwsem("a lock", { queued: true })' : `${f.kind}("a lock")`;
      case "statistic":
        fields.push({ ...info, type: "int", min: 0, max: 1_000_000, role: "statistic" });
        return 'int(0, 1000000, "counts events", { role: "statistic" })';
      case "ghost":
        fields.push({ ...info, type: "int", min: -5, max: 50, role: "ghost" });
        return 'int(-5, 50, "for the specification", { role: "ghost", init: 0 })';
      case "array":
        return `array(${f.length}, ${declare(f.element, path, [...dimensions, f.length])})`;
    }
  };
  const structs = [
    { name: "shared", count: null, of: node.shared },
    { name: "item", count: items, of: node.item.fields },
    { name: "node", count: node.node.count, of: node.node.fields },
  ];
  for (const s of structs) {
    const lines = s.of.map((f, i) => `    f${i}: ${declare(f, `k.${s.name}.f${i}`, s.count === null ? [] : [s.count])},\n`);
    declarations += `  ${s.name}: ${s.count === null ? "struct({" : `table(${s.count}, {`}\n${lines.join("")}  }),\n`;
  }
  // Locks that may sleep come first in rank, so nobody waits for one under a spinlock.
  const ranked = [...locks.filter((l) => l.kind !== "spinlock"), ...locks.filter((l) => l.kind === "spinlock")]
    .map((l, rank) => ({ ...l, rank }));
  const counts = ["k.item.count", "k.node.count",
    ...fields.filter((f) => f.dimensions.length > (f.path.startsWith("k.shared.") ? 0 : 1)).map((f) => `${f.path}.length`)];
  const kinds = kindsFor(items);
  const records = node.records.map((members, i) => ({ name: `R${i}`, members: members.map((m) => kinds[m % kinds.length]!) }));
  return { records, fields, locks: ranked, counts, declarations, items };
}
