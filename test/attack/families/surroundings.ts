/** The surroundings of a process: where its output goes, what its environment says, and what is where it looks. */
import { moduleWith } from "../base.ts";
import type { Input } from "../input.ts";

const HELD = moduleWith({ finally: null });
const BROKEN = moduleWith();

export function surroundings(): Input[] {
  const alone = (rule: string, what: string, args: readonly string[], more: Partial<Input>): Input =>
    ({ family: "surroundings", rule, what, args, ends: "any", files: { "m.ts": HELD, "broken.ts": BROKEN }, seconds: 30, alone: {},
      ...more });
  const env = (name: string, value: string): Input =>
    alone("environment", `${name}=${JSON.stringify(value)}`, ["check", "broken.ts"], { ends: "failed", alone: { env: { [name]: value } } });
  return [
    alone("output", "/dev/full", ["check", "m.ts"], { ends: "failed", alone: { stdout: "/dev/full" } }),
    alone("output", "/dev/full, as JSON", ["check", "m.ts", "--format", "json"], { ends: "failed", alone: { stdout: "/dev/full" } }),
    alone("output", "/dev/full, help", ["check", "--help"], { ends: "failed", alone: { stdout: "/dev/full" } }),
    alone("output", "/dev/full, a list", ["list", "m.ts"], { ends: "failed", alone: { stdout: "/dev/full" } }),
    alone("output", "/dev/full, as --out", ["check", "m.ts", "--out", "/dev/full"], { ends: "failed" }),
    ...["abc", "-1", "0", "", "1e9", "99999999999999999999", "NaN"].flatMap((v) => [env("COLUMNS", v), env("THPCHECK_LOAD_SECONDS", v)]),
    env("FORCE_COLOR", "banana"), env("NO_COLOR", ""), env("NODE_OPTIONS", "--no-warnings"), env("TMPDIR", "/no/such/folder"),
    env("HOME", "/no/such/folder"), env("LANG", "no.such"),
    env("TZ", "No/Where"), env("THPCHECK_RUNTIME", "/no/such/node"), env("PATH", ""),
    alone("read only", "a source that is pinned", ["check", "m.ts", "--update-pins"], { writes: ["m.ts"] }),
    alone("folders", "no project", ["check"], { ends: "refused", files: {} }), alone("folders", "a project without scenarios", ["check"], {
      ends: "refused",
      files: { "thpcheck.config.ts": 'import { defineConfig } from "thpcheck";\nexport default defineConfig({ scenarios: [] });\n' },
    }),
    alone("folders", "a package of CommonJS", ["check", "m.ts"], { files: { "m.ts": HELD, "package.json": '{"type": "commonjs"}' } }),
    alone("folders", "a broken package.json", ["check", "m.ts"], { files: { "m.ts": HELD, "package.json": "{" } }),
    alone("folders", "a package named thpcheck", ["check", "m.ts"],
      { files: { "m.ts": HELD, "node_modules/thpcheck/package.json": '{"name": "thpcheck", "main": "x.js"}',
      "node_modules/thpcheck/x.js": "throw 1" } }),
    alone("folders", "a module below node_modules", ["check", "node_modules/m.ts"], { files: { "node_modules/m.ts": HELD } }),
  ];
}
