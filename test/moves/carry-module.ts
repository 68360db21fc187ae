/**
 * A scenario, or any other module outside the project, that was written against an older tree: its imports are led to
 * where the imported names are now, and renamed names follow.
 */
import { posix } from "node:path";
import { Homes } from "./home.ts";
import { movedFile, type Tree } from "./revision.ts";
import { inNewWords, type Moves } from "./table.ts";
import { moduleOf, type ImportedName } from "./units.ts";

export interface CarriedModule {
  readonly text: string;
  /** Imports for which no home was found; they are left as they were. */
  readonly problems: readonly string[];
}

/** The path in the old tree that a specifier ends with, and what comes before it; null where it names none. */
function oldPathIn(old: Tree, specifier: string): { readonly prefix: string; readonly path: string } | null {
  const parts = specifier.split("/");
  for (let i = 0; i < parts.length; i++) {
    const path = parts.slice(i).join("/");
    if (old.paths.includes(path)) return { prefix: parts.slice(0, i).map((p) => `${p}/`).join(""), path };
  }
  return null;
}

/** `import { a, type B } from "x";`, as short as it can be written. */
export function importText(names: readonly ImportedName[], specifier: string): string {
  const allTypes = names.every((n) => n.typeOnly);
  const one = (n: ImportedName): string =>
    `${n.typeOnly && !allTypes ? "type " : ""}${n.imported === n.local ? n.local : `${n.imported} as ${n.local}`}`;
  const sorted = [...names].sort((a, b) => Number(a.typeOnly) - Number(b.typeOnly));
  return `import ${allTypes ? "type " : ""}{ ${sorted.map(one).join(", ")} } from ${JSON.stringify(specifier)};`;
}

/** Where `name`, which `path` exported in the old tree, is declared now. */
export function homeOf(
  before: Homes,
  homes: Homes,
  moves: Moves,
  path: string,
  name: string,
): { readonly path: string; readonly name: string } | null {
  const declared = before.declaredIn(path, name);
  const now = movedFile(moves, declared.path);
  const wanted = moves.names[declared.name] ?? declared.name;
  const home = homes.find(wanted, now);
  return home === null ? null : { path: home.path, name: wanted };
}

/** `at` is the module's own path in the old tree, from which relative imports are read; null: it lies outside. */
export function carryModule(text: string, at: string | null, old: Tree, now: Tree, moves: Moves): CarriedModule {
  const problems: string[] = [];
  const [before, homes] = [new Homes(old), new Homes(now)];
  const { imports } = moduleOf(text);
  let out = text;
  for (const i of [...imports].reverse()) {
    const relative = at !== null && i.specifier.startsWith(".");
    const found = relative
      ? { prefix: "", path: posix.normalize(posix.join(posix.dirname(at), i.specifier)) }
      : oldPathIn(old, i.specifier);
    if (found === null || i.names.length === 0) continue;
    const here = at === null ? null : posix.dirname(movedFile(moves, at));
    const specifierOf = (path: string): string => {
      if (!relative) return found.prefix + path;
      const way = posix.relative(here!, path);
      return way.startsWith(".") ? way : `./${way}`;
    };
    const byPath = new Map<string, ImportedName[]>();
    for (const n of i.names) {
      const home = homeOf(before, homes, moves, found.path, n.imported);
      if (home === null) problems.push(`${n.imported} of ${found.path} has no single home any more`);
      const path = home?.path ?? found.path;
      const local = n.local === n.imported ? (home?.name ?? n.local) : n.local;
      byPath.set(path, [...(byPath.get(path) ?? []), { ...n, imported: home?.name ?? n.imported, local }]);
    }
    out = out.slice(0, i.start) + [...byPath].map(([path, names]) => importText(names, specifierOf(path))).join("\n") + out.slice(i.end);
  }
  return { text: inNewWords(moves, out), problems };
}
