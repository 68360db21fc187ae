/** Structs, fields and locks: every argument and option with every value that it is not made for. */
import { moduleWith } from "../base.ts";
import type { Input } from "../input.ts";
import { VALUES, VALUE_NAMES, type ValueName } from "../values.ts";

/** The call, with the value in one argument; and the values that are right there, or may be. */
interface Call {
  readonly text: (value: string) => string;
  readonly fits: readonly ValueName[];
}

const TEXTS: readonly ValueName[] = ["text", "lines", "long text"];
const OPTIONS: readonly ValueName[] = ["undefined", "record", "bare", "proxy"];
const call = (fits: readonly ValueName[], text: (value: string) => string): Call => ({ text, fits });

const FIELDS: Readonly<Record<string, readonly Call[]>> = {
  int: [
    call(["minus one"], (v) => `int((${v}) as any, 4, "m")`), call(["five"], (v) => `int(0, (${v}) as any, "m")`),
    call(TEXTS, (v) => `int(0, 4, (${v}) as any)`), call(OPTIONS, (v) => `int(0, 4, "m", (${v}) as any)`),
  ],
  bool: [call(TEXTS, (v) => `bool((${v}) as any)`), call(OPTIONS, (v) => `bool("m", (${v}) as any)`)],
  ref: [
    call([], (v) => `ref((${v}) as any, "m")`), call(TEXTS, (v) => `ref("page", (${v}) as any)`),
    call(OPTIONS, (v) => `ref("page", "m", (${v}) as any)`),
  ],
  bitset: [call(["five"], (v) => `bitset((${v}) as any, "m")`), call(TEXTS, (v) => `bitset(4, (${v}) as any)`)],
  array: [call(["five"], (v) => `array((${v}) as any, bool("m"))`), call([], (v) => `array(2, (${v}) as any)`)],
  options: [
    call(["undefined", ...TEXTS], (v) => `int(0, 4, "m", { guard: (${v}) } as any)`),
    call(["undefined"], (v) => `int(0, 4, "m", { role: (${v}) } as any)`),
    call(["undefined"], (v) => `int(0, 4, "m", { init: (${v}) } as any)`),
    call(["undefined", "yes"], (v) => `bool("m", { init: (${v}) } as any)`),
    call(["undefined", "yes"], (v) => `int(0, 4, "m", { wrapping: (${v}) } as any)`),
    call(["undefined", "function", "bound"], (v) => `int(0, 4, "m", { show: (${v}) } as any)`),
    call([], (v) => `int(0, 4, "m", { zzz: (${v}) } as any)`),
    call(["undefined"], (v) => `array(2, int(0, 4, "m", { init: (${v}) } as any))`),
  ],
  locks: [
    ...["spinlock", "mutex", "rwsem"].flatMap((lock) => [
      call(TEXTS, (v) => `${lock}((${v}) as any)`), call(OPTIONS, (v) => `${lock}("m", (${v}) as any)`),
      call(["undefined", "null"], (v) => `${lock}("m", { nesting: (${v}) } as any)`),
    ]),
    call(["undefined", "null", "yes"], (v) => `rwsem("m", { queued: (${v}) } as any)`),
    call([], (v) => `mutex("m", { queued: (${v}) } as any)`),
  ],
};

const WHOLE: readonly Call[] = [
  call(["five"], (v) => `table((${v}) as any, { f: bool("m") })`),
  call(["record", "bare", "proxy"], (v) => `table(2, (${v}) as any)`), call(["record", "bare", "proxy"], (v) => `struct((${v}) as any)`),
];

/** Declarations that are wrong together, though no part of them is. */
const TOGETHER: Readonly<Record<string, string>> = {
  "no values": 'struct({ f: int(4, 0, "m") })', "2^40 values": 'struct({ f: int(0, 2 ** 40, "m") })',
  "init below": 'struct({ f: int(3, 4, "m", { init: 2 }) })', "init above": 'struct({ f: int(3, 4, "m", { init: 5 }) })',
  "init of a reference": 'struct({ f: ref("page", "m", { init: 3 }) })', "init of a set": 'struct({ f: bitset(2, "m", { init: 4 }) })',
  "no such table": 'struct({ f: ref("pages", "m") })', "a struct as a table": 'struct({ f: ref("counter", "m") })',
  "a field named count": 'table(2, { count: bool("m") })', "a field with a space": 'struct({ "a b": bool("m") })',
  "arrays of arrays, vast": 'struct({ f: array(2 ** 11, array(2 ** 11, bool("m")) as any) })',
  "a queue of none": 'struct({ f: queue(0, bool("m")) as any })',
  "an array of locks": 'struct({ f: array(2, spinlock("m") as any) })',
  "a wrapping bool": 'struct({ f: bool("m", { wrapping: true }) })', "a vast set": 'struct({ f: bitset(2 ** 21, "m") })',
  "a vast table": 'table(2 ** 21, { f: bool("m") })', "a vast array": 'struct({ f: array(2 ** 21, bool("m")) })',
  "a state of a gigabyte": 'table(2 ** 20, { f: array(2 ** 10, int(0, 2 ** 31, "m")) })',
  "a struct of two": '{ ...struct({ f: bool("m") }), count: 2 }', "a table of a fraction": '{ ...table(2, { f: bool("m") }), count: 1.5 }',
  "a field of no kind": '{ ...struct({ f: bool("m") }), fields: { f: { kind: "long", meaning: "m" } } }',
  "a field of kind __proto__": '{ ...struct({ f: bool("m") }), fields: { f: { kind: "__proto__", meaning: "m" } } }',
  "a field that is a text": '{ ...struct({ f: bool("m") }), fields: "fields" }',
};

const module = (other: string): string =>
  moduleWith({ structs: "{ ...structs, page: table(3, { f: bool(\"m\") }), other: made() as any }" },
    `function made() { return (${other}); }`);

export function declarations(): Input[] {
  const input = (rule: string, what: string, text: string, fits: boolean): Input => ({
    family: "declarations", rule, what, args: ["check", "m.ts"], ends: fits ? "any" : "refused", files: { "m.ts": module(text) },
  });
  return [
    ...Object.entries(FIELDS).flatMap(([kind, calls]) => calls.flatMap(({ text, fits }, n) => VALUE_NAMES.map((v) =>
      input(`${kind} ${n}`, v, `struct({ f: ${text(VALUES[v])} as any })`, fits.includes(v))))),
    ...WHOLE.flatMap(({ text, fits }, n) => VALUE_NAMES.map((v) => input(`whole ${n}`, v, text(VALUES[v]), fits.includes(v)))),
    ...Object.entries(TOGETHER).map(([what, text]) => input("together", what, text, false)),
  ];
}
