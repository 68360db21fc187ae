/** What `check --patch` says of the patch itself: who ran its lines, who would, and when a run says nothing of it. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PatchReport, ResultFile } from "../../../checker/result.ts";
import { CONFIG, Project, type Finished } from "./fixture.ts";

const WORK = `import { at } from "thpcheck";
import type { Routine } from "thpcheck";
import { STEP } from "./limits.ts";
import type { K, Seen } from "./structs.ts";

// Whether it is too late to count.
function isLate(k: K): boolean {
  return k.counter.value.get() > 3;
}

export function* work(k: K): Routine {
  yield at("look");
  const late: boolean = isLate(k);
  if (late) {
    k.counter.missed.set(true);
    return;
  }
  const seen: Seen = k.counter.value.get();
  yield at("write", () => k.counter.open.get());
  k.counter.value.set(seen + STEP);
}
`;
const LIMITS = "export const STEP = 1;\nexport const UNUSED = 7;\n";
const STRUCTS = `import { bool, int, struct } from "thpcheck";
import type { Int, World } from "thpcheck";
export const structs = { counter: struct({
  value: int(0, 9, "the count"), missed: bool("somebody came too late"), open: bool("may be written", { init: true }),
}) };
export type K = World<typeof structs>;
export type Seen = Int<0, 9>;
`;
const scenario = (name: string, tier: string, first: number, states: number): string => `import { holds, scenario } from "thpcheck";
import { work } from "../routines/work.ts";
import { structs, type K } from "../routines/structs.ts";
export default scenario({
  name: "${name}", why: "a test", tier: "${tier}", structs, init: (k: K) => k.counter.value.set(${first}),
  threads: [{ name: "alice", run: work }],
  finally: { "counts, or is late": (k: K) => k.counter.value.get() < 5 || k.counter.missed.get() },
  expect: holds({ states: ${states} }),
});
`;
const OTHER = `import { at, holds, scenario } from "thpcheck";
import { structs, type K } from "../routines/structs.ts";
export default scenario({ name: "other", why: "a test", tier: "quick", structs,
  threads: [{ name: "bob", run: function* (k: K) { yield at("go"); k.counter.missed.set(true); } }], expect: holds({ states: 2 }),
});
`;
const patch = (file: string, body: string): string => `--- a/${file}\n+++ b/${file}\n${body}`;
const work = (body: string): string => patch("routines/work.ts", body);
const limits = (body: string): string => patch("routines/limits.ts", body);
const PATCHES = {
  "add.patch": work('@@ -12,1 +12,2 @@\n   yield at("look");\n+  k.counter.open.set(true);\n'),
  "branch.patch": work(`@@ -13,6 +13,2 @@
   const late: boolean = isLate(k);
-  if (late) {
-    k.counter.missed.set(true);
-    return;
-  }
   const seen: Seen = k.counter.value.get();
`),
  "inside.patch": work("@@ -15,1 +15,1 @@\n-    k.counter.missed.set(true);\n+    k.counter.missed.set(false);\n"),
  "helper.patch": work("@@ -8,1 +8,1 @@\n-  return k.counter.value.get() > 3;\n+  return k.counter.value.get() > 2;\n"),
  "guard.patch": work(`@@ -19,1 +19,1 @@
-  yield at("write", () => k.counter.open.get());
+  yield at("write", () => !k.counter.missed.get());
`),
  "comment.patch": work("@@ -6,1 +6,1 @@\n-// Whether it is too late to count.\n+// Whether it is late.\n"),
  "constant.patch": limits("@@ -1,1 +1,1 @@\n-export const STEP = 1;\n+export const STEP = 2;\n"),
  "unused.patch": limits("@@ -2,1 +2,1 @@\n-export const UNUSED = 7;\n+export const UNUSED = 8;\n"),
  "type.patch": patch("routines/structs.ts", "@@ -7,1 +7,1 @@\n-export type Seen = Int<0, 9>;\n+export type Seen = Int<0, 200>;\n"),
  "moved.patch": work('@@ -3,1 +3,2 @@\n   yield at("look");\n+  k.counter.open.set(true);\n'),
  "both.patch": limits("@@ -2,1 +2,1 @@\n-export const UNUSED = 7;\n+export const UNUSED = 8;\n") +
    work("@@ -15,1 +15,1 @@\n-    k.counter.missed.set(true);\n+    k.counter.missed.set(false);\n"),
};

let project: Project;
let made: Finished;
beforeAll(async () => {
  project = new Project({
    "thpcheck.config.ts": CONFIG, "routines/work.ts": WORK, "routines/limits.ts": LIMITS, "routines/structs.ts": STRUCTS,
    "scenarios/early.ts": scenario("early", "quick", 0, 3), "scenarios/late.ts": scenario("late", "full", 5, 2),
    "scenarios/very-late.ts": scenario("very-late", "nightly", 9, 2), "scenarios/other.ts": OTHER, ...PATCHES,
  });
  made = await project.run(["reach", "--update"]);
});
afterAll(() => { project.remove(); });

const check = (...args: string[]): Promise<Finished> => project.run(["check", ...args]);
async function report(...args: string[]): Promise<PatchReport & { code: number | null }> {
  const { code } = await check(...args, "--out", "run.json");
  return { code, ...(JSON.parse(readFileSync(join(project.folder, "run.json"), "utf8")) as ResultFile).patch! };
}

describe("a run under a patch", () => {
  it("says of each changed line how often it ran, and in which scenarios", async () => {
    const r = await check("--patch", "add.patch");
    expect(r.stdout).toMatch(/^add\.patch applies:\n {2}routines\/work\.ts: 1 hunk$/m);
    expect(r.stdout).toContain(`add.patch, in 2 scenarios:
  routines/work.ts:12 work
    line 13: k.counter.open.set(true);: ran 1 time, in 1 of 2 scenarios: early 1
`);
    expect(r.stdout).toContain("all counts are as they are pinned without the patch");
    expect(r.stdout).not.toContain("WARNING");
    expect(r.code).toBe(0);
  });

  it("is the same on one worker and on two, and with everything in one process", async () => {
    const on = (workers: string) => report("*", "--tier", "nightly", "--patch", "helper.patch", "--workers", workers);
    const one = await on("1");
    expect(await on("2")).toEqual(one);
    const once = ["early", "late", "very-late"].map((name) => ({ scenario: name, times: 1 }));
    expect(one.files[0]!.hunks[0]!.places[0]!.ranIn).toEqual(once);
  });

  it("says where a hunk was found", async () => {
    const { stdout } = await check("early", "--patch", "moved.patch");
    expect(stdout).toContain("the hunk at line 3 was found at line 12, 9 lines further down");
  });

  it("warns where a branch is taken out that no scenario of the run takes, names those that do, and is no success", async () => {
    const r = await check("--patch", "branch.patch");
    expect(r.stdout).toMatch(/^ok {3}early holds/m);
    expect(r.stdout).toContain("taken out: k.counter.missed.set(true); (line 15): without the patch it runs in none of them");
    const none = "no scenario of this run executes the changed lines of routines/work.ts:13";
    expect(r.stdout).toContain(`WARNING: ${none}: a result "holds" says nothing of the patch`);
    const offer = /2 scenarios more come to the changed lines.*:\n {2}npx thpcheck check late --patch branch\.patch +full, 2 states/;
    expect(r.stdout).toMatch(offer);
    expect(r.code).toBe(3);
    const command = /npx thpcheck (check late --patch branch\.patch)/.exec(r.stdout)![1]!;
    expect((await project.run(command.split(" "))).stdout).toContain('FAIL late violates "counts, or is late"');
  });

  it("runs those that come there when it is asked to, cheapest first, until one is not as expected", async () => {
    const r = await check("--patch", "branch.patch", "--reach");
    expect(r.stdout).toMatch(/FAIL late violates/);
    expect(r.stdout).toMatch(/^not run: .*very-late/m);
    expect(r.code).toBe(1);
    const named = await check("very-*", "--patch", "branch.patch", "--reach");
    expect(named.stdout).toMatch(/FAIL very-late violates/);
    expect(named.stdout).not.toMatch(/FAIL late/);
  });

  it("says of a removed line that runs without the patch who runs it", async () => {
    const r = await check("early", "late", "--patch", "branch.patch");
    expect(r.stdout).not.toContain("WARNING");
    expect(r.code).toBe(1);
  });

  it("knows lines of helpers, and of guards by the statement around them", async () => {
    expect(await report("early", "--patch", "helper.patch")).toMatchObject({ wasExercised: true, code: 0 });
    expect(await report("early", "--patch", "guard.patch")).toMatchObject({ wasExercised: true, code: 0 });
    expect((await report("early", "--patch", "inside.patch")).files[0]!.hunks[0]!.effect).toBe("never");
  });

  it("has nothing to say of comments", async () => {
    const r = await check("--patch", "comment.patch");
    expect(r.stdout).toContain("comments: nothing of it runs");
    expect(r.stdout).toContain("WARNING: the patch changes nothing that runs: no result can say anything of it");
    expect(r.code).toBe(3);
  });

  it("tells of constants and types by the programs that they make others", async () => {
    const r = await check("--patch", "constant.patch");
    const another = "constants: no counter can tell where that matters; it makes another program of 1 of 2 scenarios";
    expect(r.stdout).toContain(another);
    expect(r.code).toBe(0);
    expect(await report("--patch", "type.patch")).toMatchObject({ otherPrograms: ["early"], wasExercised: true, code: 0 });
    const unused = await check("--patch", "unused.patch");
    expect(unused.stdout).toContain("constants: no counter can tell where that matters, and it makes no other program of any");
    expect(unused.stdout).toContain("WARNING");
    expect(unused.code).toBe(3);
  });

  it("does not take the difference that code makes for one of a constant", async () => {
    const both = await report("early", "--patch", "both.patch");
    expect(both.otherPrograms).toEqual(["early"]);
    expect(both.files.map((f) => f.hunks[0]!.effect)).toEqual(["never", "never"]);
    expect(both.code).toBe(3);
  });
});

describe("the index", () => {
  it("is made by a command", () => {
    expect(made.stdout).toMatch(/^thpcheck\.reach\.json: 4 scenarios, 6 functions, 11 blocks; measured anew: 4,/);
    expect(made.code).toBe(0);
  });

  it("knows a line wherever it has moved, as long as its function is the same", async () => {
    project.write("routines/work.ts", `// More.\n// And more.\n${WORK}`);
    try {
      const r = await check("--patch", "branch.patch");
      expect(r.stdout).toContain("the hunk at line 13 was found at line 15, 2 lines further down");
      expect(r.stdout).toMatch(/npx thpcheck check late --patch branch\.patch/);
      expect(r.stdout).not.toContain("another text");
      const { stdout } = await project.run(["reach", "routines/work.ts:17"]);
      expect(stdout).toMatch(/^routines\/work\.ts:17, in work: 2 scenarios\n {2}late/);
    } finally {
      project.write("routines/work.ts", WORK);
    }
  });

  it("says so where a function is another by now, and offers who runs any of it", async () => {
    project.write("routines/work.ts", WORK.replace("seen + STEP", "seen + 1 * STEP"));
    try {
      const r = await check("--patch", "branch.patch");
      expect(r.stdout).toContain("the index is out of date, 3 scenarios are others by now: who comes there is told as it was");
      expect(r.stdout).toContain("the index is of another text of routines/work.ts: work: of these, who runs any line is listed");
      expect(r.stdout).toContain("who runs it without the patch is not known");
      // The place was passed, and more is not known.
      expect(r.code).toBe(0);
      const { code, stdout } = await project.run(["reach", "--check"]);
      expect(stdout).toMatch(/out of date in 3 scenarios: .*early/);
      expect(code).toBe(1);
    } finally {
      project.write("routines/work.ts", WORK);
    }
  });

  it("measures again only what has changed", async () => {
    const before = readFileSync(join(project.folder, "thpcheck.reach.json"), "utf8");
    project.write("scenarios/late.ts", scenario("late", "full", 6, 2));
    try {
      expect((await project.run(["reach", "--update"])).stdout).toMatch(/; measured anew: 1, left out since they are gone: 0/);
    } finally {
      project.write("scenarios/late.ts", scenario("late", "full", 5, 2));
    }
    expect((await project.run(["reach", "--update"])).stdout).toMatch(/; measured anew: 1,/);
    expect(readFileSync(join(project.folder, "thpcheck.reach.json"), "utf8")).toBe(before);
    expect(await project.run(["reach", "--check"])).toMatchObject({ code: 0 });
  });

  it("answers for lines and functions", async () => {
    const reach = async (...args: string[]): Promise<string> => (await project.run(["reach", ...args])).stdout;
    expect(await reach("routines/work.ts:15"))
      .toMatch(/^routines\/work\.ts:15, in work: 2 scenarios\n {2}late +full +2 states\n {2}very-late/);
    expect(await reach("routines/work.ts:isLate")).toMatch(/in isLate: 3 scenarios/);
    const json = JSON.parse(await reach("routines/work.ts:15", "--format", "json")) as { scenarios: { scenario: string }[] }[];
    expect(json[0]!.scenarios.map((s) => s.scenario)).toEqual(["late", "very-late"]);
  });

  it.each([
    [["reach"], /name a line or a function, such as/],
    [["reach", "routines/work.ts"], /routines\/work\.ts: it must be file:line or file:function/],
    [["reach", "routines/none.ts:3"], /there is no file routines\/none\.ts/],
    [["reach", "routines/work.ts:6"], /routines\/work\.ts:6 is no code \(comments\) that is part of a program of the index/],
    [["reach", "routines/work.ts:999"], /routines\/work\.ts:999 is no code/],
    [["reach", "routines/work.ts:nobody"], /routines\/work\.ts:nobody is no code/],
    [["reach", "--update", "--check"], /leave out one of them/],
    [["check", "--reach"], /--reach runs what comes to the lines of a patch; name it/],
    [["check", "--patch", "comment.patch", "--reach"], /are no code that the index knows/],
    [["check", "early", "--patch", "branch.patch", "--reach"],
      /none of the 2 scenarios that come to the changed lines of branch\.patch is meant by early/],
    [["check", "./scenarios/late.ts", "--patch", "branch.patch", "--reach"], /leave out \.\/scenarios\/late\.ts/],
  ])("%j is refused in words", async (args, message) => {
    const r = await project.run(args);
    expect(r.stderr).toMatch(message);
    expect(r.stderr).not.toMatch(/internal|^ +at /m);
    expect(r.code).toBe(2);
  });

  it("is refused where it is no index, and missed where there is none", async () => {
    const index = readFileSync(join(project.folder, "thpcheck.reach.json"), "utf8");
    try {
      const head = '"format":"thpcheck-reach","version"';
      for (const text of ["{", "[]", `{${head}:9}`, `{${head}:1,"functions":[[1]],"rows":[]}`]) {
        project.write("thpcheck.reach.json", text);
        const r = await check("--patch", "branch.patch");
        expect(r.stderr).toMatch(/thpcheck\.reach\.json .*; "npx thpcheck reach --update" makes it anew\n$/);
        expect(r.code).toBe(2);
      }
      // The last of them is one of ours, the others belong to somebody else.
      expect((await project.run(["reach", "--update"])).stdout).toMatch(/measured anew: 4,/);
      project.write("thpcheck.reach.json", "[]");
      expect((await project.run(["reach", "--update"])).stderr).toMatch(/would overwrite a file that is no index/);
      rmSync(join(project.folder, "thpcheck.reach.json"));
      const r = await check("--patch", "inside.patch");
      expect(r.stdout).toContain('which other scenarios come there is not known: "npx thpcheck reach --update" finds out');
      expect(r.code).toBe(3);
      expect((await check("--patch", "inside.patch", "--reach")).stderr).toMatch(/--reach needs thpcheck\.reach\.json, and there is none/);
    } finally {
      project.write("thpcheck.reach.json", index);
    }
  });
});
