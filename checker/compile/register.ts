/**
 * Adapter for Node's module hooks: importing this module makes every module of the user's that is loaded afterwards
 * go through the transform, and lets a module in any folder import "thpcheck".
 *
 * Left alone: the checker itself and whatever lies under node_modules.
 */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { transformModule, type Transformed } from "./transform.ts";
import { isMadeByPatch, patchOf, patchedText, refuseRemoved, underPatch } from "../patch/patch.ts";

const checkerRoot = new URL("../", import.meta.url).href;
const entry = new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "../index.js", import.meta.url).href;

/** Whether the module at `url` is one of the user's, and so goes through the transform. */
export function isUserModule(url: string): boolean {
  return url.startsWith("file:") && /\.[mc]?[tj]s(\?.*)?$/.test(url) && !url.startsWith(checkerRoot) && !url.includes("/node_modules/");
}

/** By address without its patch: most modules are the same under every patch. */
const transformed = new Map<string, { readonly text: string; readonly result: Transformed | null }>();

function transform(text: string, file: string): Transformed | null {
  const before = transformed.get(file);
  if (before?.text === text) return before.result;
  const result = transformModule(text, file);
  if (before === undefined) transformed.set(file, { text, result });
  return result;
}

/** The address of a module that only the patch of the importing module has made; null: it is on the disk, or there is none. */
function madeByPatch(specifier: string, parent: string, patch: string): string | null {
  if (!/^(\.\.?\/|\/|file:)/.test(specifier)) return null;
  const url = underPatch(new URL(specifier, parent).href, patch);
  return isUserModule(url) && isMadeByPatch(url) ? url : null;
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "thpcheck") return { url: entry, shortCircuit: true };
    const patch = patchOf(context.parentURL ?? "");
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
    const loaded = made ? { format, source: "", shortCircuit: true } : next(url, context);
    if (!isUserModule(url) || loaded.source == null || !(loaded.format ?? "").startsWith("module")) return loaded;
    const text = patchedText(url, () => (typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source)));
    return { ...loaded, source: transform(text, fileURLToPath(url))?.code ?? text };
  },
});
