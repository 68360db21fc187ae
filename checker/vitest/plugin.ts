/** Adapter for Vitest: the same transform as a Vite plugin, and "thpcheck" resolved to this installation. */
import { fileURLToPath } from "node:url";
import { transformModule } from "../compile/transform.ts";

const checkerRoot = fileURLToPath(new URL("../", import.meta.url));

/** Add to `plugins` in vitest.config.ts. Test files are left alone: they define no routines. */
export function thpcheckPlugin(): {
  name: string;
  enforce: "pre";
  resolveId(id: string): string | null;
  transform(code: string, id: string): { code: string; map: string } | null;
} {
  return {
    name: "thpcheck",
    enforce: "pre",
    resolveId: (id) => (id === "thpcheck" ? `${checkerRoot}index.${import.meta.url.endsWith(".ts") ? "ts" : "js"}` : null),
    transform(code, id) {
      const file = id.replace(/\?.*$/, "");
      const isOurs = file.startsWith(checkerRoot) || file.includes("/node_modules/");
      if (isOurs || !/\.[mc]?[tj]s$/.test(file) || file.endsWith(".test.ts")) return null;
      const transformed = transformModule(code, file);
      return transformed === null ? null : { code: transformed.code, map: transformed.map.toString() };
    },
  };
}
