/** What all changes of a patch together make of the files of a project. Nothing is written. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { structuredPatch } from "diff";
import { UsageError } from "../usage-error.ts";
import { applyHunks, type PlacedHunk } from "./apply.ts";
import type { FileChange } from "./read.ts";

/** A file that is not as it is on the disk. */
export interface PatchedFile {
  /** Absolute path. */
  readonly path: string;
  /** The path as the person knows it, from the root of the patch. */
  readonly name: string;
  /** Where its text comes from: `path`, or the file that it was; null: from the patch alone. */
  readonly from: string | null;
  /** The text that the changes are of; null: there was none. */
  readonly before: string | null;
  /** Null: the file is gone. */
  readonly after: string | null;
  /** In the order of the lines. Where several parts of the patch change the file: what they come to. */
  readonly hunks: readonly PlacedHunk[];
  /** Parts of the patch that change it. */
  readonly parts: number;
}

interface Working {
  from: string | null;
  before: string | null;
  after: string | null;
  hunks: readonly PlacedHunk[];
  parts: number;
}

/** Applies the changes one after the other. `patch` is the name in messages. Throws a UsageError. */
export function patchedFiles(patch: string, changes: readonly FileChange[], root: string): PatchedFile[] {
  const odd = changes.flatMap((c) => [c.from, c.to]).find((name) => name?.includes("\0") === true);
  if (odd !== undefined) throw new UsageError(`${patch} names a file ${JSON.stringify(odd)}, which no file can be called`);
  const files = new Map<string, Working>();
  const names = new Map<string, string>();
  const textOf = (path: string): string | null => (files.has(path) ? files.get(path)!.after : textOnDisk(path));
  const place = (name: string): string => {
    const found = pathOf(name, root, (path) => textOf(path) !== null);
    names.set(found.path, found.name);
    return found.path;
  };
  for (const change of changes) applyChange(change, { patch, root, files, textOf, place });
  return [...files].filter(([, f]) => f.before !== null || f.after !== null)
    .map(([path, f]): PatchedFile => ({ path, name: names.get(path)!, ...f, hunks: f.parts > 1 ? net(f) : f.hunks }));
}

interface Context {
  readonly patch: string;
  readonly root: string;
  readonly files: Map<string, Working>;
  readonly textOf: (path: string) => string | null;
  readonly place: (name: string) => string;
}

function applyChange(change: FileChange, { patch, root, files, textOf, place }: Context): void {
  const [source, target] = pathsOf(change, place);
  const before = source === null ? "" : textOf(source);
  if (before === null) {
    const where = `there is no such file in ${root}; paths start at the folder of thpcheck.config.ts, or of the git repository`;
    throw new UsageError(`${patch} changes ${nameIn(change.from!)}, and ${where}`);
  }
  if (target !== null && target !== source && textOf(target) !== null) {
    throw new UsageError(`${patch} makes the file ${nameIn(change.to!)}, and there is one already`);
  }
  const applied = applyHunks(before, change.hunks);
  const partly = target === null && !("misfit" in applied) && applied.text !== "";
  const misfit = "misfit" in applied ? applied.misfit : partly ? "it takes the file away, and not all its lines" : null;
  if (misfit !== null) {
    const file = nameIn(change.from ?? change.to!);
    throw new UsageError(`${patch} does not apply to ${file}: ${misfit}; bring the patch up to date with the file`);
  }
  const { text, hunks } = applied as Exclude<typeof applied, { misfit: string }>;
  const known = files.get(source ?? target!);
  const made = known ?? { from: source, before: source === null ? null : before };
  if (target !== null) files.set(target, { ...made, after: text, hunks, parts: (known?.parts ?? 0) + 1 });
  if (source !== null && source !== target && !change.copies) {
    const there = textOnDisk(source);
    files.set(source, { from: source, before: there, after: null, hunks: target === null ? hunks : [], parts: 1 });
  }
}

/** Where a change reads and writes. Two names that the patch does not call a renaming mean one file: that which there is. */
function pathsOf({ from, to, renames }: FileChange, place: (name: string) => string): [source: string | null, target: string | null] {
  if (from === null || to === null || renames || nameIn(from) === nameIn(to)) {
    const source = from === null ? null : place(from);
    return [source, to === null ? null : from !== null && !renames ? source : place(to)];
  }
  const path = [place(to), place(from)].find((p) => existsSync(p)) ?? place(to);
  return [path, path];
}

/** The path without what git puts before it. */
const nameIn = (name: string): string => name.replace(/^[abciow]\//, "");

/** The file that a patch means: as it is written or without git's first letter, from `root` or from the top of its repository. */
function pathOf(name: string, root: string, exists: (path: string) => boolean): { path: string; name: string } {
  const folders = [root, repositoryOf(root) ?? root];
  const ways = [nameIn(name), name].flatMap((n) => folders.map((folder) => ({ path: resolve(folder, n), name: n })));
  return ways.find(({ path }) => exists(path)) ?? ways.find(({ path }) => existsSync(dirname(path))) ?? ways[0]!;
}

function repositoryOf(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return at;
    if (at === dirname(at)) return null;
  }
}

function textOnDisk(path: string): string | null {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? new TextDecoder().decode(readFileSync(path)) : null;
}

/** What all parts of the patch come to, as hunks without context. */
function net({ before, after }: Working): PlacedHunk[] {
  return structuredPatch("", "", before ?? "", after ?? "", "", "", { context: 0 }).hunks.map((h): PlacedHunk => ({
    says: h.oldStart, at: h.oldStart, elsewhere: [],
    changes: [{ oldFrom: h.oldStart, oldCount: h.oldLines, newFrom: h.newStart, newCount: h.newLines }],
  }));
}
