/** The project's files as they were at a revision, and as they are now. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../checker/usage-error.ts";
import type { Moves } from "./table.ts";

/** Files of the project by path from its root. */
export interface Tree {
  /** The text of a file; null: there is none. */
  readonly read: (path: string) => string | null;
  /** All paths, sorted. */
  readonly paths: readonly string[];
}

const SOURCES = ["checker", "spec", "impl", "test"];

function git(root: string, args: readonly string[]): string {
  try {
    return execFileSync("git", ["-C", root, ...args], { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
  } catch (e) {
    const { stderr } = e as { stderr?: string };
    const first = (stderr ?? String(e)).trim().split("\n")[0];
    throw new UsageError(
      `git ${args[0]} failed: ${first}; carrying needs the history of the project back to that revision ("git fetch --unshallow")`,
    );
  }
}

/** The tree at a revision. Throws a UsageError where git or the revision is missing. */
export function treeAt(root: string, revision: string): Tree {
  const paths = git(root, ["ls-tree", "-r", "--name-only", revision, "--", ...SOURCES]).split("\n").filter((p) => p !== "").sort();
  const known = new Set(paths);
  return { paths, read: (path) => (known.has(path) ? git(root, ["show", `${revision}:${path}`]) : null) };
}

/** The tree on disk. */
export function treeNow(root: string): Tree {
  const listed = git(root, ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...SOURCES])
    .split("\n")
    .filter((p) => p !== "");
  const paths = [...new Set(listed)].sort();
  const read = (path: string): string | null => {
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return null;
    }
  };
  return { paths, read };
}

/** Where a file of the old tree went: its entry in the table, or its old path. */
export const movedFile = (moves: Moves, path: string): string => moves.files[path] ?? path;
