/** The first customers of `npm run carry`: the patches of `test/bugs/`, as they were written against fc1477c. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyPatch, parsePatch } from "diff";
import { describe, expect, it } from "vitest";
import { carryModule } from "./carry-module.ts";
import { carryPatch } from "./carry-patch.ts";
import { treeAt, treeNow, type Tree } from "./revision.ts";
import { FIRST, movesSince, type Moves } from "./table.ts";
import { moduleOf } from "./units.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Patches that a person had to finish, and why. */
const BY_HAND: Readonly<Record<string, string>> = {
  "scan-waits-for-page-lock.patch": "splitQueued() was written anew for lists of next and prev: the line that the patch undoes is another",
  "gup-fast-vs-collapse-recheck.patch": "gupFastPte() judges the reference that it hands out beside the line that the patch takes out",
  "collapse-uses-old-vma.patch": "collapseUnderWriteLock() looks for the area of the huge range, whatever the window is, in that line",
  "split-vs-zap.patch": "pageVmaMappedWalk() notes a mapping that it has missed in the lines that the patch takes out",
};

/** Patches that the script carries without seeing that what they put in says something else, or says it twice, by now. */
const UNSEEN: Readonly<Record<string, string>> = {
  "split-tail-identity-after-unfreeze.patch": "splitFrozenFolio() splits what is isolated, too, in the lines that the patch moves",
  "split-unlocked-pmd-check.patch": "pageVmaMappedWalk() returns the entry that it has found, in place of a flag",
  "zero-huge-freed-before-flush.patch": "zapHugePmd() knows the huge zero page by its number, where the patch of then asks a flag",
};

