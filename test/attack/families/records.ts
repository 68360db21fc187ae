/** Files that the tool has written and reads again: traces, results, pins; and programs for `conform`. Damaged at every place. */
import { moduleWith } from "../base.ts";
import { Dice, type Input } from "../input.ts";
import { JSON_VALUES, NO_JSON, placesIn, withAt } from "../values.ts";

/** What a whole run has written. */
export interface Whole {
  /** The module's trace, as a string. */
  readonly trace: string;
  /** `check --out`. */
  readonly results: unknown;
  /** What `replay` says of the trace. */
  readonly replayed: string;
  readonly module: string;
}

const pathText = (path: readonly (string | number)[]): string => path.map((p) => (typeof p === "number" ? `[${p}]` : `.${p}`)).join("") ||
  "all";
const valueNames = Object.keys(JSON_VALUES);

/** Every place with every value; of lists only the first two and the last. */
function damaged(whole: unknown): { readonly where: string; readonly what: string; readonly text: string }[] {
  const lengthOf = (path: readonly (string | number)[]): number => {
    const list = path.reduce<unknown>((v, key) => (v as Record<string | number, unknown>)[key], whole);
    return Array.isArray(list) ? list.length : 0;
  };
  const isShown = (path: readonly (string | number)[]): boolean => path.every((p, i) =>
    typeof p !== "number" || p < 2 || p === lengthOf(path.slice(0, i)) - 1);
  return placesIn(whole).filter(isShown).flatMap((path) => valueNames.map((name) =>
    ({ where: pathText(path), what: name, text: JSON.stringify(withAt(whole, path, JSON_VALUES[name])) ?? "" })));
}

function traceStrings({ trace, module, replayed }: Whole, dice: Dice): Input[] {
  const body = trace.lastIndexOf(".") + 1;
  const replay = (rule: string, what: string, text: string): Input =>
    ({ family: "traces", rule, what, args: ["replay", text, "--from", "m.ts"], ends: "any", mayOnlySay: replayed,
      files: { "m.ts": module } });
  const changed = (at: number, to: string): string => trace.slice(0, at) + to + trace.slice(at + 1);
  const letters = "ABCZabcz0189-_=+/. ".split("");
  return [
    ...Array.from(trace, (_, at) => replay("cut", String(at), trace.slice(0, at))),
    ...Array.from(trace, (_, at) => replay("a character less", String(at), trace.slice(0, at) + trace.slice(at + 1))),
    ...Array.from(trace, (_, at) => replay("another character", String(at), changed(at, dice.of(letters)))),
    ...Array.from({ length: 60 }, (_, n) =>
      replay("noise", String(n), trace.slice(0, body) + Array.from({ length: 1 + dice.below(40) }, () => dice.of(letters)).join(""))),
    replay("long", "a million choices", trace + "A".repeat(1_000_000)),
    replay("long", "a long name", trace.replace(".racy.", `.${"x".repeat(100_000)}.`)),
    replay("other", "no version", trace.replace("tc1.", "tc.")), replay("other", "a later version", trace.replace("tc1.", "tc2.")),
    replay("other", "twice", trace + trace), replay("other", "upper case", trace.toUpperCase()),
    replay("other", "a null byte", `${trace}\u0000`),
  ];
}

function traceFiles({ results, module, replayed }: Whole): Input[] {
  const trace = (results as { results: { violation: { trace: unknown } }[] }).results[0]!.violation.trace;
  const file = (rule: string, what: string, text: string | Uint8Array): Input => ({
    family: "traces", rule, what, args: ["replay", "t.json", "--from", "m.ts"], ends: "any", mayOnlySay: replayed,
    files: { "m.ts": module, "t.json": text },
  });
  return [
    ...damaged(trace).map(({ where, what, text }) => file(`file ${where}`, what, text)),
    ...Object.entries(NO_JSON).map(([what, text]) => file("file content", what, text)),
    ...damaged(results).filter(({ where }) => !where.includes(".trace")).map(({ where, what, text }) =>
      file(`results ${where}`, what, text)),
  ];
}

