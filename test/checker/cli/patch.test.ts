/** `--patch`: a diff that is applied in memory, to a routine that a scenario imports from another module. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResultFile } from "../../../checker/result.ts";
import { CONFIG, Project } from "./fixture.ts";

const ROUTINE = `import { mutexLock, mutexUnlock, at } from "thpcheck";
import type { Routine } from "thpcheck";
import { type K, type Seen } from "./structs.ts";

export function* increment(k: K): Routine {
  yield* mutexLock(k, k.counter.lock.at());
  const seen: Seen = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
  mutexUnlock(k, k.counter.lock.at());
}
`;
const STRUCTS = `import { int, mutex, struct } from "thpcheck";
import type { Int, World } from "thpcheck";
export const structs = { counter: struct({ value: int(0, 9, "the count"), lock: mutex("guards value") }) };
export type K = World<typeof structs>;
export type Seen = Int<0, 9>;
`;
const SCENARIO = `import { holds, scenario } from "thpcheck";
import { increment } from "../routines/increment.ts";
import { structs, type K } from "../routines/structs.ts";
export default scenario({ name: "counter", why: "the lock keeps updates", tier: "quick", structs, threads: [{ name: "alice", run: increment }, { name: "bob", run: increment }], finally: { "no update is lost": (k: K) => k.counter.value.get() === 2 }, expect: holds({ states: 8 }) });
`;
const WITNESS = `import { holds, scenario } from "thpcheck";
import { increment } from "../routines/increment.ts";
import { structs, type K } from "../routines/structs.ts";
export default scenario({
  name: "counts", why: "something is counted", tier: "quick", structs, threads: [{ name: "alice", run: increment }],
  sometimes: { "one is counted": (k: K) => k.counter.value.get() === 1 }, expect: holds({ states: 4 }),
});
`;
const NO_LOCK = `Subject: drop the lock

Two increments may then read before either writes.
---
--- a/routines/increment.ts
+++ b/routines/increment.ts
@@ -4,8 +4,8 @@

 export function* increment(k: K): Routine {
-  yield* mutexLock(k, k.counter.lock.at());
+  yield at("read");
   const seen: Seen = k.counter.value.get();
   yield at("write");
   k.counter.value.set(seen + 1);
-  mutexUnlock(k, k.counter.lock.at());
+
 }
`;

/** One more step, which changes nothing; and an end before the write, so that nothing is counted at all. */
const EXTRA_STEP = `--- a/routines/increment.ts
+++ b/routines/increment.ts
@@ -8,1 +8,2 @@
   yield at("write");
+  yield at("a step that changes nothing");
`;
const NO_WRITE = `--- a/routines/increment.ts
+++ b/routines/increment.ts
@@ -9,1 +9,0 @@
-  k.counter.value.set(seen + 1);
`;

const change = (file: string, body: string): string => `--- a/${file}\n+++ b/${file}\n${body}`;
const WRITE = '   yield at("write");\n';
/** As `git format-patch` has it: a new room, a room that is renamed, a mail's signature. */
const ROOMS = `From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: A Developer <a@example.org>
Date: Mon, 1 Jan 2026 00:00:00 +0000
Subject: [PATCH] counting has a room of its own

---
 routines/{structs.ts => types.ts} | 0

diff --git a/routines/add.ts b/routines/add.ts
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/routines/add.ts
@@ -0,0 +1,5 @@
+import type { K, Seen } from "./types.ts";
+
+export function addTo(k: K, seen: Seen): void {
+  k.counter.value.set(seen + 1);
+}
diff --git a/routines/increment.ts b/routines/increment.ts
index 1111111..2222222 100644
--- a/routines/increment.ts
+++ b/routines/increment.ts
@@ -1,6 +1,7 @@
 import { mutexLock, mutexUnlock, at } from "thpcheck";
 import type { Routine } from "thpcheck";
-import { type K, type Seen } from "./structs.ts";
+import { type K, type Seen } from "./types.ts";
+import { addTo } from "./add.ts";

 export function* increment(k: K): Routine {
   yield* mutexLock(k, k.counter.lock.at());
@@ -9,3 +10,3 @@
-  k.counter.value.set(seen + 1);
+  addTo(k, seen);
   mutexUnlock(k, k.counter.lock.at());
 }
diff --git a/routines/structs.ts b/routines/types.ts
similarity index 100%
rename from routines/structs.ts
rename to routines/types.ts
diff --git a/scenarios/counter.ts b/scenarios/counter.ts
index 1111111..2222222 100644
--- a/scenarios/counter.ts
+++ b/scenarios/counter.ts
@@ -3,1 +3,1 @@
-import { structs, type K } from "../routines/structs.ts";
+import { structs, type K } from "../routines/types.ts";
--
2.39.5
`;

