/** Values that hardly anything wants, as source text: each stands once in every place of a form. */

export const VALUES = {
  undefined: "undefined", null: "null", five: "5", "minus one": "-1", fraction: "2.5", NaN: "NaN", infinity: "Infinity", vast: "1e300",
  text: '"text"', "no text": '""', lines: '"a\\nb"', "long text": '"x".repeat(100000)', yes: "true",
  array: "[]", "array of nothing": "[undefined]", holes: "[, 1]", record: "{}", stranger: "{ zzz: 1 }",
  function: "() => 1", generator: "function* () {}", async: "async () => 1", "async generator": "async function* () {}",
  class: "class X {}", bound: "Math.abs.bind(null)", map: "new Map()", date: "new Date(0)", error: 'new Error("e")', regexp: "/x/",
  symbol: 'Symbol("s")', bigint: "10n", promise: "Promise.resolve(1)", bare: "Object.create(null)", bytes: "new Uint8Array(4)",
  proxy: "new Proxy({}, {})",
  "proxy that throws": "new Proxy({}, { get() { throw new Error('trap'); }, ownKeys() { throw new Error('trap'); } })",
  "revoked proxy": "(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()",
  cycle: "(() => { const o: any = {}; o.o = o; return o; })()", getter: "{ get name() { throw new Error('getter'); } }",
  "proto member": "JSON.parse('{\"__proto__\": 1}')", "text that throws": "{ toString() { throw new Error('no text'); } }",
} as const;

export type ValueName = keyof typeof VALUES;
export const VALUE_NAMES = Object.keys(VALUES) as readonly ValueName[];

/** The same for JSON. */
export const JSON_VALUES: Readonly<Record<string, unknown>> = {
  missing: undefined, null: null, five: 5, "minus one": -1, fraction: 2.5, vast: 1e300, text: "text", "no text": "", lines: "a\nb",
  "long text": "x".repeat(10_000), yes: true, array: [], "array of null": [null], record: {}, stranger: { zzz: 1 },
  nested: [[[[]]]], nul: "\u0000", path: "../../etc", proto: JSON.parse('{"__proto__": {"a": 1}}') as unknown,
};

/** What may stand where a text of JSON is wanted, and is none. */
export const NO_JSON: Readonly<Record<string, string | Uint8Array>> = {
  empty: "", blank: "  \n", word: "hello", brace: "{", unended: '{"a": [1, 2', comma: "[1,]", single: "{'a': 1}", twice: "{}{}", nan: "NaN",
  null: "null", number: "5", string: '"text"', array: "[]", record: "{}", bom: "\uFEFF{}",
  binary: new Uint8Array([0, 255, 254, 128, 1, 2, 3]),
  deep: `${"[".repeat(50_000)}${"]".repeat(50_000)}`, markdown: "# A title\n\n- an item\n", xml: "<?xml version=\"1.0\"?><a/>",
};

/** Every place of a value that was read from JSON, with what stands there. */
export function placesIn(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Object.entries(value).flatMap(([key, v]) => placesIn(v, [...path, Array.isArray(value) ? Number(key) : key]));
  return [path, ...inside];
}

/** A copy with another value at a place; undefined takes the place away. */
export function withAt(value: unknown, path: readonly (string | number)[], to: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return to;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string | number, unknown>;
  const inner = withAt(copy[key], rest, to);
  if (inner === undefined && rest.length === 0) {
    if (Array.isArray(copy)) (copy as unknown[]).splice(Number(key), 1);
    else Reflect.deleteProperty(copy, key);
  } else copy[key] = inner;
  return copy;
}
