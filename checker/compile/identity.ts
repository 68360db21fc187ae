/** What the compiler is, as a text that changes with every change of it: what one has made is not what another would make. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** The folders whose modules decide what is compiled; "" is `checker/` itself. A test holds what they import to this list. */
export const COMPILER_FOLDERS = ["", "cache", "compile", "image", "patch", "program"];
export const COMPILER_PACKAGES = [
  "@babel/generator", "@babel/parser", "@babel/traverse", "@babel/types", "diff", "magic-string", "proper-lockfile", "valibot",
  "write-file-atomic",
];

let identity: string | null = null;

/** The texts of these modules, the packages that they use, and Node. */
export function compilerIdentity(): string {
  if (identity !== null) return identity;
  const hash = createHash("sha256").update(process.version).update(identityOf(COMPILER_FOLDERS));
  for (const name of COMPILER_PACKAGES) hash.update(readFileSync(findPackageJSON(name, import.meta.url)!));
  return (identity = hash.digest("hex"));
}

/** The texts of the modules in these folders of `checker/`. */
export function identityOf(folders: readonly string[]): string {
  const hash = createHash("sha256");
  for (const folder of folders) {
    const url = new URL(`../${folder === "" ? "" : `${folder}/`}`, import.meta.url);
    const modules = readdirSync(url).filter((n) => /\.[jt]s$/.test(n)).toSorted();
    for (const name of modules) hash.update(`\n${name}\n`).update(readFileSync(new URL(name, url)));
  }
  return hash.digest("hex");
}
