/**
 * Unified diffs that are applied in memory: modules are loaded as the patch has them, the files on disk stay as they are.
 *
 * A patched program is loaded beside the one without the patch: each of its modules has an address of its own
 * (`file.ts?thpcheck-patch=<id>`), which the modules that it imports inherit. So many patches can be tried in one process.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { shortPath } from "../error-sentence.ts";
import type { Patch } from "../result.ts";
import { UsageError } from "../usage-error.ts";
import { patchedFiles, type PatchedFile } from "./patched-files.ts";
import { readPatchText } from "./read.ts";
import { MODULE, syntaxProblem } from "./syntax.ts";

interface KnownPatch {
  readonly name: string;
  readonly files: ReadonlyMap<string, PatchedFile>;
  /** Files that were loaded with their change. */
  readonly loaded: Set<string>;
}

const PARAMETER = "thpcheck-patch";
/** Patches that modules of this process may have been loaded under. */
const known = new Map<string, KnownPatch>();

/**
 * Applies a patch whose paths start at `root`. Gives the id under which modules are loaded. Throws a UsageError when it is no
 * patch, does not fit its files, or makes a module that does not parse.
 */
export function registerPatch(patch: Patch, root: string): string {
  const id = createHash("sha256").update(root).update("\0").update(patch.text).digest("hex").slice(0, 12);
  if (known.has(id)) return id;
  const files = patchedFiles(patch.name, readPatchText(patch), root);
  const problems = files.flatMap((f) => (f.after === null ? [] : syntaxProblem(f.after, f.name) ?? []));
  if (problems.length > 0) throw new UsageError(problems.map((p) => `${patch.name}: ${p}`).join("\n"));
  known.set(id, { name: patch.name, files: new Map(files.map((f) => [f.path, f])), loaded: new Set() });
  return id;
}

/** Another id of the same patch, or of none: modules are loaded once more under it, beside those that are there. */
export function anotherLoad(id: string | null): string {
  const other = createHash("sha256").update("once more").update(id ?? "").digest("hex").slice(0, 12);
  if (id !== null) known.set(other, known.get(id)!);
  return other;
}

/** The address of `url` under the patch; null: under none. */
export function underPatch(url: string, id: string | null): string {
  return id === null ? url : `${url}?${PARAMETER}=${id}`;
}

/** The patch under which the module was loaded, or null. */
export function patchOf(url: string): string | null {
  return url.includes(PARAMETER) ? new URL(url).searchParams.get(PARAMETER) : null;
}

/** A text with addresses of modules in it, as a person wrote them. */
export function withoutAddresses(text: string): string {
  return text.replaceAll(new RegExp(`\\?${PARAMETER}=[0-9a-f]+`, "g"), "");
}

/** What the patch of its address makes of the module; null: nothing. */
function changeOf(url: string): { readonly patch: KnownPatch; readonly file: PatchedFile } | null {
  const patch = known.get(patchOf(url) ?? "");
  const file = patch?.files.get(fileURLToPath(url));
  return patch === undefined || file === undefined ? null : { patch, file };
}

/** The text of the module as the patch of its address has it. `read` gives the text on the disk. */
export function patchedText(url: string, read: () => string): string {
  const change = changeOf(url);
  if (change === null) return read();
  const { patch, file } = change;
  if (file.after === null) throw new UsageError(`${patch.name} takes ${shortPath(file.path)} away, which is still imported`);
  patch.loaded.add(file.path);
  return file.after;
}

/** Whether there is such a module only under the patch of its address. */
export function isMadeByPatch(url: string): boolean {
  const file = changeOf(url)?.file;
  return file !== undefined && file.after !== null && file.from !== file.path;
}

/** Whether the patch of its address has taken the module away. Throws a UsageError that names the module that imports it. */
export function refuseRemoved(url: string, importedBy: string): void {
  const change = changeOf(url);
  if (change === null || change.file.after !== null) return;
  const importer = shortPath(fileURLToPath(withoutAddresses(importedBy)));
  throw new UsageError(`${change.patch.name} takes ${shortPath(change.file.path)} away, which ${importer} imports`);
}

/** The files that the patch changes, in its order. */
export function filesOf(id: string): readonly PatchedFile[] {
  return [...known.get(id)!.files.values()];
}

/** Whether the file, as patched, is a module that a program can be made of. */
export function isLoadable({ path, after }: PatchedFile): boolean {
  return after !== null && MODULE.test(path);
}

/** Modules of the patch that nothing has loaded so far: there it has changed nothing. */
export function unloadedFiles(id: string): readonly PatchedFile[] {
  const { files, loaded } = known.get(id)!;
  return [...files.values()].filter((f) => isLoadable(f) && !loaded.has(f.path));
}