let project: Project;
beforeAll(() => {
  project = new Project({
    "thpcheck.config.ts": CONFIG, "routines/increment.ts": ROUTINE, "routines/structs.ts": STRUCTS, "scenarios/counter.ts": SCENARIO, "no-lock.patch": NO_LOCK,
    "extra-step.patch": EXTRA_STEP, "no-write.patch": NO_WRITE, "scenarios/witness.ts": WITNESS,
    "outdated.patch": NO_LOCK.replaceAll("mutexLock(k,", "spinLock(k,"),
    "nowhere.patch": NO_LOCK.replaceAll("increment.ts", "decrement.ts"),
    "unused.patch": "--- a/unused.ts\n+++ b/unused.ts\n@@ -1 +1 @@\n-export {};\n+export const a = 1;\n", "unused.ts": "export {};\n",
    "no.patch": "not a patch\n",
    "rooms.patch": ROOMS, "README.md": "words\n",
    "words.patch": change("README.md", "@@ -1 +1 @@\n-words\n+other words\n"),
    "gone.patch": "--- a/routines/structs.ts\n+++ /dev/null\n@@ -1,5 +0,0 @@\n" + STRUCTS.replaceAll(/^(?=.)/gm, "-"),
    "syntax.patch": change("routines/increment.ts", `@@ -8 +8,2 @@\n${WRITE}+  const x = ;\n`),
    "unknown.patch": change("routines/increment.ts", `@@ -8 +8,2 @@\n${WRITE}+  forget(k);\n`),
    "unlinked.patch": change("routines/increment.ts",
      '@@ -1,0 +2,2 @@\n+import { forget } from "./structs.ts";\n+export const f = forget;\n'),
    "wider.patch": "--- a/routines/structs.ts\n+++ b/routines/structs.ts\n@@ -5 +5 @@\n-export type Seen = Int<0, 9>;\n+export type Seen = Int<0, 1000000>;\n",
  });
});
afterAll(() => { project.remove(); });

