/**
 * Adapter for Node's module hooks: importing this module makes every module of the user's that is loaded afterwards
 * go through the transform, and lets a module in any folder import "thpcheck".
 *
 * Left alone: the checker itself and whatever lies under node_modules, but for sources of this package (package-sources.ts).
 */
import { existsSync, readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes, type LoadFnOutput } from "node:module";
import { fileURLToPath } from "node:url";
import { isPackageSource, PACKAGE_SOURCES } from "./package-sources.ts";
import { isEsModule } from "./source-module.ts";
import { transformedText } from "./transformed.ts";
import { isMadeByPatch, patchOf, patchedText, refuseRemoved, underPatch } from "../patch/patch.ts";

const checkerRoot = new URL("../", import.meta.url).href;
const entry = new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "../index.js", import.meta.url).href;

/** Whether the module at `url` is one of the user's, and so goes through the transform. */
export function isUserModule(url: string): boolean {
  return url.startsWith("file:") && /\.[mc]?[tj]s(\?.*)?$/.test(url) && !url.startsWith(checkerRoot)
    && (!url.includes("/node_modules/") || isPackageSource(url));
}

/** By address without its patch: most modules are the same under every patch. */
const transformed = new Map<string, { readonly text: string; readonly code: string }>();

function transform(text: string, file: string): string {
  const before = transformed.get(file);
  if (before?.text === text) return before.code;
  const code = transformedText(text, file);
  if (before === undefined) transformed.set(file, { text, code });
  return code;
}

/** The address of a module that only the patch of the importing module has made; null: it is on the disk, or there is none. */
function madeByPatch(specifier: string, parent: string, patch: string): string | null {
  if (!/^(\.\.?\/|\/|file:)/.test(specifier)) return null;
  const url = underPatch(new URL(specifier, parent).href, patch);
  return isUserModule(url) && isMadeByPatch(url) ? url : null;
}

/** Without Node's warning that the function is experimental: Node strips types of other modules by the same one, and says nothing. */
function stripTypes(code: string): string {
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning")!;
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(code);
  } finally {
    Object.defineProperty(process, "emitWarning", own);
  }
}

/**
 * The text of a user's `.ts` or `.js` that is an ES module by its imports and exports, whatever the nearest package.json says; else
 * null. `npm init` writes "commonjs" into it, and Node then refuses the first import.
 */
function esModuleText(url: string): string | null {
  if (!isUserModule(url) || !/\.[tj]s(\?|$)/.test(url)) return null;
  const file = fileURLToPath(url);
  if (!existsSync(file)) return null;
  const text = readFileSync(file, "utf8");
  return isEsModule(text, file) ? text : null;
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "thpcheck") return { url: entry, shortCircuit: true };
    const patch = patchOf(context.parentURL ?? "");
    const source = PACKAGE_SOURCES.get(specifier);
    if (source !== undefined) return { url: patch === null ? source : underPatch(source, patch), shortCircuit: true };
    if (patch === null) return next(specifier, context);
    const made = madeByPatch(specifier, context.parentURL!, patch);
    if (made !== null) return { url: made, shortCircuit: true };
    const resolved = next(specifier, context);
    if (!isUserModule(resolved.url) || patchOf(resolved.url) !== null) return resolved;
    const url = underPatch(resolved.url, patch);
    refuseRemoved(url, context.parentURL!);
    return { ...resolved, url };
  },
  load(url, context, next) {
    const made = patchOf(url) !== null && isUserModule(url) && isMadeByPatch(url);
    const format = /\.[mc]?ts(\?|$)/.test(url) ? "module-typescript" : "module";
    // Node strips no types under node_modules.
    const strips = url.includes("/node_modules/") && isPackageSource(url);
    const asWritten = (): LoadFnOutput => {
      const text = context.format?.startsWith("module") === true ? null : esModuleText(url);
      return text === null ? next(url, context) : { format, source: text, shortCircuit: true };
    };
    const loaded = made ? { format, source: "", shortCircuit: true }
      : strips ? { format, source: readFileSync(fileURLToPath(url), "utf8"), shortCircuit: true } : asWritten();
    if (!isUserModule(url) || loaded.source == null || !(loaded.format ?? "").startsWith("module")) return loaded;
    const text = patchedText(url, () => (typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source)));
    const code = transform(text, fileURLToPath(url));
    return strips ? { ...loaded, format: "module", source: stripTypes(code) } : { ...loaded, source: code };
  },
});
