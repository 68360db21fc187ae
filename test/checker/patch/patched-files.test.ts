/** What a patch makes of the files of a project: new ones, those that go, renamings, several parts that change one file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { patchedFiles } from "../../../checker/patch/patched-files.ts";
import { readPatchText } from "../../../checker/patch/read.ts";

let root = "";
beforeAll(() => {
  root = join(mkdtempSync(join(tmpdir(), "thpcheck-patch-")), "kernel");
  mkdirSync(join(root, "impl"), { recursive: true });
  mkdirSync(join(root, "../.git"));
  writeFileSync(join(root, "impl/x.ts"), "1\n2\n3\n4\n");
  writeFileSync(join(root, "impl/y.ts"), "y\n");
});
afterAll(() => { rmSync(join(root, ".."), { recursive: true }); });

const files = (text: string) => patchedFiles("p", readPatchText({ name: "p", text }), root)
  .map(({ path: _, from, ...f }) => ({ ...f, from: from === null ? null : from.slice(root.length + 1) }));
const one = (from: string, to: string): string => `--- ${from}\n+++ ${to}\n@@ -2 +2 @@\n-2\n+two\n`;
const TWO = { name: "impl/x.ts", from: "impl/x.ts", before: "1\n2\n3\n4\n", after: "1\ntwo\n3\n4\n", parts: 1 };

describe("patchedFiles", () => {
  it.each([
    ["a/impl/x.ts", "b/impl/x.ts"], ["impl/x.ts", "impl/x.ts"], ["i/impl/x.ts", "w/impl/x.ts"],
    ["impl/x.ts.orig", "impl/x.ts"], ["impl/x.ts", "impl/x.ts.new"],
  ])("finds the file of %s and %s", (from, to) => { expect(files(one(from, to))).toMatchObject([TWO]); });

  it("finds the file by a path from the top of the repository", () => {
    expect(files(one("a/kernel/impl/x.ts", "b/kernel/impl/x.ts"))).toMatchObject([{ ...TWO, name: "kernel/impl/x.ts" }]);
  });

  it("makes new files, takes files away, renames and copies them", () => {
    const made = files(`diff --git a/impl/n.ts b/impl/n.ts
new file mode 100644
--- /dev/null
+++ b/impl/n.ts
@@ -0,0 +1,2 @@
+n
+m
diff --git a/impl/x.ts b/impl/z.ts
similarity index 80%
rename from impl/x.ts
rename to impl/z.ts
--- a/impl/x.ts
+++ b/impl/z.ts
@@ -2 +2 @@
-2
+two
diff --git a/impl/y.ts b/impl/w.ts
similarity index 100%
copy from impl/y.ts
copy to impl/w.ts
diff --git a/impl/y.ts b/impl/y.ts
deleted file mode 100644
--- a/impl/y.ts
+++ /dev/null
@@ -1 +0,0 @@
-y
`);
    expect(made).toMatchObject([
      { name: "impl/n.ts", from: null, before: null, after: "n\nm\n" },
      { name: "impl/z.ts", from: "impl/x.ts", before: "1\n2\n3\n4\n", after: "1\ntwo\n3\n4\n" },
      { name: "impl/x.ts", from: "impl/x.ts", after: null },
      { name: "impl/w.ts", from: "impl/y.ts", before: "y\n", after: "y\n" },
      { name: "impl/y.ts", from: "impl/y.ts", before: "y\n", after: null },
    ]);
  });

  it("applies the mails of a series one after the other, and says what they come to", () => {
    const series = `${one("a/impl/x.ts", "b/impl/x.ts")}--- a/impl/x.ts\n+++ b/impl/x.ts\n@@ -2,2 +2,2 @@\n two\n-3\n+three\n`;
    const changes = [{ oldFrom: 2, oldCount: 2, newFrom: 2, newCount: 2 }];
    expect(files(series)).toMatchObject([{ after: "1\ntwo\nthree\n4\n", parts: 2, hunks: [{ at: 2, changes }] }]);
    const made = `--- /dev/null\n+++ b/impl/n.ts\n@@ -0,0 +1 @@\n+n\n--- a/impl/n.ts\n+++ b/impl/n.ts\n@@ -1 +1,2 @@\n n\n+m\n`;
    expect(files(made)).toMatchObject([{ name: "impl/n.ts", from: null, before: null, after: "n\nm\n", parts: 2 }]);
  });

  it.each([
    [one("a/impl/v.ts", "b/impl/v.ts"), /^p changes impl\/v\.ts, and there is no such file in .*kernel; paths start at/],
    ["--- /dev/null\n+++ b/impl/x.ts\n@@ -0,0 +1 @@\n+n\n", /^p makes the file impl\/x\.ts, and there is one already$/],
    ["diff --git a/impl/x.ts b/impl/y.ts\nrename from impl/x.ts\nrename to impl/y.ts\n",
      /^p makes the file impl\/y\.ts, and there is one already$/],
    ["--- a/impl/x.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n",
      /^p does not apply to impl\/x\.ts: it takes the file away, and not all its lines/],
    [one("a/impl/y.ts", "b/impl/y.ts"),
      /^p does not apply to impl\/y\.ts: its hunk at line 2 looks for the line "2", which is not there; bring/],
  ])("refuses %j in words", (text, message) => { expect(() => files(text)).toThrow(message); });
});
