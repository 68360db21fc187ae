/** No case of the kernel's selftests is forgotten: each has a test in the file of its selftest, or is listed with the part that it needs. Prints how many. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { CASES, type SelftestFile } from "./cases.ts";
import { MISSING, missingOf } from "./missing.ts";

const files = Object.keys(CASES) as SelftestFile[];

test.each(files)("%s has tests, unless all of its cases need a part that is not there", (file) => {
  const listed = new Set(missingOf(file));
  expect([...listed].filter((name) => !(CASES[file] as readonly string[]).includes(name)), "listed, but no case of the file").toEqual([]);
  expect(missingOf(file).length, "no case is listed twice").toBe(listed.size);
  expect(new Set(CASES[file]).size, "case names of a file differ").toBe(CASES[file].length);
  if (listed.size < CASES[file].length) expect(existsSync(new URL(file.replace(/\.c$/, ".test.ts"), import.meta.url))).toBe(true);
});

test("the table", () => {
  const rows = files.map((file) => ({ selftest: file, cases: CASES[file].length, covered: CASES[file].length - missingOf(file).length, needs: MISSING.filter((m) => m.file === file).map((m) => `${m.part}: ${m.cases.length}`).join(", ") }));
  const width = Math.max(...files.map((file) => file.length));
  const total = rows.reduce((sum, row) => ({ cases: sum.cases + row.cases, covered: sum.covered + row.covered }), { cases: 0, covered: 0 });
  console.log(["selftest".padEnd(width) + "  cases  covered  needs", ...rows.map((r) => `${r.selftest.padEnd(width)}  ${String(r.cases).padStart(5)}  ${String(r.covered).padStart(7)}  ${r.needs}`), `${"all".padEnd(width)}  ${String(total.cases).padStart(5)}  ${String(total.covered).padStart(7)}`].join("\n"));
  expect(total.covered).toBe(files.reduce((sum, file) => sum + CASES[file].filter((name) => !missingOf(file).includes(name)).length, 0));
});
