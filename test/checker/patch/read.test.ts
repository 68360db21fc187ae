/** Patches as git, mailers and editors write them. */
import { describe, expect, it } from "vitest";
import { readPatchText } from "../../../checker/patch/read.ts";

const read = (text: string) => readPatchText({ name: "idea.patch", text });
const BODY = "@@ -1,2 +1,2 @@\n a\n-b\n+c\n";
const CHANGE = `--- a/impl/x.ts\n+++ b/impl/x.ts\n${BODY}`;
const PLAIN = {
  from: "a/impl/x.ts", to: "b/impl/x.ts", copies: false, renames: false, hunks: [{ oldStart: 1, lines: [" a", "-b", "+c"] }],
};

describe("readPatchText", () => {
  it("reads what git diff writes, and plain diff -u", () => {
    expect(read(`diff --git a/impl/x.ts b/impl/x.ts\nindex 1..2 100644\n${CHANGE}`)).toEqual([PLAIN]);
    expect(read(`--- impl/x.ts\t2026-01-01 00:00\n+++ impl/x.ts\t2026-01-02\n${BODY}`))
      .toEqual([{ ...PLAIN, from: "impl/x.ts", to: "impl/x.ts" }]);
  });

  it("reads mails, one after the other, with descriptions and signatures", () => {
    const head = (n: number): string => `From 12 Mon Sep 17 00:00:00 2001\nSubject: [PATCH ${n}/2] x\n\nwords\n---\n impl/x.ts | 2 +-\n\n`;
    const mail = (n: number): string => `${head(n)}${CHANGE}-- \n2.39.5\n\n`;
    expect(read(mail(1) + mail(2))).toEqual([PLAIN, PLAIN]);
  });

  it("takes a line \"-- \" inside of a hunk for what it is", () => {
    expect(read("--- a/x.ts\n+++ b/x.ts\n@@ -1,2 +1,1 @@\n a\n-- \n")[0]!.hunks).toEqual([{ oldStart: 1, lines: [" a", "-- "] }]);
  });

  it("takes empty lines for empty context, and the line ends of Windows for plain ones", () => {
    expect(read("--- a/x.ts\n+++ b/x.ts\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n")[0]!.hunks[0]!.lines).toEqual([" a", " ", "-b", "+c"]);
    expect(read(CHANGE.replaceAll("\n", "\r\n"))).toEqual([PLAIN]);
  });

  it("knows new files, those that go, renamings and copies", () => {
    expect(read("diff --git a/n.ts b/n.ts\nnew file mode 100644\n--- /dev/null\n+++ b/n.ts\n@@ -0,0 +1 @@\n+a\n"))
      .toMatchObject([{ from: null, to: "b/n.ts", renames: false }]);
    expect(read("diff --git a/e.ts b/e.ts\nnew file mode 100644\nindex 0..1\n")).toMatchObject([{ from: null, to: "b/e.ts", hunks: [] }]);
    expect(read("--- a/n.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n")).toMatchObject([{ from: "a/n.ts", to: null }]);
    expect(read("diff --git a/o.ts b/n.ts\nsimilarity index 100%\nrename from o.ts\nrename to n.ts\n"))
      .toMatchObject([{ from: "a/o.ts", to: "b/n.ts", renames: true, copies: false, hunks: [] }]);
    expect(read("diff --git a/o.ts b/n.ts\nsimilarity index 100%\ncopy from o.ts\ncopy to n.ts\n"))
      .toMatchObject([{ from: "a/o.ts", to: "b/n.ts", renames: true, copies: true }]);
  });

  it("leaves out modes and binary files", () => {
    const mode = "diff --git a/m.sh b/m.sh\nold mode 100644\nnew mode 100755\n";
    const binary = "diff --git a/x.png b/x.png\nindex 1..2\nGIT binary patch\nliteral 4\nLc\n\n";
    expect(read(`${mode}${binary}diff --git a/impl/x.ts b/impl/x.ts\n${CHANGE}`)).toEqual([PLAIN]);
  });

  it.each([
    ["", /^idea\.patch is empty; "git diff > idea\.patch" makes one$/],
    ["\n \n", /^idea\.patch is empty/],
    ["words\n", /^idea\.patch is no unified diff: it has no lines such as "--- a\/impl\/file\.ts"/],
    ["--- a/x.ts\n+++ b/x.ts\n@@ -1,9 +1,9 @@\n a\n-b\n+c\n", /^idea\.patch is a damaged patch: /],
    ["--- a/x.ts\n@@ -1 +1 @@\n-b\n+c\n", /^idea\.patch is a damaged patch: Missing/],
    ["@@ -1 +1 @@\n-b\n+c\n", /^idea\.patch: its hunk at line 1 is of no file; a line "--- a\/impl\/file\.ts" must come before it$/],
    ["diff --git a/m.sh b/m.sh\nold mode 100644\nnew mode 100755\n", /^idea\.patch is no unified diff/],
  ])("refuses %j in words", (text, message) => { expect(() => read(text)).toThrow(message); });
});