/** The commands of the project that read results. */
function readResults({ results }: Whole): Input[] {
  const commands = [["spec-coverage", "--from"], ["invariants", "--from"], ["scan-results", "--from"]];
  const places = damaged(results).filter(({ where }) => /^(all|\.format|\.version|\.results|\.results\[0\](\.\w+)?)$/.test(where));
  return commands.flatMap((command) => [
    ...places.map(({ where, what, text }): Input => ({
      family: "results", rule: `${command[0]} ${where}`, what, args: [...command, "%/r.json"],
      ends: command[0] === "scan-results" ? "refused" : "any",
      inProject: true, files: { "r.json": text }, seconds: 60,
    })),
    ...Object.entries(NO_JSON).map(([what, text]): Input => ({
      family: "results", rule: `${command[0]} content`, what, args: [...command, "%/r.json"], ends: "refused", inProject: true,
      files: { "r.json": text }, seconds: 60,
    })),
  ]);
}

const NAMED = moduleWith({ finally: null }).replace('"racy"', "`${\"ra\"}cy`");
function pins(): Input[] {
  const whole = { racy: { states: 9, transitions: 9, depth: 5 } };
  const file = (rule: string, what: string, text: string | Uint8Array, args: readonly string[]): Input => ({
    family: "pins", rule: `${rule}${args.includes("--update-pins") ? ", update" : ""}`, what, args, ends: "any",
    files: { "m.ts": NAMED, "m.pins.json": text },
    ...(args.includes("--update-pins") ? { writes: ["m.pins.json"] } : {}),
  });
  const both = (rule: string, what: string, text: string | Uint8Array, wrong: boolean): Input[] =>
    [["check", "m.ts"], ["check", "m.ts", "--update-pins"]]
    .map((args) => ({ ...file(rule, what, text, wrong ? args.filter((a) => a !== "--update-pins").concat(args.slice(2)) : args),
      ...(wrong ? { ends: "refused" as const, writes: [] } : {}) }));
  return [
    ...damaged(whole).flatMap(({ where, what, text }) => both(where, what, text, false)),
    // An empty table is a table.
    ...Object.entries(NO_JSON).flatMap(([what, text]) => both("content", what, text, what !== "record")),
    ...both("names", "a stranger", '{"other": {"states": 1}}', true),
    ...both("names", "a stranger beside", '{"racy": {}, "other": {"states": 1}}', true),
    ...both("names", "a length of what holds", '{"racy": {"length": 3}}', true),
    ...both("names", "an unknown count", '{"racy": {"stats": 3}}', true),
  ];
}

const PROGRAM = {
  enabled: "madvise", max_ptes_none: 511,
  steps: ["0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", "0 write 0.3 0.1 7", "0 fork 1", "1 read 0.0 0.8", "1 exit",
    "0 munmap 0.0 1.0"],
};
/** Steps of a word too few, too many, or of another kind. */
function steps(dice: Dice): string[] {
  const words = ["", "0", "9", "-1", "1.5", "0.512", "8.1", "99999999999.0", "rw", "fixed", "HUGEPAGE", "COLD", "mmap", "nothing",
    "\u0000", "ä", "0x1"];
  return PROGRAM.steps.flatMap((step) => {
    const parts = step.split(" ");
    return parts.flatMap((_, at) => [
      parts.filter((__, i) => i !== at).join(" "), [...parts.slice(0, at), dice.of(words), ...parts.slice(at)].join(" "),
      ...Array.from({ length: 4 }, () => parts.map((p, i) => (i === at ? dice.of(words) : p)).join(" ")),
    ]);
  });
}
function programs(dice: Dice): Input[] {
  const file = (rule: string, what: string, text: string | Uint8Array, ends: Input["ends"] = "any"): Input =>
    ({ family: "programs", rule, what, args: ["conform", "--program", "%/p.json"], ends, inProject: true, files: { "p.json": text },
      seconds: 60 });
  return [
    ...damaged(PROGRAM).map(({ where, what, text }) => file(where, what, text)),
    ...Object.entries(NO_JSON).map(([what, text]) => file("content", what, text, "refused")),
    ...steps(dice).map((step, n) => file("a step", `${n}`, JSON.stringify({ steps: [step] }))),
    ...["shrink_underused", "Enabled", "__proto__",
      "steps2"].map((knob) => file("knobs", knob, `{"steps": [], ${JSON.stringify(knob)}: 1}`, "refused")),
    file("long", "a million steps", JSON.stringify({ steps: Array.from({ length: 1_000_000 }, () => "9 nothing") }), "refused"),
  ];
}

export function records(whole: Whole, seed: number): Input[] {
  const dice = new Dice(seed);
  return [...traceStrings(whole, dice), ...traceFiles(whole), ...readResults(whole), ...pins(), ...programs(dice)];
}
