/**
 * Unified diffs that are applied in memory while modules are loaded: the files on disk stay as they are.
 *
 * A patched program is loaded beside the one without the patch: each of its modules has an address of its own
 * (`file.ts?thpcheck-patch=<id>`), which the modules that it imports inherit. So many patches can be tried in one process.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { applyPatch, parsePatch, type StructuredPatch } from "diff";
import { shortPath } from "../error-sentence.ts";
import type { Patch } from "../result.ts";
import { UsageError } from "../usage-error.ts";

interface KnownPatch extends Patch {
  readonly id: string;
  /** By absolute path of the file that they change. */
  readonly changes: ReadonlyMap<string, StructuredPatch>;
  /** Files that were loaded with their change. */
  readonly applied: Set<string>;
}

/** The patch does not fit a file: nothing that is loaded under it is worth looking at. */
export class PatchMisfit extends UsageError {}

const PARAMETER = "thpcheck-patch";
/** Patches that modules of this process may have been loaded under. */
const known = new Map<string, KnownPatch>();

/**
 * Reads a patch whose paths start at `root`, with or without git's `a/` and `b/`; text before the first `---` is a
 * description. Gives the id under which modules are loaded. Throws a UsageError when it is no patch of existing files.
 */
export function registerPatch({ name, text }: Patch, root: string): string {
  const id = createHash("sha256").update(text).digest("hex").slice(0, 12);
  if (known.has(id)) return id;
  const changes = new Map<string, StructuredPatch>();
  for (const change of parse(name, text)) {
    if (change.hunks.length === 0) continue;
    const [from, to] = [change.oldFileName, change.newFileName].map((f) => (f ?? "").replace(/^[ab]\//, "").replace(/\t.*$/, "").trim());
    if (from === "/dev/null" || to === "/dev/null" || from !== to) {
      throw new UsageError(`${name} adds, removes or renames a file (${from} to ${to}); a patch can only change files that exist`);
    }
    const file = resolve(root, to!);
    if (!existsSync(file)) {
      throw new UsageError(`${name} changes ${to}, and there is no such file in ${root}; paths start at the folder of thpcheck.config.ts`);
    }
    if (changes.has(file)) throw new UsageError(`${name} changes ${to} in two places of the patch; put its hunks together`);
    changes.set(file, change);
  }
  if (changes.size === 0) {
    const lacks = 'it has no lines such as "--- a/impl/file.ts" and "@@ -1,3 +1,3 @@"';
    throw new UsageError(`${name} is no unified diff: ${lacks}; "git diff > ${name}" makes one`);
  }
  known.set(id, { id, name, text, changes, applied: new Set() });
  return id;
}

function parse(name: string, text: string): StructuredPatch[] {
  try {
    return parsePatch(withEmptyContext(text));
  } catch (e) {
    throw new UsageError(`${name} is a damaged patch: ${(e as Error).message}`);
  }
}

/** Editors and mailers strip the space of an empty context line; git and patch take the line all the same. */
function withEmptyContext(text: string): string {
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
    return line;
  }).join("\n");
}

/** The address of `url` under the patch; null: under none. */
export function underPatch(url: string, id: string | null): string {
  return id === null ? url : `${url}?${PARAMETER}=${id}`;
}

/** The patch under which the module was loaded, or null. */
export function patchOf(url: string): string | null {
  return url.includes(PARAMETER) ? new URL(url).searchParams.get(PARAMETER) : null;
}

/** The text of the module as the patch of its address has it. Throws a PatchMisfit. */
export function patchedText(url: string, text: string): string {
  const patch = known.get(patchOf(url) ?? "");
  const file = patch === undefined ? "" : fileURLToPath(url);
  const change = patch?.changes.get(file);
  if (patch === undefined || change === undefined) return text;
  const patched = applyPatch(text, change);
  if (patched === false) {
    const why = misfit(text, change);
    throw new PatchMisfit(`${patch.name} does not apply to ${shortPath(file)}: ${why}; bring the patch up to date with the file`);
  }
  patch.applied.add(file);
  return patched;
}

/** Which hunk does not fit, and what it looks for. */
function misfit(text: string, change: StructuredPatch): string {
  for (const hunk of change.hunks) {
    if (applyPatch(text, { ...change, hunks: [hunk] }) !== false) continue;
    const lines = new Set(text.split("\n"));
    const missing = hunk.lines.filter((l) => !l.startsWith("+") && !l.startsWith("\\")).map((l) => l.slice(1)).find((l) => !lines.has(l));
    return missing === undefined
      ? `the lines of its hunk at line ${hunk.oldStart} are not together there any more`
      : `its hunk at line ${hunk.oldStart} looks for the line "${missing.trim()}", which is not there`;
  }
  return "its hunks do not fit one after the other";
}

/** Files that the patch changes, by absolute path. */
export function filesOf(id: string): readonly string[] {
  return [...known.get(id)!.changes.keys()];
}

/** Those of them that nothing has loaded so far: there the patch has changed nothing. */
export function unappliedFiles(id: string): readonly string[] {
  return filesOf(id).filter((file) => !known.get(id)!.applied.has(file));
}
