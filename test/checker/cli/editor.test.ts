/** What README.md gives an editor: its problem matcher finds each violation in what the task prints, and its schemas are there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { CONFIG, Project } from "./fixture.ts";

const ROOT = join(import.meta.dirname, "../../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const PACKED = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly files: readonly string[] };

interface Tasks {
  readonly tasks: readonly {
    readonly command: string;
    readonly problemMatcher: {
      readonly pattern: { readonly regexp: string; readonly file: number; readonly line: number; readonly message: number };
    };
  }[];
}
interface Settings {
  readonly "json.schemas": readonly { readonly fileMatch: readonly string[]; readonly url: string }[];
}

function shown<T>(member: string): T {
  const texts = [...README.matchAll(/```json\n(.*?)```/gs)].map((m) => m[1]!).filter((text) => text.includes(`"${member}"`));
  expect(texts).toHaveLength(1);
  return JSON.parse(texts[0]!) as T;
}

const TWO = `import { at, int, scenario, struct, type Routine, type World } from "thpcheck";
const structs = { c: struct({ value: int(0, 8, "counter") }) };
type K = World<typeof structs>;
function* counts(k: K): Routine {
  yield at("one");
  k.c.value.add(1);
}
const run = (name: string, most: number) => scenario({
  name, structs, threads: [{ name: "a", run: counts }, { name: "b", run: counts }],
  always: { [\`at most \${most}\`]: (k: K) => k.c.value.get() <= most },
});
export default [run("holds", 2), run("breaks", 1), run("breaks-sooner", 0)];
`;
const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/two.ts": TWO });
afterAll(() => { project.remove(); });

it("the task's output has a problem for each violation, and nothing else is one", async () => {
  const { tasks: [task] } = shown<Tasks>("problemMatcher");
  expect(task!.command.startsWith("npx thpcheck ")).toBe(true);
  const { stdout, code } = await project.run(task!.command.split(" ").slice(2));
  expect(code).toBe(1);
  const { regexp, file, line, message } = task!.problemMatcher.pattern;
  // As an editor does: line by line.
  const found = stdout.split("\n").map((text) => new RegExp(regexp).exec(text)).filter((m) => m !== null);
  expect(found.map((m) => m[message])).toEqual([
    expect.stringMatching(/^violates "at most 1" in 2 steps, expected: holds: [^%]*$/),
    expect.stringMatching(/^violates "at most 0" in 1 steps, expected: holds: [^%]*$/),
  ]);
  for (const m of found) {
    const lines = readFileSync(join(project.folder, m[file]!), "utf8").split("\n");
    expect(lines[Number(m[line]) - 1]).toContain('yield at("one")');
  }
});

it("the schemas are in the package", () => {
  const schemas = shown<Settings>("json.schemas")["json.schemas"];
  for (const { url } of schemas) {
    expect(url.startsWith("./node_modules/thpcheck/")).toBe(true);
    const path = url.slice("./node_modules/thpcheck/".length);
    expect(existsSync(join(ROOT, path))).toBe(true);
    expect(PACKED.files).toContain("checker/schemas");
  }
});
