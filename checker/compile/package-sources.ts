/**
 * What the package exports as TypeScript, for scenarios to import: "thpcheck/kernel". Its sources come as they are, since slots
 * of frames follow from the types in them; where the package is installed Node would strip no types there.
 */
import { readFileSync } from "node:fs";

const compiled = import.meta.url.endsWith(".js");
/** The package's folder; compiled modules lie in its `dist/`. */
const root = new URL(compiled ? "../../../" : "../../", import.meta.url).href;
const OTHERS = ["checker/", "dist/", "node_modules/"].map((folder) => `${root}${folder}`);

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as Manifest;

/** By specifier, such as "thpcheck/kernel": the module's address. */
export const PACKAGE_SOURCES: ReadonlyMap<string, string> = new Map(
  Object.entries(manifest.exports).flatMap(([path, target]) => {
    const file = typeof target === "string" ? target : target.default;
    return file.endsWith(".ts") ? [[manifest.name + path.slice(1), new URL(file, root).href] as const] : [];
  }),
);

/** Whether the address is that of a module which such an export may lead to. */
export function isPackageSource(url: string): boolean {
  return url.startsWith(root) && !OTHERS.some((folder) => url.startsWith(folder));
}
