/** A scenario is an ES module by what it says, whatever package.json says of its folder: `npm init` writes "commonjs" there. */
import { afterAll, expect, it } from "vitest";
import { Project, counters } from "./fixture.ts";

const scenarios = counters('violated("no update is lost")')
  .replace("export default [", 'import { note } from "./helper.js";\nnote();\nexport default [');
const helper = "export const note = () => undefined;\n";
const folders: Project[] = [];
afterAll(() => { for (const p of folders) p.remove(); });
const projectOf = (files: Readonly<Record<string, string>>): Project => {
  const project = new Project(files);
  folders.push(project);
  return project;
};

it.each([["none", null], ["without a type", "{}"], ["commonjs", '{ "type": "commonjs" }'], ["module", '{ "type": "module" }']])(
  "package.json: %s", async (_, manifest) => {
    const project = projectOf({ "mine.ts": scenarios, "helper.js": helper, ...(manifest === null ? {} : { "package.json": manifest }) });
    const { code, stdout, stderr } = await project.run(["check", "./mine.ts"]);
    expect(stderr).toBe("");
    expect(stdout).toContain("2 scenarios: 2 as expected");
    expect(code).toBe(0);
  },
);

it("what is CommonJS by what it says stays so", async () => {
  const project = projectOf({
    "mine.ts": scenarios, "helper.js": "const text = `\nimport x from 'y';\n`;\nexports.note = () => text;\n",
    "package.json": '{ "type": "commonjs" }',
  });
  const { code, stdout } = await project.run(["check", "./mine.ts"]);
  expect(stdout).toContain("2 scenarios: 2 as expected");
  expect(code).toBe(0);
});

it("what is wrong with a module is said by its line", async () => {
  const project = projectOf({ "mine.ts": "import { at } from 'thpcheck';\nexport default ]\n", "package.json": '{ "type": "commonjs" }' });
  const { code, stderr } = await project.run(["check", "./mine.ts"]);
  expect(stderr).toContain("mine.ts");
  expect(stderr).toMatch(/mine\.ts:2/);
  expect(code).toBe(2);
});
