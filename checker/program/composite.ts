/**
 * Fields that are made of fields, taken apart into plain ones where they are declared, so that whatever reads a plan knows plain
 * fields and arrays only:
 *
 * - a record, `at: { x: int(...), y: int(...) }`: a field for each member, `at.x` and `at.y`;
 * - an array of arrays or of records: one array with all elements, row by row, which remembers its lengths (`dims`);
 * - a queue: `q.items`, an array whose used elements come first and whose others are as at the start, so that equal queues are
 *   equal bytes; and `q.used`, how many;
 * - a set that is too large for a mask: an array of bits.
 *
 * How they are accessed: `world.ts` natively, `compile/composite-access.ts` compiled.
 */

/** `set`: the bits of a large set. `items`: what waits in a queue. */
export type ArrayPart = "set" | "items";

interface Shaped {
  readonly kind?: unknown;
  readonly length?: number;
  readonly size?: number;
  readonly capacity?: number;
  readonly element?: object;
  readonly meaning?: string;
}

/** The plain fields of the declaration `f`, by name. Throws a RangeError for locks in arrays. */
export function partsOf(
  call: string, name: string, f: object, maskMax: number, dims: readonly number[] = [],
): (readonly [string, object])[] {
  const { kind, length, size, capacity, element, meaning } = f as Shaped;
  if (typeof kind !== "string") {
    return Object.entries(f).flatMap(([member, m]) => partsOf(`${call}.${member}`, `${name}.${member}`, m as object, maskMax, dims));
  }
  switch (kind) {
    case "array": return partsOf(call, name, element!, maskMax, [...dims, length!]);
    case "queue": return [
      [`${name}.items`, arrayOf(element!, [...dims, capacity!], "items")],
      [`${name}.used`, arrayOf({ kind: "int", min: 0, max: capacity!, meaning: `how many wait: ${meaning!}`, ...told(element!) }, dims)],
    ];
    case "bitset": {
      if (size! <= maskMax) return [[name, arrayOf(f, dims)]];
      if ("init" in f) throw new RangeError(`${call}: a set of more than ${maskMax} members has no mask, and so no init`);
      const bit = Object.fromEntries(Object.entries({ ...f, kind: "bool" }).filter(([option]) => option !== "size"));
      return [[name, arrayOf(bit, [...dims, size!], "set")]];
    }
    case "spinlock": case "mutex": case "rwsem":
      if (dims.length > 0) throw new RangeError(`${call}: there are no arrays of locks; a lock for each is a field of a table`);
      return [[name, f]];
    default: return [[name, arrayOf(f, dims)]];
  }
}

/** Of how many wait: whatever was declared of those. */
function told(element: object): object {
  const { guard, role } = element as { readonly guard?: string; readonly role?: string };
  return { ...(guard === undefined ? {} : { guard }), ...(role === undefined ? {} : { role }) };
}

function arrayOf(element: object, dims: readonly number[], part?: ArrayPart): object {
  if (dims.length === 0) return element;
  const length = dims.reduce((all, n) => all * n, 1);
  const shape = dims.length === 1 ? {} : { dims };
  return { kind: "array", length, element, meaning: (element as Shaped).meaning, ...shape, ...(part === undefined ? {} : { part }) };
}
