/** What moved between a revision and now: one JSON file a revision, `since-REVISION.json`. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../checker/usage-error.ts";

export interface Moves {
  /** Files, by old path. A file that was divided has no entry: its declarations are found by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Names of declarations, fields and options that changed, old to new; they are whole identifiers. */
  readonly names: Readonly<Record<string, string>>;
  /** Passages that changed in many places alike: [old, new], as regular expressions and their replacements, in order. */
  readonly passages: readonly (readonly [string, string])[];
}

export const FIRST = "fc1477c";

/** The revisions that things can be carried from. */
export function knownRevisions(): string[] {
  return globSync("since-*.json", { cwd: import.meta.dirname }).map((f) => f.slice("since-".length, -".json".length)).sort();
}

/** Throws a UsageError for a revision that has no table. */
export function movesSince(revision: string): Moves {
  if (!knownRevisions().includes(revision)) {
    throw new UsageError(
      `no table of moves since ${revision}; there is one since ${knownRevisions().join(", ")} (test/moves/since-*.json)`,
    );
  }
  return JSON.parse(readFileSync(join(import.meta.dirname, `since-${revision}.json`), "utf8")) as Moves;
}

const identifier = (name: string): RegExp => new RegExp(`(?<![\\w$-])${name.replace(/[$.*+?^()[\]{}|\\]/g, "\\$&")}(?![\\w$-])`, "g");

/** The text in today's words: names first, then passages. */
export function inNewWords(moves: Moves, text: string): string {
  let out = text;
  for (const [from, to] of Object.entries(moves.names)) out = out.replace(identifier(from), to);
  for (const [from, to] of moves.passages) out = out.replace(new RegExp(from, "g"), to);
  return out;
}
