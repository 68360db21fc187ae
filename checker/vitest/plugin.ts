/** Adapter for Vitest: the same transform as a Vite plugin, and "thpcheck" resolved to this installation. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { isPackageSource, PACKAGE_SOURCES } from "../compile/package-sources.ts";
import { transformModule } from "../compile/transform.ts";

const checkerRoot = fileURLToPath(new URL("../", import.meta.url));

/** Whether the text of a module imports from this package, and not only types. */
const IMPORTS_THPCHECK = /\bimport\s+(?!type\b)[^;"']*?\bfrom\s*["']thpcheck(?:\/kernel)?["']/;

function isPlainTest(file: string, code: string): boolean {
  return file.endsWith(".test.ts") && !IMPORTS_THPCHECK.test(code);
}

/**
 * Add to `plugins` in vitest.config.ts. A test file is left alone unless it imports the vocabulary of scenarios: it may have one
 * inside.
 */
export function thpcheckPlugin(): {
  name: string;
  enforce: "pre";
  config(): object;
  resolveId(id: string): string | null;
  transform(code: string, id: string): { code: string; map: string } | null;
} {
  return {
    name: "thpcheck",
    enforce: "pre",
    // What Vitest leaves to Node does not come through here.
    config: () => ({ test: { server: { deps: { inline: [/\/thpcheck\/(?!node_modules|dist|checker).*\.ts$/] } } } }),
    resolveId(id) {
      if (id === "thpcheck") return `${checkerRoot}index.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`;
      const source = PACKAGE_SOURCES.get(id);
      return source === undefined ? null : fileURLToPath(source);
    },
    transform(code, id) {
      const file = id.replace(/\?.*$/, "");
      const foreign = file.includes("/node_modules/") && !isPackageSource(pathToFileURL(file).href);
      const isOurs = file.startsWith(checkerRoot) || foreign;
      if (isOurs || !/\.[mc]?[tj]s$/.test(file) || isPlainTest(file, code)) return null;
      const transformed = transformModule(code, file);
      return transformed === null ? null : { code: transformed.code, map: transformed.map.toString() };
    },
  };
}
