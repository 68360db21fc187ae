/**
 * A thread that helps with a search loads the image room, the search, and what these need: never the compiler, and never
 * a module of the user. What it needs arrives as data.
 */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@babel/parser";
import { expect, it } from "vitest";

const CHECKER = fileURLToPath(new URL("../../../checker", import.meta.url));

/** The thread's own module (`team.ts` starts it), and the one that it imports by address (`SystemSource.module`). */
const ENTRIES = ["search/parallel/helper.ts", "image/compiled-system.ts"];
const ROOMS = /^(search|image|program)\/|^(error-sentence|fault|nearest|refinement-plan|system|usage-error|value-in-words)\.ts$/;
/** What a module of Node or of a package may be. */
const PACKAGES = /^node:/;

/** What a module loads when it runs: imports of types alone are erased, and load nothing. */
function loads(file: string): readonly string[] {
  const found: string[] = [];
  const { body } = parse(readFileSync(file, "utf8"), { sourceType: "module", plugins: ["typescript"] }).program;
  for (const s of body) {
    if (s.type === "ImportDeclaration" && s.importKind !== "type") {
      const types = s.specifiers.filter((x) => x.type === "ImportSpecifier" && x.importKind === "type");
      if (s.specifiers.length === 0 || types.length < s.specifiers.length) found.push(s.source.value);
      continue;
    }
    const exports = s.type === "ExportNamedDeclaration" || s.type === "ExportAllDeclaration";
    if (exports && s.source != null && s.exportKind !== "type") found.push(s.source.value);
  }
  return found;
}

/** Every module reached from the entries, by its path in `checker/`, with the one that first led there. */
function reached(): { readonly modules: ReadonlyMap<string, string>; readonly packages: ReadonlyMap<string, string> } {
  const modules = new Map(ENTRIES.map((e) => [e, "the thread"]));
  const packages = new Map<string, string>();
  for (const [module] of modules) {
    const file = resolve(CHECKER, module);
    for (const specifier of loads(file)) {
      if (!specifier.startsWith(".")) {
        packages.set(specifier, module);
        continue;
      }
      const path = relative(CHECKER, resolve(dirname(file), specifier));
      if (!modules.has(path)) modules.set(path, module);
    }
  }
  return { modules, packages };
}

it("a worker thread loads no compiler", () => {
  const { modules, packages } = reached();
  expect(modules.size).toBeGreaterThan(15);
  expect([...modules].filter(([path]) => !ROOMS.test(path)).map(([path, from]) => `${from} imports ${path}`)).toEqual([]);
  expect([...packages].filter(([name]) => !PACKAGES.test(name)).map(([name, from]) => `${from} imports ${name}`)).toEqual([]);
});
