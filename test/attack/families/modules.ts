/** Modules: what they export, throw and do while they are loaded, and what lies in the file. */
import { moduleWith } from "../base.ts";
import { Dice, type Input } from "../input.ts";
import { NO_JSON, VALUES, VALUE_NAMES } from "../values.ts";

const WHOLE = moduleWith();
const one = (rule: string, what: string, text: string | Uint8Array, more: Partial<Input> = {}): Input =>
  ({ family: "modules", rule, what, args: ["check", "m.ts"], ends: "refused", files: { "m.ts": text }, ...more });

/** What never ends, or goes on behind the loading, needs a process of its own. */
const FAST = { THPCHECK_LOAD_SECONDS: "1" };
const ALONE: readonly [what: string, before: string, ends: Input["ends"]][] = [
  ["process.exit(0)", "process.exit(0);", "refused"], ["process.exit(1)", "process.exit(1);", "refused"],
  ["process.exit later", "setTimeout(() => process.exit(0), 1);", "any"], ["an exit code of its own", "process.exitCode = 0;", "any"],
  ["an endless loop", "for (;;);", "refused"], ["an endless await", "await new Promise(() => {});", "refused"],
  ["an await that waits for a timer", "await new Promise((r) => setTimeout(r, 60_000));", "refused"],
  ["a timer that is left", "setInterval(() => {}, 1000);", "any"],
  ["a rejection that nobody handles", "Promise.reject(new Error('lost'));", "any"],
  ["a late error", "setTimeout(() => { throw new Error('late'); }, 1);", "any"],
  ["endless microtasks", "(function f(): void { Promise.resolve().then(f); })(); await 0;", "refused"],
  ["memory without end", "const a: unknown[] = []; for (let i = 0; i < 1e7; i++) a.push(i); await new Promise(() => {});", "refused"],
  ["a signal handler", "process.on('SIGTERM', () => {}); await new Promise(() => {});", "refused"],
  ["beforeExit", "process.on('beforeExit', () => setTimeout(() => {}, 100));", "any"],
  ["a worker that is left", "new (await import('node:worker_threads')).Worker('setInterval(() => {}, 1000)', { eval: true });", "any"],
  ["a closed standard output", "process.stdout.destroy();", "any"],
  ["an event of exit", "process.on('exit', () => { process.exitCode = 0; });", "any"],
];

const EXPORTS: Readonly<Record<string, string>> = {
  nothing: "export {};", "only a name": "export const a = 1;", "a scenario in a scenario": "export default [[scenario({} as any)]];",
  "the same one twice": WHOLE.replace("export default", "const s =").concat("export default [s, s];\n"),
  "two of one name": WHOLE.replace("export default", "const s =").concat("export default [s, { ...s }];\n"),
  "one with another's threads": WHOLE.replace("export default", "const s =").concat("export default { ...s, threads: 5 };\n"),
  "one that is changed afterwards": WHOLE.replace("export default", "const s: any =").concat("s.threads = null;\nexport default s;\n"),
  "one that is emptied afterwards": WHOLE.replace("export default",
    "const s: any =").concat("for (const k of Object.keys(s)) delete s[k];\nexport default s;\n"),
  "a Proxy of a scenario": WHOLE.replace("export default",
    "const s: any =").concat("export default new Proxy(s, { get: () => { throw new Error('trap'); } });\n"),
  "an array of a million": "export default Array.from({ length: 1_000_000 }, (_, i) => i);",
  "an array with holes": "export default [, , ,];",
  "an import of what there is not": 'import "./none.ts";\nexport default 1;',
  "an import of a package that there is not": 'import "no-such-package-at-all";\nexport default 1;',
  "a name that there is not": 'import { nothing } from "thpcheck";\nexport default nothing;',
  "a circle": 'import self from "./m.ts";\nexport default self.threads;',
  "an import of itself": 'import * as self from "./m.ts";\nexport default (self as any).default;',
  "a JSON module": 'import j from "./m.json" with { type: "json" };\nexport default j;',
  "a module of CommonJS": "module.exports = {};", "TypeScript that must be compiled": "enum E { A }\nexport default E;",
  "a decorator": "@x class A {}\nexport default A;",
  "an unknown type": "export default 1 as unknown as NoSuchType;", "JSX": "export default <a/>;",
  "a hash bang": "#!/usr/bin/env node\nexport default 5;",
};

