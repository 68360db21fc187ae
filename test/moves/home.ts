/** Where each declaration is now: which module has it, and what its text is. */
import { posix } from "node:path";
import type { Tree } from "./revision.ts";
import { moduleOf, type Module, type Unit } from "./units.ts";

export interface Home {
  readonly path: string;
  readonly unit: Unit;
}

/** Modules of a tree, parsed when they are asked for. */
export class Homes {
  readonly #tree: Tree;
  readonly #modules = new Map<string, Module | null>();
  #byName: Map<string, string[]> | null = null;

  constructor(tree: Tree) { this.#tree = tree; }

  module(path: string): Module | null {
    let module = this.#modules.get(path);
    if (module === undefined) {
      const text = this.#tree.read(path);
      module = text === null ? null : moduleOf(text);
      this.#modules.set(path, module);
    }
    return module;
  }

  /**
   * The declaration of that name: in the file where it is expected; else in the only file of the same top folder that
   * has one, or that exports one, or that does so beside the expected one. Null where there is none, or where several are.
   */
  find(name: string, expected: string): Home | null {
    const there = this.module(expected)?.units.find((u) => u.name === name);
    if (there !== undefined) return { path: expected, unit: there };
    const top = expected.split("/")[0]!;
    const homes = (this.#names().get(name) ?? []).filter((p) => p.startsWith(`${top}/`))
      .map((path) => ({ path, unit: this.module(path)!.units.find((u) => u.name === name)! }));
    // What others import is exported: a file's own declaration of the same name is not meant where one is.
    const exported = homes.filter(({ unit }) => /^export\b/m.test(unit.text));
    const beside = exported.filter(({ path }) => posix.dirname(path) === posix.dirname(expected));
    return [homes, exported, beside].find((candidates) => candidates.length === 1)?.[0] ?? null;
  }

  /** The file that declares what `path` exports as `name`, and the name there; `path` itself where nobody is known to. */
  declaredIn(path: string, name: string): { readonly path: string; readonly name: string } {
    const again = this.module(path)?.reexports.find((r) => r.exported === name);
    if (again === undefined || !again.specifier.startsWith(".")) return { path, name };
    return this.declaredIn(posix.normalize(posix.join(posix.dirname(path), again.specifier)), again.imported);
  }

  #names(): Map<string, string[]> {
    if (this.#byName !== null) return this.#byName;
    const names = new Map<string, string[]>();
    for (const path of this.#tree.paths) {
      if (!path.endsWith(".ts")) continue;
      for (const { name } of this.module(path)?.units ?? []) if (name !== null) names.set(name, [...(names.get(name) ?? []), path]);
    }
    return (this.#byName = names);
  }
}
