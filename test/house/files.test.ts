/** Each file: is it used, finished, of a size that a person reads, and where a README says that it is? */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { byPath, isRelative, ROOT, sources, target, targets } from "./sources.ts";

const TOP_FOLDERS = ["checker", "spec", "impl", "kernel", "picture", "test"];
const ENTRIES = [
  "checker/index.ts", "checker/vitest/index.ts", "checker/cli/thpcheck.js", "thpcheck.config.ts", "vitest.config.ts", "spec/models.ts",
  "test/bench/bench.ts", "test/bench/full-size-faults.ts", "test/moves/carry.ts",
  "test/attack/attack.ts", "test/attack/victim.ts", "checker/page/build-viewer.ts", "picture/kernel.ts", "kernel/index.ts",
];
/** Found by their names: tests, and folders that a command reads. */
const FOUND_BY_NAME = [/\.(test|test-d|bench)\.ts$/, /^test\/(models|scenarios|bugs\/scenarios)\/[^/]+\.ts$/, /^examples\/[^/]+\.ts$/];

describe("every file", () => {
  it("is imported from somewhere, or is an entry", () => {
    const imported = sources.flatMap((s) => [...targets(s), ...s.imports.filter(isRelative).map((i) => target(s.path, i.specifier)), ...s.addresses]);
    const used = new Set([...imported, ...ENTRIES]);
    expect(sources.map((s) => s.path).filter((p) => !used.has(p) && !FOUND_BY_NAME.some((f) => f.test(p)))).toEqual([]);
    expect(ENTRIES.filter((p) => !byPath.has(p))).toEqual([]);
  });

  it("imports files that exist", () => {
    const missing = sources.flatMap((s) => s.imports.filter(isRelative).map((i) => target(s.path, i.specifier))
      .filter((t) => !existsSync(join(ROOT, t))).map((t) => `${s.path} imports ${t}`));
    expect(missing).toEqual([]);
  });

  it("has no leftover of unfinished work", () => {
    const leftover = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b`);
    const lines = sources.flatMap((s) => s.text.split("\n").flatMap((line, i) => (leftover.test(line) ? [`${s.path}:${i + 1}`] : [])));
    expect(lines).toEqual([]);
  });
});

describe("READMEs", () => {
  it.each(["", ...TOP_FOLDERS])("there is one in the top folder %s", (folder) => {
    expect(existsSync(join(ROOT, folder, "README.md"))).toBe(true);
  });

  const readmes = globSync(["*.md", "{checker,spec,impl,kernel,picture,test,docs,examples}/**/*.md"], { cwd: ROOT }).sort();
  /** Files that a reader makes: names in examples. */
  const MADE_BY_READERS = /^(\.\/)?(racy|scenarios\/x|idea|\.vscode\/(tasks|settings))(\.pins)?\.(ts|patch|json)$/;

  it.each(readmes)("%s names files that exist", (readme) => {
    const here = dirname(readme);
    const text = readFileSync(join(ROOT, readme), "utf8");
    const named = [...text.matchAll(/`([\w./-]+\.(?:ts|js|md|json|patch))(?::\d+)?`/g)].map(([, path]) => path!);
    // From the README's folder or from the root; a path without a folder may lie anywhere in the project.
    const exists = (path: string): boolean =>
      existsSync(join(ROOT, here, path)) || existsSync(join(ROOT, path)) ||
      (!path.startsWith(".") && globSync(`{checker,spec,impl,kernel,picture,test,examples}/**/${path}`, { cwd: ROOT }).length > 0);
    expect([...new Set(named)].filter((path) => !MADE_BY_READERS.test(path) && !exists(path))).toEqual([]);
  });
});