describe("--patch", () => {
  it("checks the patched program, leaves the files alone, and prints a command that replays the violation", async () => {
    const r = await project.run(["check", "counter", "--patch", "no-lock.patch"]);
    expect(r.code).toBe(1);
    expect(r.stdout).toContain('FAIL counter violates "no update is lost"');
    expect(readFileSync(join(project.folder, "routines/increment.ts"), "utf8")).toBe(ROUTINE);
    expect((await project.run(["check", "counter"])).code).toBe(0);
    const command = /npx thpcheck (replay tc1\.counter\.\S+ --patch no-lock\.patch)/.exec(r.stdout);
    const again = await project.run(command![1]!.split(" "));
    expect(again.stdout).toContain("counterexample of counter, 4 steps");
    expect(again.code).toBe(0);
    // Without the patch the same choices belong to another program.
    const other = await project.run(command![1]!.split(" ").slice(0, 2));
    expect(other.stderr).toMatch(/recorded from another version of the program/);
  });

  it("keeps the patch in the trace, so that a file of results needs nothing else", async () => {
    await project.run(["check", "counter", "--patch", "no-lock.patch", "--out", "run.json"]);
    const [result] = (JSON.parse(readFileSync(join(project.folder, "run.json"), "utf8")) as ResultFile).results;
    expect(result!.violation!.trace!.patch).toEqual({ name: "no-lock.patch", text: NO_LOCK });
    const replayed = await project.run(["replay", "run.json"]);
    expect(replayed.stderr).toBe("");
    expect(replayed.stdout).toContain("counterexample of counter, 4 steps");
  });

  it("notes that counts are not as pinned, and is content", async () => {
    const r = await project.run(["check", "counter", "--patch", "extra-step.patch", "--out", "extra.json"]);
    expect(r.stdout).toMatch(/^ok {3}counter holds: .*\n {5}note: under the patch \d+ states, pinned are 8$/m);
    expect(r.code).toBe(0);
    const [result] = (JSON.parse(readFileSync(join(project.folder, "extra.json"), "utf8")) as ResultFile).results;
    const note = expect.stringMatching(/^under the patch \d+ states, pinned are 8$/) as string;
    expect(result).toMatchObject({ asExpected: true, reason: null, notes: [note] });
  });

  it("is not content with another verdict, nor where a witness is lost: what then holds may hold because nothing happens", async () => {
    const r = await project.run(["check", "counter", "counts", "--patch", "no-write.patch"]);
    expect(r.stdout).toMatch(/^FAIL counter violates "no update is lost"/m);
    expect(r.stdout).toMatch(/^FAIL counts never shows "one is counted"/m);
    expect(r.code).toBe(1);
  });

  it("reaches types that are only imported", async () => {
    // The slot of a local is as wide as its type: only the type's own module differs here.
    const bytes = async (...options: string[]): Promise<number> => (JSON.parse((await project.run(["check", "counter", "--format", "json", ...options])).stdout) as ResultFile).results[0]!.bytesPerState;
    expect(await bytes("--patch", "wider.patch")).toBeGreaterThan(await bytes());
  });

  it.each([
    ["outdated.patch", /^thpcheck: outdated\.patch does not apply to routines\/increment\.ts: its hunk at line 4 looks for the line "yield\* spinLock\(k, k\.counter\.lock\.at\(\)\);", which is not there; bring the patch up to date with the file\n$/],
    ["nowhere.patch", /^thpcheck: nowhere\.patch changes routines\/decrement\.ts, and there is no such file in .*; paths start at the folder of thp/],
    ["unused.patch", /^thpcheck: unused\.patch changes unused\.ts, which no scenario that was loaded imports\n$/],
    ["no.patch", /^thpcheck: no\.patch is no unified diff: .*git diff > no\.patch/],
    ["missing.patch", /^thpcheck: the patch missing\.patch cannot be read \(ENOENT\)\n$/],
  ])("%s is refused in one sentence, exit code 2", async (patch, message) => {
    const r = await project.run(["check", "counter", "--patch", patch]);
    expect(r.stderr).toMatch(message);
    expect(r.code).toBe(2);
  });

  it("takes new files and renamed ones, in a patch that git made for a mail", async () => {
    const r = await project.run(["check", "counter", "--patch", "rooms.patch"]);
    expect(r.stderr).toBe("");
    expect(r.stdout).toMatch(/^ok {3}counter holds: 8 states/m);
    expect(r.code).toBe(0);
  });

  it.each([
    ["syntax.patch", /: routines\/increment\.ts:9:13, as patched, does not parse: Unexpected token; the line there is "const x = ;"$/],
    ["gone.patch", /^thpcheck: gone\.patch takes routines\/structs\.ts away, which routines\/increment\.ts imports$/],
    ["unlinked.patch", /: 2 modules .*: SyntaxError: .* does not provide an export named 'forget' \(routines\/increment\.ts:2\)$/],
    ["words.patch", /^thpcheck: words\.patch changes README\.md, which is no module$/],
  ])("%s: one message for all scenarios, exit code 2", async (patch, message) => {
    const r = await project.run(["check", "--patch", patch]);
    expect(r.stderr.trimEnd()).toMatch(message);
    expect(r.stdout + r.stderr).not.toMatch(/thpcheck-patch|internal|^ +at /m);
    expect(r.code).toBe(2);
  });

  it("says once that a routine does not compile, for all scenarios that have it", async () => {
    const r = await project.run(["check", "--patch", "unknown.patch"]);
    expect(r.stdout.match(/forget/g)).toHaveLength(1);
    expect(r.stdout).toMatch(/^FAIL counter: routines\/increment\.ts:9:3: in increment: forget is /m);
    expect(r.stdout).toMatch(/^FAIL 1 scenario more, for the same reason: counts$/m);
    expect(r.code).toBe(2);
  });

  it("does not pin the counts of a patched program", async () => {
    const r = await project.run(["check", "counter", "--patch", "no-lock.patch", "--update-pins"]);
    expect(r.stderr).toContain("--update-pins would pin the counts of the patched program");
    expect(r.code).toBe(2);
  });
});
