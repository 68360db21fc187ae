/** Formats for machines, each read by a program that is made for it: a run with every outcome, and what the reader makes of it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import Ajv from "ajv-draft-04";
import fc from "fast-check";
import { parse as parseJunit } from "junit2json";
import type { Log } from "sarif";
import { Parser } from "tap-parser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESULT_FORMATS, formatNamed } from "../../../checker/report/formats/index.ts";
import { casesOf } from "../../../checker/report/formats/run-case.ts";
import type { ReportedRun } from "../../../checker/report/formats/reported-run.ts";
import { OutFile } from "../../../checker/report/out-file.ts";
import type { ResultFile } from "../../../checker/result.ts";
import { CONFIG, LARGE, Project, counters, type Finished } from "../cli/fixture.ts";

const at = (module: string): string => `scenarios/${module}.ts`;
/** Signs that mean something to some format, and one that XML has no place for. */
const HARD_NAME = '"no update <is> lost & \\u0007 ]]> %, 100%"';
/** Pins more states than `--up-to` takes. */
const TOO_LARGE = LARGE.replace("expect: holds()", "expect: holds({ states: 16_777_216 })").replace('"large"', '"too-large"');
/** Its routine is refused by the compiler, at line 9; that it should be violated makes this no expected failure. */
const REFUSED = `
import { at, scenario, struct, int, violated, type Routine, type World } from "thpcheck";
const structs = { c: struct({ n: int(0, 1, "n") }) };
type K = World<typeof structs>;
const names = new Map([["a", 1]]);

function* run(k: K): Routine {
  yield at("set");
  k.c.n.set(names.get("a"));
}
export default scenario({
  name: "refused", structs, threads: [{ name: "a", run }], finally: { zero: (k: K) => k.c.n.get() === 0 }, expect: violated("zero"),
});
`;
const RACY = / {2}scenario\(\{ name: "racy".*\n/;
const renamed = (text: string, from: string, to: string): string => text.replace(`name: "${from}"`, `name: "${to}"`);

const project = new Project({
  "thpcheck.config.ts": CONFIG,
  [at("fails")]: renamed(counters("holds({ states: 15 })"), "locked", "locked-1").replace('"no update is lost"', HARD_NAME),
  [at("as-expected")]: renamed(renamed(counters('violated("no update is lost")'), "racy", "racy-2"), "locked", "locked-2"),
  [at("incomplete")]: LARGE.replace("expect: holds()", "expect: holds({ states: 900_000 })"),
  [at("skipped")]: TOO_LARGE,
  [at("broken")]: "export default 5;\n",
  [at("refused")]: REFUSED,
  [at("unbroken")]: renamed(counters("holds()", 'violated("no update is lost")'), "locked", "unbroken").replace(RACY, ""),
});
const FILES = ["json:r.json", "junit:r.xml", "ktap:r.ktap", "sarif:r.sarif", "gitlab:r.gitlab.json", "markdown:r.md"];
let ran: Finished;
const read = (name: string): string => readFileSync(join(project.folder, name), "utf8");
beforeAll(async () => {
  const out = FILES.flatMap((f) => ["--out", f]);
  ran = await project.run(["check", "--tier", "full", "--max-states", "5000", "--up-to", "1000000", "--format", "github", ...out]);
});
afterAll(() => { project.remove(); });

type Schema = { readonly [key: string]: unknown };
type SchemaParts = { $ref?: string; anyOf?: Schema[]; properties?: Record<string, Schema>; items?: Schema };
const schemaOf = (name: "result" | "trace"): Schema =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../../checker/schemas/${name}.schema.json`), "utf8")) as Schema;
const validResults = new Ajv2020.default({ allErrors: true }).addSchema(schemaOf("trace")).compile(schemaOf("result"));

/** Paths in a value that its schema says nothing of. */
function unknownTo(schema: Schema, value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { $ref, anyOf, properties, items } = schema as SchemaParts;
  if ($ref !== undefined) return unknownTo(referred($ref), value, path);
  if (anyOf !== undefined) return unknownTo(anyOf[0]!, value, path);
  if (Array.isArray(value)) return value.flatMap((v, i) => unknownTo(items!, v, `${path}[${i}]`));
  // A configuration is the scenario's own.
  if (properties === undefined) return [];
  return Object.entries(value).flatMap(([name, v]) =>
    (name in properties ? unknownTo(properties[name]!, v, `${path}.${name}`) : [`${path}.${name}`]));
}
function referred(ref: string): Schema {
  const [file, pointer = ""] = ref.split("#");
  const root = schemaOf(file === "trace.schema.json" || (file === "" && pointer.endsWith("promise")) ? "trace" : "result");
  return pointer.split("/").slice(1).reduce<Schema>((s, key) => s[key] as Schema, root);
}

/** What gave an error, what was cut short, and what could not be loaded: of these nothing is known. */
const UNKNOWN = ["large", "module 1 that gave no scenarios", "refused"];
/** A promise that broke, and one that should break and does not. */
const FAILED = ["racy", "unbroken"];
const inSources = globSync("/usr/src/linux*/tools/testing/kunit/kunit.py");
const kunit = [process.env["KUNIT"] ?? "", ...inSources].find((f) => f !== "" && existsSync(f));
const BAD = [...UNKNOWN, ...FAILED].sort();

describe("a run in which something failed, did not fail as it should, was cut short, left out, in error, and could not be loaded", () => {
  it("is told apart by a reader of JUnit XML", async () => {
    const suites = (await parseJunit(read("r.xml")))!;
    if (!("testsuite" in suites)) throw new Error("no suites");
    const cases = suites.testsuite.flatMap((s) => s.testcase ?? []);
    const named = (has: (c: (typeof cases)[number]) => boolean): string[] =>
      cases.filter(has).map((c) => String(c.name)).sort();
    expect(named((c) => c.failure !== undefined)).toEqual(FAILED);
    expect(named((c) => c.error !== undefined)).toEqual(UNKNOWN);
    expect(named((c) => c.skipped !== undefined)).toEqual(["too-large"]);
    const passed = named((c) => c.failure === undefined && c.error === undefined && c.skipped === undefined);
    expect(passed).toEqual(["locked-1", "locked-2", "racy-2"]);
    expect([suites.tests, suites.failures, suites.errors]).toEqual([9, 2, 3]);
    expect(cases.find((c) => c.name === "refused")).toMatchObject({ file: at("refused") });
    expect(cases.find((c) => c.name === "too-large")!.skipped![0]!.message).toBe("left out by --up-to: it pins more states, or none");
    expect(cases.find((c) => c.name === "refused")!.error![0]!.message)
      .toContain("scenarios/refused.ts:9:13: in run: names is an object of class Map");
    const [failure] = cases.find((c) => c.name === "racy")!.failure!;
    expect(failure!.message).toContain('violates "no update <is> lost & ? ]]> %, 100%"');
    expect(failure!.inner).toContain("npx thpcheck replay");
  });

  it("is told apart by a TAP parser", () => {
    const events = Parser.parse(read("r.ktap").replace(/^KTAP version 1$/m, "TAP version 14")) as readonly (readonly unknown[])[];
    const inside = events.flatMap(([kind, own]) => (kind === "child" ? (own as readonly (readonly unknown[])[]) : []));
    const points = inside.filter(([kind]) => kind === "assert").map(([, point]) => point as { ok: boolean; name: string; skip: unknown });
    expect(points.filter((p) => !p.ok).map((p) => p.name).sort()).toEqual(BAD);
    expect(points.filter((p) => p.skip !== false).map((p) => [p.name, p.skip]))
      .toEqual([["too-large", "left out by --up-to: it pins more states, or none"]]);
    expect(points.filter((p) => p.ok && p.skip === false).map((p) => p.name).sort()).toEqual(["locked-1", "locked-2", "racy-2"]);
  });

  // Without the source of a kernel: KUNIT=/path/to/tools/testing/kunit/kunit.py
  it.skipIf(kunit === undefined)("is told apart by the kernel's kunit.py, of a source under /usr/src or named by KUNIT", () => {
    const parsed = spawnSync("python3", [kunit!, "parse", "--json", join(project.folder, "r.ktap")], { encoding: "utf8" });
    expect(parsed.status).not.toBe(0);
    expect([...parsed.stdout.matchAll(/\[FAILED\] ([^=]*?)$/gm)].map((m) => m[1]!.trim())).toEqual(expect.arrayContaining(BAD));
    expect(parsed.stdout).toMatch(/passed: 3, failed: 5, skipped: 1/);
    // Older ones drop the reason.
    const tellsReason = readFileSync(join(dirname(kunit!), "kunit_parser.py"), "utf8").includes("skip_reason");
    const skipped = /\[SKIPPED\] (.*)$/m.exec(parsed.stdout)![1]!;
    expect(skipped).toBe(tellsReason ? "too-large (left out by --up-to: it pins more states, or none)" : "too-large");
  });

  it("is valid SARIF, with the trace as a flow for each thread", () => {
    const inPackage = createRequire(import.meta.url).resolve("@microsoft/jest-sarif");
    const schema = readFileSync(join(dirname(inPackage), "schemas/sarif-2.1.0-rtm.5.json"), "utf8");
    const ajv = new Ajv.default({ strict: false, validateFormats: false, unicodeRegExp: false });
    const validate = ajv.compile(JSON.parse(schema) as object);
    const log = JSON.parse(read("r.sarif")) as Log;
    expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
    const [run] = log.runs;
    expect(run!.results!.map((r) => r.message.text!.replace(/:.*$/s, "")).sort()).toEqual(BAD);
    expect(run!.invocations).toMatchObject([{ executionSuccessful: false, exitCode: 1 }]);
    expect(run!.invocations![0]!.toolExecutionNotifications!.map((n) => n.message.text!.replace(/:.*$/s, "")).sort()).toEqual(UNKNOWN);
    const refused = run!.results!.find((r) => r.message.text!.startsWith("refused"))!;
    expect(refused.locations![0]!.physicalLocation)
      .toMatchObject({ artifactLocation: { uri: at("refused") }, region: { startLine: 9 } });
    expect([refused.level, refused.ruleId]).toEqual(["error", "thpcheck/error"]);
    const racy = run!.results!.find((r) => r.message.text!.startsWith("racy"))!;
    expect(racy.locations![0]!.physicalLocation)
      .toMatchObject({ artifactLocation: { uri: at("fails"), uriBaseId: "%SRCROOT%" }, region: { startLine: 9 } });
    const flows = racy.codeFlows![0]!.threadFlows;
    expect(flows.map((f) => f.id)).toEqual(["alice", "bob"]);
    expect(flows.flatMap((f) => f.locations.map((l) => l.executionOrder!)).sort((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    expect(run!.tool.driver.rules!.map((r) => r.id)).toEqual(expect.arrayContaining(run!.results!.map((r) => r.ruleId)));
  });

  it("is what the schema of results says, with nothing that the schema does not know", () => {
    const results = JSON.parse(read("r.json")) as ResultFile;
    expect(validResults(results), JSON.stringify(validResults.errors)).toBe(true);
    expect(unknownTo(schemaOf("result"), results)).toEqual([]);
    expect(results.end).toMatchObject({
      exitCode: 1, asExpected: 3, notAsExpected: 2, incomplete: 1, error: 1, notRun: [], leftOut: ["too-large"],
      failures: [expect.stringContaining("scenarios/broken.ts")],
    });
    expect(results.results.find((r) => r.scenario === "refused"))
      .toMatchObject({ verdict: "error", asExpected: false, place: { file: at("refused"), line: 9 } });
    const racy = results.results.find((r) => r.scenario === "racy")!;
    expect(racy).toMatchObject({ file: at("fails"), place: { file: at("fails"), line: 9 }, explanation: { conjunct: expect.any(String) } });
    expect(racy.replay).toMatch(/^npx thpcheck replay tc1\.racy\./);
  });

  it("would not pass for results where something is missing, or is something else", () => {
    const good = JSON.parse(read("r.json")) as Record<string, unknown> & { results: Record<string, unknown>[] };
    const [first] = good.results;
    for (const name of Object.keys(first!)) {
      expect(validResults({ ...good, results: [{ ...first, [name]: { no: "such" } }] }), name).toBe(false);
    }
    for (const name of ["format", "version", "results"]) expect(validResults({ ...good, [name]: undefined }), name).toBe(false);
    expect(validResults({ ...good, results: [{ ...first, verdict: undefined }] })).toBe(false);
  });

  it("is told as annotations, one line each", () => {
    const annotation = /^::error (?:file=([^,]*),line=(\d+),)?title=thpcheck (.*?)::/;
    expect(ran.stdout.trimEnd().split("\n").map((l) => annotation.exec(l)!.slice(1).join(" ")).sort())
      .toEqual(["  module 1 that gave no scenarios", `${at("fails")} 9 racy`, `${at("incomplete")} 1 large`, `${at("refused")} 9 refused`,
        `${at("unbroken")} 1 unbroken`]);
    expect(ran.stdout).toContain("%25, 100%25");
  });

  it("is told to GitLab", () => {
    const issues = JSON.parse(read("r.gitlab.json")) as { description: string; fingerprint: string; location: unknown; severity: string }[];
    expect(issues.map((i) => i.description.replace(/:.*$/, "")).sort()).toEqual(BAD);
    expect(new Set(issues.map((i) => i.fingerprint)).size).toBe(5);
    expect(issues.find((i) => i.description.startsWith("refused")))
      .toMatchObject({ severity: "major", location: { path: at("refused"), lines: { begin: 9 } } });
    expect(issues.find((i) => i.description.startsWith("racy")))
      .toMatchObject({ severity: "critical", location: { path: at("fails"), lines: { begin: 9 } } });
  });

  it("is summed up in Markdown", () => {
    expect(read("r.md").startsWith("<!-- thpcheck -->\n\n## thpcheck: 5 cases not as expected\n\n")).toBe(true);
    expect(read("r.md")).toContain("\n3 as expected, 2 failed, 3 with errors, 1 left out, ");
    expect(read("r.md")).toMatch(/^\| error \| refused \| .*scenarios\/refused\.ts:9:13/m);
    expect(read("r.md")).toContain("| fail | racy | 12 | violates \"no update &lt;is> lost &amp;");
  });

  it("keeps its exit code", () => { expect(ran.code).toBe(1); });

  it.each(FILES)("overwrites %s, and nothing else", async (named) => {
    const [format, name] = [named.slice(0, named.indexOf(":")), named.slice(named.indexOf(":") + 1)];
    const before = read(name);
    expect((await project.run(["check", "locked-1", "--out", named])).code).toBe(0);
    expect(read(name)).not.toBe(before);
    // Each pair is asked what the command asks; the command itself, which loads everything to refuse, once for each format.
    const others = FILES.filter((f) => f !== named).map((f) => f.slice(f.indexOf(":") + 1));
    const loaded = await formatNamed(format)!.load();
    expect(() => new OutFile(join(project.folder, name), loaded)).not.toThrow();
    for (const other of others) {
      expect(() => new OutFile(join(project.folder, other), loaded)).toThrow("would overwrite a file that is no");
    }
    const text = read(others[0]!);
    const refused = await project.run(["check", "locked-1", "--out", `${format}:${others[0]!}`]);
    expect(refused.stderr).toContain("would overwrite a file that is no");
    expect(refused.code).toBe(2);
    expect(read(others[0]!)).toBe(text);
  });
});

describe("--out", () => {
  it.each([[["junit:"], "--out junit: needs the name of a file behind junit:"], [[""], "needs the name of a file"],
    [["a.json", "junit:./a.json"], "--out names a.json twice; give each format a file of its own"],
  ])("%s is refused", async (files, why) => {
    const refused = await project.run(["check", "locked-1", ...files.flatMap((f) => ["--out", f])]);
    expect(refused.stderr).toContain(why);
    expect(refused.code).toBe(2);
  });
  it("takes a colon behind another word as part of the name", async () => {
    expect((await project.run(["check", "locked-1", "--out", "mine:run.json"])).code).toBe(0);
    expect(JSON.parse(read("mine:run.json"))).toMatchObject({ format: "thpcheck-result" });
  });
});

it("some case is bad exactly if the exit code is not 0, whatever made it so", () => {
  const names = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 2 });
  const head = { folder: "/", strict: false } as ReportedRun["head"];
  const found = fc.record({ failures: names, disagreements: names, auditsCut: names, notRun: names, unwritten: names });
  fc.assert(fc.property(found, fc.constantFrom(0, 1, 2, 3), (lists, other) => {
    const isBad = Object.values(lists).some((l) => l.length > 0);
    const end = { ...lists, results: [], leftOut: ["d"], patch: null, exitCode: isBad ? 1 : other };
    const bad = casesOf({ head, scenarios: [], end }).filter((c) => c.outcome === "fail" || c.outcome === "error");
    expect(bad.length > 0).toBe(end.exitCode !== 0);
  }));
  expect(casesOf({ head, scenarios: [], end: null }).map((c) => c.outcome)).toEqual(["error"]);
});

/** Words that some reader takes for something else than text. */
const TAKEN_FOR = [
  "a # SKIP no",
  `a # ${"TO" + "DO"} later`, "# SKIP", "ok 1 a", "a\nok 1 a", "a\nSubtest: b", "a\n    ok 1 b", "a\n1..0 # SKIP", "a\nBail out!",
  "KTAP version 1", "a\nTAP version 14\n1..0", "]]></failure>", "<skipped/>", "a\u0000\u0007\ud800", "::endgroup::\n::warning::x",
  "%0A::notice::x", '"}]', "|", "\r\nok 2 c", "-->", "[ok](x)", "", " ",
];
describe("whatever a case is called and says, no reader takes a failure for a pass", () => {
  const text = fc.constantFrom(...TAKEN_FOR);
  const texts = fc.array(text, { maxLength: 2 });
  const rendered = async (format: string, end: object): Promise<string> => {
    const none = { results: [], disagreements: [], auditsCut: [], unwritten: [], patch: null };
    const head = { folder: "/", strict: false } as ReportedRun["head"];
    return (await formatNamed(format)!.load()).render({ head, scenarios: [], end: { ...none, ...end } as unknown as ReportedRun["end"] });
  };
  const readers: Readonly<Record<string, (text: string) => Promise<number> | number>> = {
    junit: async (xml) => {
      const suites = (await parseJunit(xml))!;
      const cases = "testsuite" in suites ? suites.testsuite.flatMap((s) => s.testcase ?? []) : [];
      return cases.filter((c) => c.failure !== undefined || c.error !== undefined).length;
    },
    ktap: (tap) => {
      const events = Parser.parse(tap.replace(/^KTAP version 1$/m, "TAP version 14")) as readonly (readonly unknown[])[];
      const inside = events.flatMap(([kind, own]) => (kind === "child" ? (own as readonly (readonly unknown[])[]) : []));
      return inside.filter(([kind, point]) => kind === "assert" && !(point as { ok: boolean }).ok).length;
    },
    sarif: (log) => (JSON.parse(log) as Log).runs[0]!.results!.length,
    gitlab: (issues) => (JSON.parse(issues) as unknown[]).length,
    github: (lines) => lines.split(/\r?\n/).filter((l) => l.startsWith("::error ")).length,
  };
  it.skipIf(kunit === undefined)("kunit.py, of a source under /usr/src or named by KUNIT", async () => {
    const all = { failures: TAKEN_FOR, notRun: TAKEN_FOR, leftOut: TAKEN_FOR, exitCode: 2 };
    const file = project.write("words.ktap", await rendered("ktap", all));
    const parsed = spawnSync("python3", [kunit!, "parse", file], { encoding: "utf8" });
    const n = TAKEN_FOR.length;
    expect(parsed.stdout).toContain(`Ran ${3 * n} tests: failed: ${2 * n}, skipped: ${n}`);
    expect(parsed.status).not.toBe(0);
  });

  it.each(Object.keys(readers))("%s", async (format) => {
    await fc.assert(fc.asyncProperty(fc.record({ failures: texts, notRun: texts, leftOut: texts }), async (found) => {
      const bad = found.failures.length + found.notRun.length;
      const document = await rendered(format, { ...found, exitCode: bad > 0 ? 2 : 0 });
      expect(await readers[format]!(document)).toBe(bad);
    }));
  });
});

it("every format has its purpose in the help", () => {
  const help = execFileSync(process.execPath, ["checker/cli/thpcheck.js", "check", "--help"], { encoding: "utf8" }).replaceAll(/\s+/g, " ");
  for (const { name, purpose } of RESULT_FORMATS) expect(help).toContain(`${name} (${purpose})`);
  expect(formatNamed("xml")).toBeUndefined();
});