function hasHistory(): boolean {
  try {
    execFileSync("git", ["-C", ROOT, "cat-file", "-e", `${FIRST}^{commit}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * What a diff makes of the declarations of each file, and which of the names that they use are imported from where.
 * Line breaks, and imports that nothing needs any more, do not count.
 */
function outcome(now: Tree, patch: string): Record<string, readonly string[]> {
  return Object.fromEntries(parsePatch(patch).filter((c) => c.hunks.length > 0).map((change) => {
    const path = change.newFileName!.replace(/^[ab]\//, "").trim();
    const before = now.read(path)!;
    const text = applyPatch(before, change);
    if (text === false) return [path, ["does not apply"]];
    const same = new Set(moduleOf(before).units.map((u) => u.text));
    const { units, imports } = moduleOf(text);
    const used = new Set(units.flatMap((u) => u.text.match(/[\w$]+/g) ?? []));
    const names = imports.flatMap((i) => i.names.filter((n) => used.has(n.local)).map((n) => `${n.local} from ${i.specifier}`));
    return [path, [...units.filter((u) => !same.has(u.text)).map((u) => u.text.replace(/\s+/g, " ").trim()), ...names.sort()]];
  }));
}

describe.skipIf(!hasHistory())(`carried from ${FIRST} (needs the history of the project)`, () => {
  const moves = movesSince(FIRST);
  const [old, now] = hasHistory() ? [treeAt(ROOT, FIRST), treeNow(ROOT)] : [treeNow(ROOT), treeNow(ROOT)];
  const patches = readdirSync(join(ROOT, "test/bugs")).filter((f) => f.endsWith(".patch") && old.paths.includes(`test/bugs/${f}`));

  it("there are 25 patches", () => { expect(patches).toHaveLength(25); });

  it.each(patches.filter((f) => !(f in BY_HAND) && !(f in UNSEEN)))("%s becomes the committed one", (file) => {
    const carried = carryPatch(old.read(`test/bugs/${file}`)!, old, now, moves);
    expect(carried.problems).toEqual([]);
    expect(outcome(now, carried.text)).toEqual(outcome(now, readFileSync(join(ROOT, "test/bugs", file), "utf8")));
  });

  it.each(Object.keys(UNSEEN))("%s is carried, and is not the committed one", (file) => {
    const carried = carryPatch(old.read(`test/bugs/${file}`)!, old, now, moves);
    expect(carried.problems).toEqual([]);
    expect(outcome(now, carried.text)).not.toEqual(outcome(now, readFileSync(join(ROOT, "test/bugs", file), "utf8")));
  });

  it.each(Object.keys(BY_HAND))("%s is still one for a person", (file) => {
    expect(carryPatch(old.read(`test/bugs/${file}`)!, old, now, moves).problems).not.toEqual([]);
  });
});

describe("a small project", () => {
  const tree = (files: Readonly<Record<string, string>>): Tree => ({ paths: Object.keys(files).sort(), read: (p) => files[p] ?? null });
  const moves: Moves = {
    files: { "impl/a.ts": "impl/room/a.ts" },
    names: { old: "fresh" },
    passages: [["isKhugepaged", "cc.isKhugepaged"]],
  };
  const old = tree({
    "impl/a.ts": [
      'import { x } from "./x.ts";',
      "",
      "/** One. */",
      "export function one(k: K): number {",
      "  return x(k) + 1;",
      "}",
      "",
      "export function old(k: K): number { return 2; }",
      "",
    ].join("\n"),
    "impl/x.ts": "export function x(k: K): number { return 0; }\nexport function y(k: K): number { return 1; }\n",
    "impl/door.ts": 'export { x } from "./x.ts";\n',
  });
  const now = tree({
    "impl/room/a.ts": '/** One. */\nexport function one(k: K, more: number): number {\n  return zero(k) +\n    1 + more;\n}\n',
    "impl/room/b.ts": "export function fresh(k: K): number { return 2; }\n",
    "impl/x.ts": "export function x(k: K): number { return 0; }\n",
    "impl/y.ts": "export function y(k: K): number { return 1; }\n",
  });
  const patch = (hunk: string): string => `Subject: an idea\n---\n--- a/impl/a.ts\n+++ b/impl/a.ts\n${hunk}`;

  it("a change follows its declaration into another file, under its new name", () => {
    const { text, problems } = carryPatch(
      patch("@@ -8,1 +8,1 @@\n-export function old(k: K): number { return 2; }\n+export function old(k: K): number { return 3; }\n"),
      old,
      now,
      moves,
    );
    expect(problems).toEqual([]);
    expect(text).toBe(
      [
        "Subject: an idea",
        "---",
        "--- a/impl/room/b.ts",
        "+++ b/impl/room/b.ts",
        "@@ -1,1 +1,1 @@",
        "-export function fresh(k: K): number { return 2; }",
        "+export function fresh(k: K): number { return 3; }",
        "",
      ].join("\n"),
    );
  });

  it("brings the import that it needs from where the name is now", () => {
    const hunk = [
      "@@ -1,1 +1,1 @@",
      '-import { x } from "./x.ts";',
      '+import { x, y } from "./x.ts";',
      "@@ -5,1 +5,1 @@",
      "-  return x(k) + 1;",
      "+  return x(k) + y(k);",
      "",
    ].join("\n");
    const { text, problems } = carryPatch(patch(hunk), old, now, moves);
    expect(problems).toEqual([]);
    expect(text).toContain('+import { y } from "../y.ts";');
    expect(text).toContain("+    y(k) + more;");
  });

  it("says what it cannot carry, and carries nothing of it", () => {
    const { text, problems } = carryPatch(patch("@@ -5,1 +5,1 @@\n-  return x(k) + 1;\n+  return y(k) + 1;\n"), old, now, moves);
    expect(problems).toEqual(['impl/room/a.ts: one was changed here as well: "x" is "zero" now, and the patch makes "y" of it']);
    expect(text).not.toContain("+++");
  });

  it("leads the imports of a scenario to where names are declared, through doors that are gone", () => {
    const { text, problems } = carryModule(
      'import { x, type K } from "HERE/impl/door.ts";\nimport { old as two } from "HERE/impl/a.ts";\nold(isKhugepaged);\n',
      null,
      tree({
        "impl/door.ts": 'export { x, K } from "./x.ts";\n',
        "impl/x.ts": "export type K = 1;\nexport function x() {}\n",
        "impl/a.ts": old.read("impl/a.ts")!,
      }),
      tree({
        "impl/x.ts": "export type K = 1;\n",
        "impl/z.ts": "export function x() {}\n",
        "impl/room/b.ts": "export function fresh() {}\n",
      }),
      moves,
    );
    expect(problems).toEqual([]);
    expect(text).toBe(
      [
        'import { x } from "HERE/impl/z.ts";',
        'import type { K } from "HERE/impl/x.ts";',
        'import { fresh as two } from "HERE/impl/room/b.ts";',
        "fresh(cc.isKhugepaged);",
        "",
      ].join("\n"),
    );
  });
});
