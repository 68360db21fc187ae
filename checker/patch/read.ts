/**
 * Reads unified diffs as git, `diff -u` and mailers write them: with a description, a signature, several mails one after the
 * other, `a/` and `b/` before paths or not, and with the line ends of Windows.
 */
import { parsePatch, type StructuredPatch } from "diff";
import type { Patch } from "../result.ts";
import { UsageError } from "../usage-error.ts";

/** Some lines that become others. `lines` begin with " ", "-" or "+". */
export interface Hunk {
  /** Where the old lines begin, counted from 1; of a hunk without old lines: the line that the new ones come before. */
  readonly oldStart: number;
  readonly lines: readonly string[];
}

/** What a patch does to one file. Paths are as the patch has them. */
export interface FileChange {
  /** Null: the file is new. */
  readonly from: string | null;
  /** Null: the file goes. */
  readonly to: string | null;
  /** `from` stays where it is. */
  readonly copies: boolean;
  /** The patch itself says that `from` and `to` differ; otherwise the two names are ways to write one. */
  readonly renames: boolean;
  readonly hunks: readonly Hunk[];
}

/** The changes of the patch, in their order. Throws a UsageError when it has none, or is damaged. */
export function readPatchText({ name, text }: Patch): FileChange[] {
  const changes = parse(name, unixLines(text)).flatMap((p) => changeOf(name, p));
  if (changes.length > 0) return changes;
  const lacks = 'it has no lines such as "--- a/impl/file.ts" and "@@ -1,3 +1,3 @@"';
  const empty = text.trim() === "" ? `${name} is empty` : `${name} is no unified diff: ${lacks}`;
  throw new UsageError(`${empty}; "git diff > ${name}" makes one`);
}

/** A patch whose every line ends as on Windows went through a mailer or an editor: its files need not be so. */
function unixLines(text: string): string {
  const all = text.split("\n");
  return all.slice(0, -1).every((line) => line.endsWith("\r")) ? all.map((line) => line.replace(/\r$/, "")).join("\n") : text;
}

function parse(name: string, text: string): StructuredPatch[] {
  try {
    return parsePatch(withoutMail(text));
  } catch (e) {
    throw new UsageError(`${name} is a damaged patch: ${(e as Error).message}`);
  }
}

/**
 * Takes out the signature that a mail ends with, which looks like a removed line. Editors and mailers strip the space of an
 * empty context line; git and patch take such a line all the same.
 */
function withoutMail(text: string): string {
  let [oldLeft, newLeft] = [0, 0];
  return text.split("\n").map((line) => {
    if (oldLeft > 0 || newLeft > 0) {
      const full = line === "" ? " " : line;
      if (full[0] !== "+" && full[0] !== "\\") oldLeft--;
      if (full[0] !== "-" && full[0] !== "\\") newLeft--;
      return full;
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk !== null) [oldLeft, newLeft] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
    return /^-- ?$/.test(line) ? "" : line;
  }).join("\n");
}

const nameOf = (name: string | undefined): string | null =>
  name === undefined || name === "/dev/null" ? null : name.replace(/\t.*$/, "").trim();

/** None for what changes no text: a mode, or a binary file, which is part of no program. */
function changeOf(name: string, p: StructuredPatch): FileChange[] {
  const [from, to] = [p.isCreate === true ? null : nameOf(p.oldFileName), p.isDelete === true ? null : nameOf(p.newFileName)];
  if (p.hunks.length === 0 && from !== null && to !== null && p.isRename !== true && p.isCopy !== true) return [];
  if (from === null && to === null) {
    if (p.hunks.length === 0) return [];
    const hunk = `its hunk at line ${p.hunks[0]!.oldStart}`;
    throw new UsageError(`${name}: ${hunk} is of no file; a line "--- a/impl/file.ts" must come before it`);
  }
  const hunks = p.hunks.map((h) => ({ oldStart: h.oldStart, lines: h.lines.filter((l) => !l.startsWith("\\")) }));
  return [{ from, to, copies: p.isCopy === true, renames: p.isRename === true || p.isCopy === true, hunks }];
}
