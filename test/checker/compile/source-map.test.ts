/** Emitted programs lead back to the lines that a person wrote: in stack traces of exceptions, in traces, in coverage. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "thpcheck-lines-"));
const thpcheck = fileURLToPath(new URL("../../../checker/cli/thpcheck.js", import.meta.url));
let output = "";

beforeAll(() => {
  writeFileSync(join(folder, "throws.ts"), `import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";

const structs = { c: struct({ v: int(0, 3, "x") }) };
type K = World<typeof structs>;

function lookUp(k: K): number {
  const table: number[][] = [[1], [2]];
  return table[k.c.v.get() + 1]!.length; // line 8
}

function* run(k: K): Routine {
  for (let i: 0 | 1 | 2 | 3 = 0; i < 3; i++) {
    yield at("step"); // line 13
    if (k.c.v.get() === 3) {
      k.c.v.set(0); // line 15: never
    }
    k.c.v.set(lookUp(k) + i);
  }
}
export default scenario({ name: "throws", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], expect: holds() });
`);
  output = spawnSync(process.execPath, [thpcheck, "check", "./throws.ts", "--coverage"], { cwd: folder, encoding: "utf8" }).stdout;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an exception names its line in the helper", () => expect(output).toMatch(/TypeError[^(]*\([^()]*\)\s*\([^()]*throws\.ts:8\)/));
test("a step of the trace names its yield", () => expect(output).toMatch(/run (\.\/)?throws\.ts:13/));
test("coverage names the block that never ran", () => expect(output).toMatch(/throws\.ts\s+run\s+\d+\s+\d+\s+15\b/));
