/**
 * Adapter for Node's module hooks: importing this module makes every module of the user's that is loaded afterwards
 * go through the transform, and lets a module in any folder import "thpcheck".
 *
 * Left alone: the checker itself and whatever lies under node_modules.
 */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { transformModule } from "./compile/transform.ts";

const checkerRoot = new URL("../", import.meta.url).href;
const entry = new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "../index.js", import.meta.url).href;

/** Whether the module at `url` is one of the user's, and so goes through the transform. */
export function isUserModule(url: string): boolean {
  return url.startsWith("file:") && /\.[mc]?[tj]s(\?.*)?$/.test(url) && !url.startsWith(checkerRoot) && !url.includes("/node_modules/");
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "thpcheck") return { url: entry, shortCircuit: true };
    return next(specifier, context);
  },
  load(url, context, next) {
    const loaded = next(url, context);
    if (!isUserModule(url) || loaded.source == null || !(loaded.format ?? "").startsWith("module")) return loaded;
    const text = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
    const transformed = transformModule(text, fileURLToPath(url));
    return transformed === null ? loaded : { ...loaded, source: transformed.code };
  },
});
