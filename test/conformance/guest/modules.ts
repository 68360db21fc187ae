/** Kernel modules for a guest, in the order in which they can be loaded. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { UsageError } from "../../../checker/usage-error.ts";
import type { ArchivedFile } from "./archive.ts";
import type { KernelImage } from "./store.ts";
import { output } from "./system.ts";

/** The kernel has no such module, or it does not lie here. */
export class NoModule extends UsageError {}

const nameOf = (file: string): string => basename(file).replace(/\.ko(\..*)?$/, "").replaceAll("-", "_");

/** What the module needs, by its own words: `depends=` in its .modinfo. @kernel include/linux/module.h MODULE_INFO */
export function dependenciesOf(module: Uint8Array): string[] {
  const found = /\0depends=([\w,-]*)\0/.exec(Buffer.from(module).toString("latin1"));
  return (found?.[1] ?? "").split(",").filter((d) => d !== "").map(nameOf);
}

const readModule = (file: string): Buffer => (file.endsWith(".xz") ? output("xz", ["-dc", file]) : readFileSync(file));

/**
 * The modules and what they need, each behind what it needs. What is part of the kernel itself has no file, and is left out if
 * another one needs it. Throws a NoModule for a module that the kernel does not have.
 */
export function modulesFor({ name, modules }: KernelImage, wanted: readonly string[]): ArchivedFile[] {
  const files = new Map(modules === null ? [] : globSync("*.ko*", { cwd: modules }).map((f) => [nameOf(f), join(modules, f)]));
  const content = new Map<string, Buffer>();
  const visiting = new Set<string>();
  const add = (module: string): void => {
    const file = files.get(module);
    if (file === undefined || visiting.has(module)) return;
    visiting.add(module);
    const bytes = readModule(file);
    for (const needed of dependenciesOf(bytes)) add(needed);
    content.set(module, bytes);
  };
  for (const w of wanted) {
    if (!files.has(nameOf(w))) {
      const there = modules === null ? "its modules do not lie here" : `there are ${[...files.keys()].sort().join(", ")}`;
      throw new NoModule(`Linux ${name} has no module ${JSON.stringify(w)} here: ${there}`);
    }
    add(nameOf(w));
  }
  return [...content].map(([module, bytes], i) => ({ path: `modules/${String(i).padStart(2, "0")}-${module}.ko`, content: bytes }));
}
