/** The patches of this folder: complete, up to date, and a handful of them found. `thpcheck bugs` finds them all. */
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { applyPatch, parsePatch } from "diff";
import { describe, expect, it } from "vitest";
import { readBugs, ROOT } from "./bug.ts";
import { CATALOGUE } from "./catalogue.ts";
import { breaks, type Finding } from "./find.ts";
import { NOT_EXPRESSIBLE } from "./not-expressible.ts";

const bugs = readBugs();
const run = promisify(execFile);
async function thpcheck(...args: string[]): Promise<string> {
  // Its exit code is 1 where a bug is missed: what it prints says which.
  const { stdout } = await run(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), ...args], { cwd: ROOT, maxBuffer: 1 << 26 }).catch((e: unknown) => e as { stdout: string });
  return stdout;
}

describe("the catalogue", () => {
  it("names each bug once", () => {
    expect(new Set(CATALOGUE).size).toBe(CATALOGUE.length);
    expect(CATALOGUE).toHaveLength(59);
  });

  it("is a patch, or a part that is missing, for each bug", () => {
    const here = [...bugs.map((b) => b.id), ...NOT_EXPRESSIBLE.map((n) => n.id)];
    expect(here.sort()).toEqual([...CATALOGUE].sort());
  });

  it("says what is missing", () => {
    expect(NOT_EXPRESSIBLE.filter((n) => n.needs.length < 3)).toEqual([]);
  });
});

describe.each(bugs.map((b) => [b.id, b] as const))("%s", (_, bug) => {
  it("has a header: subject, fix, scenario, promise; and tells what goes wrong, step by step", () => {
    const [head, ...body] = bug.patch.text.split("\n---\n")[0]!.split("\n\n");
    expect(head!.split("\n").map((line) => line.slice(0, line.indexOf(":")))).toEqual(["Subject", "Upstream", ...(bug.cve === null ? [] : ["CVE"]), "Scenario", "Promise"]);
    expect(bug.upstream).toMatch(/^([0-9a-f]{12}|posted|none)\b/);
    if (bug.cve !== null) expect(bug.cve).toMatch(/^CVE-\d{4}-\d+$/);
    expect(body.join("\n")).toMatch(/^ {2}1\. .*\n(.*\n)* {2}2\. /m);
  });

  it("applies to the files as they are, and changes only impl/", () => {
    for (const change of parsePatch(bug.patch.text)) {
      if (change.hunks.length === 0) continue;
      const file = change.newFileName!.replace(/^b\//, "");
      expect(file).toMatch(/^impl\//);
      expect(applyPatch(readFileSync(join(ROOT, file), "utf8"), change), `${bug.patch.name} does not apply to ${file} any more`).not.toBe(false);
    }
  });
});

describe("the scenarios of the bugs", () => {
  const files = readdirSync(join(ROOT, "test/bugs/scenarios")).filter((f) => f.endsWith(".ts"));
  const here = files.flatMap((f) => [...readFileSync(join(ROOT, "test/bugs/scenarios", f), "utf8").matchAll(/^ {4}name: "(.*)",$/gm)].map((m) => m[1]!));

  it("exist", () => {
    expect(bugs.filter((b) => !here.includes(b.scenario)).map((b) => b.id)).toEqual([]);
  });

  it("are all needed by a bug, or show that a switch or a part of impl/ holds without one", () => {
    const used = new Set(bugs.map((b) => b.scenario));
    expect(here.filter((name) => !used.has(name)).sort()).toEqual([
      "collapse-coredump-locked", "cow-forced-write-shared", "reclaim-lazyfree-dontneed", "reclaim-lazyfree-redirty",
    ]);
  });
});

describe("a promise of a header", () => {
  it("is a property by name, or an assertion by the beginning of its message", () => {
    expect(breaks({ property: "T1 a", message: "" }, "T1 a")).toBe(true);
    expect(breaks({ property: "T1 a", message: "" }, "T1")).toBe(false);
    expect(breaks({ property: "assertion", message: "assertion: room: fact (file.ts:1)" }, "assertion: room: fact")).toBe(true);
    expect(breaks({ property: "assertion", message: "assertion: room: fact (file.ts:1)" }, "assertion: room: other")).toBe(false);
    expect(breaks({ property: "T1 a", message: "assertion: room: fact" }, "assertion: room: fact")).toBe(false);
  });
});

it("finds bugs, with short traces, and only under their patches", async () => {
  const ids = ["vma-split-leaves-huge", "scan-waits-for-page-lock", "split-vs-zap", "mapcount-vs-pmd-split", "resv-stale-lock-pointer", "mthp-collapse-creep"];
  const findings = JSON.parse(await thpcheck("bugs", ...ids, "--json")) as Finding[];
  expect(findings.map((f) => [f.id, f.outcome])).toEqual([
    ["mapcount-vs-pmd-split", "found"], ["resv-stale-lock-pointer", "found"], ["scan-waits-for-page-lock", "found"], ["split-vs-zap", "found"], ["vma-split-leaves-huge", "found"],
    ["mthp-collapse-creep", "not-expressible"],
  ]);
  for (const f of findings) if (f.outcome === "found") expect(f.steps).toBeLessThanOrEqual(40);
});
