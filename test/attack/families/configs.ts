/** Configurations: every member with every value that it is not made for, functions that give such values, and no configuration at all. */
import { moduleWith } from "../base.ts";
import type { Input } from "../input.ts";
import { NO_JSON, VALUES, VALUE_NAMES, type ValueName } from "../values.ts";

const HELD = moduleWith({ finally: null });
const config = (members: string, before = ""): string =>
  `import { defineConfig, UsageError } from "thpcheck";\n${before}\nexport default defineConfig({ ${members} } as any);\n`;
const COMMAND = '{ name: "greet", description: "says hello", register: (c: any) => c.action(() => console.log("hello")) }';
const RECORDS: readonly ValueName[] = ["undefined", "record", "bare", "proxy"];

/** A member, its text with the value in it, the values that are right there, and the commands that ask for it. */
interface Place {
  readonly rule: string;
  readonly text: (value: string) => string;
  readonly fits: readonly ValueName[];
  readonly args: readonly string[];
}
const CHECK = ["check"];
const place = (rule: string, args: readonly string[], fits: readonly ValueName[], text: (value: string) => string): Place =>
  ({ rule, args, fits, text });
const OWN = 'scenarios: ["scenarios/*.ts"]';
const PLACES: readonly Place[] = [
  place("scenarios", CHECK, [], (v) => `scenarios: (${v})`), place("a glob", CHECK, [], (v) => `scenarios: [(${v})]`),
  place("refine", CHECK, ["undefined"], (v) => `${OWN}, refine: (${v})`),
  place("calls", CHECK, ["undefined"], (v) => `${OWN}, calls: (${v})`),
  place("formats of traces", CHECK, ["undefined", "record"], (v) => `${OWN}, traceFormats: (${v})`),
  place("a format of traces", CHECK, [], (v) => `${OWN}, traceFormats: { plain: (${v}) }`),
  place("commands", CHECK, ["undefined", "array"], (v) => `${OWN}, commands: (${v})`),
  place("a command", CHECK, [], (v) => `${OWN}, commands: [(${v})]`),
  place("the name of a command", ["greet"], ["text"], (v) => `${OWN}, commands: [{ ...${COMMAND}, name: (${v}) }]`),
  place("the description of a command", ["--help"], VALUE_NAMES, (v) => `${OWN}, commands: [{ ...${COMMAND}, description: (${v}) }]`),
  place("what registers a command", ["greet"], [], (v) => `${OWN}, commands: [{ ...${COMMAND}, register: (${v}) }]`),
  place("lists", ["list", "colours"], [], (v) => `${OWN}, lists: (${v})`),
  place("a list", ["list", "colours"], [], (v) => `${OWN}, lists: { colours: (${v}) }`),
  place("unknown", CHECK, [], (v) => `${OWN}, zzz: (${v})`),
];
/** Functions of the configuration that give, or throw, a value. */
const GIVES: readonly Place[] = [
  place("refine gives", CHECK, ["array"], (v) => `${OWN}, refine: () => { return (${v}) as any; }`),
  place("refine gives machines", CHECK, [], (v) => `${OWN}, refine: () => [(${v})] as any`),
  place("calls gives", CHECK, ["array"], (v) => `${OWN}, calls: () => { return (${v}) as any; }`),
  place("calls gives calls", CHECK, [], (v) => `${OWN}, calls: () => [(${v})] as any`),
  place("a list gives", ["list", "colours"], [], (v) => `${OWN}, lists: { colours: () => { return (${v}) as any; } }`),
  place("a list gives rows", ["list", "colours"], ["array"], (v) => `${OWN}, lists: { colours: () => [["a"], (${v})] as any }`),
  place("a list gives cells", ["list", "colours"], TEXTS(), (v) => `${OWN}, lists: { colours: () => [["a"], [(${v})]] as any }`),
  place("refine throws", CHECK, [], (v) => `${OWN}, refine: () => { throw (${v}) as any; }`),
  place("calls throws", CHECK, [], (v) => `${OWN}, calls: () => { throw (${v}) as any; }`),
  place("a list throws", ["list", "colours"], [], (v) => `${OWN}, lists: { colours: () => { throw (${v}) as any; } }`),
  place("a command throws", ["greet"], [],
    (v) => `${OWN}, commands: [{ ...${COMMAND}, register: (c: any) => c.action(() => { throw (${v}) as any; }) }]`),
  place("a command rejects", ["greet"], [],
    (v) => `${OWN}, commands: [{ ...${COMMAND}, register: (c: any) => c.action(async () => { throw (${v}) as any; }) }]`),
  place("register throws", ["greet"], [], (v) => `${OWN}, commands: [{ ...${COMMAND}, register: () => { throw (${v}) as any; } }]`),
];
function TEXTS(): readonly ValueName[] {
  return ["text", "no text", "lines", "long text"];
}

const OTHERS: Readonly<Record<string, string>> = {
  "no default": "export const a = 1;", "a command named check": config(`${OWN}, commands: [{ ...${COMMAND}, name: "check" }]`),
  "a command twice": config(`${OWN}, commands: [${COMMAND}, ${COMMAND}]`), "a syntax error": "export default {",
  "an import of nothing": 'import "./none.ts";\nexport default {};',
  "a glob of nothing": config('scenarios: ["none/*.ts"]'), "a glob of everything": config('scenarios: ["**/*"]'),
  // Above the project, and below the folder of all inputs: what else lies on the machine is nobody's to walk.
  "a glob above": config('scenarios: ["../../**/nothing-of-the-kind.ts"]'),
  "a glob that is none": config('scenarios: ["["]'), "a broken glob": config('scenarios: ["{a,b"]'),
  "itself": config('scenarios: ["thpcheck.config.ts"]'),
};

const input = (rule: string, what: string, text: string | Uint8Array, args: readonly string[], ends: Input["ends"]): Input => ({
  family: "configs", rule, what, args, ends, files: { "thpcheck.config.ts": text, "scenarios/m.ts": HELD },
});

export function configs(): Input[] {
  return [
    ...[...PLACES, ...GIVES].flatMap(({ rule, text, fits, args }) => VALUE_NAMES.map((v) =>
      input(rule, v, config(text(VALUES[v])), args, fits.includes(v) ? "any" : "refused"))),
    ...VALUE_NAMES.map((v) => input("exports", v, `export default (${VALUES[v]}) as any;\n`, CHECK, "refused")),
    ...VALUE_NAMES.map((v) => input("throws", v, `throw (${VALUES[v]}) as any;\n`, CHECK, "refused")),
    ...VALUE_NAMES.map((v) => input("defineConfig takes", v,
      `import { defineConfig } from "thpcheck";\nexport default defineConfig((${VALUES[v]}) as any);\n`, CHECK, "refused")),
    ...Object.entries(NO_JSON).map(([what, text]) => input("content", what, text, CHECK, "refused")),
    ...Object.entries(OTHERS).flatMap(([what, text]) => [["check"], ["list"], ["--help"], ["no-such-command"]].map((args) =>
      input(`others, ${args[0]}`, what, text, args, args[0] === "--help" || args[0] === "list" ? "any" : "refused"))),
    ...RECORDS.map((v) => input("lists of", v, config(`${OWN}, lists: (${VALUES[v]})`), ["list"], "any")),
  ];
}
