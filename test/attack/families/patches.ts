/** Patches: damaged in every line, of files that there are not, and none at all. They are applied in memory: no file may change. */
import { moduleWith } from "../base.ts";
import { Dice, type Input } from "../input.ts";
import { NO_JSON } from "../values.ts";

const MODULE = moduleWith({ finally: null });
const CONFIG = 'import { defineConfig } from "thpcheck";\nexport default defineConfig({ scenarios: ["scenarios/*.ts"] });\n';
const LINES = MODULE.split("\n");
const at = LINES.indexOf("  const seen: U8 = k.counter.value.get();");
const context = (n: number): string => ` ${LINES[n]}`;

/** Changes one line of the module. */
const WHOLE = `diff --git a/scenarios/m.ts b/scenarios/m.ts
index 0123456..789abcd 100644
--- a/scenarios/m.ts
+++ b/scenarios/m.ts
@@ -${at - 1},5 +${at - 1},5 @@ function* increment(k: K): Routine {
${context(at - 2)}
${context(at - 1)}
-${LINES[at]}
+  const seen: U8 = k.counter.value.get() + 0;
${context(at + 1)}
${context(at + 2)}
`;

const HEADERS: Readonly<Record<string, string>> = {
  "no such file": WHOLE.replaceAll("m.ts", "none.ts"), "a path above": WHOLE.replaceAll("scenarios/m.ts", "../../../../etc/hostname"),
  "an absolute path": WHOLE.replaceAll(/[ab]\/scenarios\/m\.ts/g, "/etc/hostname"),
  "an empty path": WHOLE.replaceAll(/[ab]\/scenarios\/m\.ts/g, ""),
  "a null byte": WHOLE.replaceAll("m.ts", "m\u0000.ts"), "a folder": WHOLE.replaceAll("scenarios/m.ts", "scenarios"),
  "two names": WHOLE.replace("+++ b/scenarios/m.ts", "+++ b/scenarios/other.ts"),
  "the configuration": WHOLE.replaceAll("scenarios/m.ts", "thpcheck.config.ts"), "only a header": WHOLE.split("@@")[0]!,
  "no header": `@@${WHOLE.split("@@").slice(1).join("@@")}`,
  "twice the file": WHOLE + WHOLE,
  "a binary patch": "diff --git a/scenarios/m.ts b/scenarios/m.ts\nGIT binary patch\nliteral 3\nKcmZQz\n\n",
  "binary files differ": "Binary files a/scenarios/m.ts and b/scenarios/m.ts differ\n",
  "a mode": "diff --git a/scenarios/m.ts b/scenarios/m.ts\nold mode 100644\nnew mode 100755\n",
  "a file that goes": `--- a/scenarios/m.ts\n+++ /dev/null\n@@ -1,${LINES.length - 1} +0,0 @@\n${LINES.slice(0,
    -1).map((l) => `-${l}`).join("\n")}\n`,
  "a file that comes": "--- /dev/null\n+++ b/scenarios/new.ts\n@@ -0,0 +1 @@\n+export default 5;\n",
  "a file that is there": `--- /dev/null\n+++ b/scenarios/m.ts\n@@ -0,0 +1 @@\n+export default 5;\n`,
  "a link": "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
  "a renaming": "diff --git a/scenarios/m.ts b/scenarios/n.ts\nsimilarity index 100%\n" +
    "rename from scenarios/m.ts\nrename to scenarios/n.ts\n",
  "a renaming of nothing": "diff --git a/none.ts b/n.ts\nsimilarity index 100%\nrename from none.ts\nrename to n.ts\n",
  "a copy over": "diff --git a/scenarios/m.ts b/thpcheck.config.ts\ncopy from scenarios/m.ts\ncopy to thpcheck.config.ts\n",
  "a context diff": "*** a/scenarios/m.ts\n--- b/scenarios/m.ts\n***************\n*** 1,2 ****\n! a\n--- 1,2 ----\n! b\n",
  "an ed script": "1,2c\nx\n.\n",
  "a combined diff": WHOLE.replace("@@ ", "@@@ ").replace(" @@", " @@@"), "line ends of Windows": WHOLE.replaceAll("\n", "\r\n"),
  "no end of line": WHOLE.trimEnd(),
};
const HUNKS: Readonly<Record<string, string>> = Object.fromEntries(
  ["-0,0 +0,0", "-1,999999 +1,999999", "-99999999999,5 +1,5", `-${at - 1},5`, "-a,b +c,d", `-${at - 1},4 +${at - 1},5`,
    `-${at - 1},5 +${at - 1},4`, `-${at - 1} +${at - 1}`, "--1,5 +1,5", ""]
    .map((hunk) => [hunk === "" ? "nothing" : hunk, WHOLE.replace(/@@ -.* @@/, `@@ ${hunk} @@`)]));
/** What it makes of the module is wrong. */
const RESULTS: Readonly<Record<string, string>> = Object.fromEntries(
  ["  const seen: U8 = ;", "  const seen = (", "}", "  throw new Error();", "  const seen: U8 = k.nothing.value.get();", "  for (;;);",
    "  const seen: U8 = Math.random();", "  \u0000", "import 'x';"]
    .map((line) => [JSON.stringify(line), WHOLE.replace("+  const seen: U8 = k.counter.value.get() + 0;", `+${line}`)]));

export function patches(seed: number): Input[] {
  const dice = new Dice(seed);
  const lines = WHOLE.split("\n").slice(0, -1);
  const input = (rule: string, what: string, text: string | Uint8Array, ends: Input["ends"] = "any"): Input => ({
    family: "patches", rule, what, args: ["check", "racy", "--patch", "p.patch"], ends,
    files: { "thpcheck.config.ts": CONFIG, "scenarios/m.ts": MODULE, "scenarios/other.ts": MODULE.replace('"racy"', '"other"'),
      "p.patch": text },
  });
  const changed = (text: string, where: number, to: string): string => text.slice(0, where) + to + text.slice(where + 1);
  return [
    ...Object.entries(HEADERS).map(([what, text]) => input("headers", what, text)),
    ...Object.entries(HUNKS).map(([what, text]) => input("hunks", what, text)),
    ...Object.entries(RESULTS).map(([what, text]) => input("what it makes", what, text)),
    ...Object.entries(NO_JSON).map(([what, text]) => input("content", what, text, "refused")),
    ...lines.map((_, n) => input("a line less", String(n), `${lines.filter((__, i) => i !== n).join("\n")}\n`)),
    ...lines.map((line, n) => input("a line twice", String(n), `${lines.flatMap((l, i) => (i === n ? [line, line] : [l])).join("\n")}\n`)),
    ...lines.flatMap((_, n) => ["", "+", "-", " ", "\\", "@@", "x", "---", "diff"].map((sign) =>
      input("another sign", `${n} ${sign}`, `${lines.map((l, i) => (i === n ? sign + l.slice(1) : l)).join("\n")}\n`))),
    ...Array.from({ length: 60 }, (_, n) =>
      input("another character", String(n), changed(WHOLE, dice.below(WHOLE.length), dice.of("+-@ \n\\/ab0\t\u0000é".split(""))))),
    ...Array.from({ length: 30 }, (_, n) => input("cut", String(n), WHOLE.slice(0, dice.below(WHOLE.length)))),
    input("long", "a million lines", `${WHOLE}${"+x\n".repeat(1_000_000)}`),
  ];
}