const SIGNS = "{}()[];,.`'\"\\/*=>:?!@#$%^&|~+-<0aK\n\u0000é".split("");
/** The text with its `count` characters from `from` on replaced. */
const replaced = (text: string, from: number, count: number, by: string): string => text.slice(0, from) + by + text.slice(from + count);
/** The lines with the one at a place replaced by some. */
const lineReplaced = (text: string, dice: Dice, by: (line: string) => readonly string[]): string => {
  const lines = text.split("\n");
  const at = dice.below(lines.length);
  return lines.flatMap((line, i) => (i === at ? by(line) : [line])).join("\n");
};
const NUMBERS = ["0", "-1", "1.5", "1e9", "NaN", "2**40", "1n", "''"];

/** Ways to spoil a text, seeded. */
const SPOIL: Readonly<Record<string, (text: string, dice: Dice) => string>> = {
  "a character less": (t, d) => replaced(t, d.below(t.length), 1, ""),
  "a character more": (t, d) => replaced(t, d.below(t.length), 0, d.of(SIGNS)),
  "another character": (t, d) => replaced(t, d.below(t.length), 1, d.of(SIGNS)),
  "a line less": (t, d) => lineReplaced(t, d, () => []),
  "a line twice": (t, d) => lineReplaced(t, d, (line) => [line, line]),
  "cut short": (t, d) => t.slice(0, d.below(t.length)),
  "a word for another": (t, d) => {
    const words = [...t.matchAll(/[A-Za-z]\w+/g)];
    const { index, 0: word } = d.of(words);
    return replaced(t, index, word.length, d.of(words)[0]);
  },
  "a number for another": (t, d) => {
    const { index, 0: number } = d.of([...t.matchAll(/\b\d+\b/g)]);
    return replaced(t, index, number.length, d.of(NUMBERS));
  },
};
const SPOILED_EACH = 45;

export function modules(seed: number): Input[] {
  const dice = new Dice(seed);
  return [
    ...VALUE_NAMES.map((v) => one("exports", v, `export default (${VALUES[v]}) as any;\n`, v === "array" ? { ends: "failed" } : {})),
    ...VALUE_NAMES.map((v) => one("exports in an array", v, `export default [(${VALUES[v]})] as any;\n`)),
    ...VALUE_NAMES.map((v) => one("throws", v, `throw (${VALUES[v]}) as any;\n${WHOLE}`)),
    ...Object.entries(EXPORTS).map(([what, text]) => one("exports", what, text, {
      ends: "any", files: { "m.ts": text.startsWith("export default [[") ? `import { scenario } from "thpcheck";\n${text}` : text,
        "m.json": "{}" },
    })),
    ...Object.entries(NO_JSON).map(([what, text]) => one("content", what, text)),
    one("content", "line ends of Windows", WHOLE.replaceAll("\n", "\r\n"), { ends: "failed" }),
    one("content", "UTF-16", new Uint8Array(Buffer.from(WHOLE, "utf16le"))),
    one("content", "a null byte", WHOLE.replace("const seen", "const\u0000seen")),
    one("content", "a line of a million", `${"/* */".repeat(200_000)}${WHOLE}`, { ends: "failed" }),
    one("content", "deep brackets", `export default ${"(".repeat(5000)}1${")".repeat(5000)};`),
    one("content", "deep arrays", `export default ${"[".repeat(5000)}${"]".repeat(5000)};`),
    ...["m.js", "m.mjs", "m.cjs", "m.mts", "m.cts", "m.json", "m.txt", "m.d.ts", "m.tsx", "M.TS", "m"].map((file) =>
      one("names", file, "", { args: ["check", file.includes(".") ? file : `./${file}`], files: { [file]: "export default 5;" } })),
    ...["a b.ts", "ä.ts", "%20.ts", "a#b.ts", "a?b.ts", "-.ts", "'.ts"].map((file) =>
      one("names", file, "", { args: ["check", "--", file], ends: "failed", files: { [file]: WHOLE } })),
    one("names", "a folder", "", { args: ["check", "folder.ts"], files: { "folder.ts/inside.txt": "" } }),
    ...ALONE.map(([what, before, ends]) =>
      one("alone", what, `${before}\n${moduleWith({ finally: null })}`, { ends, alone: { env: FAST }, seconds: 30 })),
    ...Object.entries(SPOIL).flatMap(([rule, spoil]) => Array.from({ length: SPOILED_EACH }, (_, n) =>
      one(rule, String(n), spoil(WHOLE, dice), { ends: "any" }))),
  ];
}
