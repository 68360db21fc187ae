/**
 * Makes the package that is published: JavaScript, because Node strips no types under node_modules.
 *
 *     node .ci/build.ts [folder]      (default: dist)
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = resolve(process.argv[2] ?? join(root, "dist"));

rmSync(out, { recursive: true, force: true });
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json"), "--outDir", out], { stdio: "inherit" });
mkdirSync(join(out, "checker/cli"), { recursive: true });
writeFileSync(join(out, "checker/cli/thpcheck.js"), readFileSync(join(root, "checker/cli/thpcheck.js"), "utf8").replace('"./main.ts"', '"./main.js"'), { mode: 0o755 });
cpSync(join(root, "README.md"), join(out, "README.md"));

interface Manifest { private?: boolean; scripts?: unknown; devDependencies?: unknown; exports: unknown }
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
delete manifest.private;
delete manifest.scripts;
delete manifest.devDependencies;
manifest.exports = { ".": { types: "./checker/index.d.ts", default: "./checker/index.js" }, "./vitest": { types: "./checker/compile/vitest-plugin.d.ts", default: "./checker/compile/vitest-plugin.js" } };
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
