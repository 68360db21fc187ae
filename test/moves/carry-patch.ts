/**
 * A unified diff that was written against an older tree, as a diff of today's.
 *
 * The old file and the diff give the file as its author wanted it. What differs is carried declaration by declaration:
 * each is looked up by name where it is now, and the author's change is merged into today's text by tokens. New
 * declarations follow the one they stood behind; imports are added where the carried text needs them.
 */
import { posix } from "node:path";
import { applyPatch, createTwoFilesPatch, parsePatch } from "diff";
import { homeOf, importText } from "./carry-module.ts";
import { Homes } from "./home.ts";
import { mergeByTokens } from "./merge.ts";
import { movedFile, type Tree } from "./revision.ts";
import { inNewWords, type Moves } from "./table.ts";
import { moduleOf, type ImportedName, type Module, type Unit } from "./units.ts";

export interface CarriedPatch {
  /** The text above the diff as it was, and the new diff. */
  readonly text: string;
  /** What could not be carried, in words: nothing of it is in `text`. */
  readonly problems: readonly string[];
}

const CONTEXT_LINES = 2;

interface Change {
  readonly name: string;
  readonly base: string | null;
  readonly theirs: string | null;
  /** The declaration that it stood behind. */
  readonly after: string | null;
}

function changesOf(base: Module, theirs: Module): Change[] {
  const before = new Map(base.units.map((u) => [u.name ?? `#${u.text}`, u]));
  const wanted = new Map(theirs.units.map((u) => [u.name ?? `#${u.text}`, u]));
  const out: Change[] = [];
  let after: string | null = null;
  for (const [name, u] of wanted) {
    const old = before.get(name) ?? null;
    if (old?.text !== u.text) out.push({ name, base: old?.text ?? null, theirs: u.text, after });
    after = name;
  }
  for (const [name, u] of before) if (!wanted.has(name)) out.push({ name, base: u.text, theirs: null, after: null });
  return out;
}

const wordsIn = (text: string): Set<string> => new Set(text.match(/[A-Za-z_$][\w$]*/g));

/** Edits of today's files, collected and then written as one diff. */
class Edits {
  readonly #now: Tree;
  readonly #homes: Homes;
  readonly #texts = new Map<string, string>();
  constructor(now: Tree, homes: Homes) {
    this.#now = now;
    this.#homes = homes;
  }

  text(path: string): string { return this.#texts.get(path) ?? this.#now.read(path)!; }

  replace(path: string, from: string, to: string): void {
    const text = this.text(path);
    const at = text.indexOf(from);
    this.#texts.set(path, text.slice(0, at) + to + text.slice(at + from.length));
  }

  /** Imports of names that the edited file uses and neither declares nor imports. */
  addImports(
    path: string,
    known: readonly ImportedName[],
    homeOfName: (n: ImportedName) => { readonly path: string; readonly name: string } | null,
  ): string[] {
    const module = moduleOf(this.text(path));
    const here = new Set([...module.imports.flatMap((i) => i.names.map((n) => n.local)), ...module.units.map((u) => u.name)]);
    const used = wordsIn(module.units.map((u) => u.text).join("\n"));
    const problems: string[] = [];
    for (const n of known) {
      if (here.has(n.local) || !used.has(n.local)) continue;
      const home = homeOfName(n);
      if (home === null) problems.push(`${n.imported}, which ${path} needs now, has no single home any more`);
      else if (home.path !== path) this.#import(path, { ...n, imported: home.name }, home.path);
    }
    return problems;
  }

  #import(path: string, name: ImportedName, from: string): void {
    const text = this.text(path);
    const { imports } = moduleOf(text);
    const way = posix.relative(posix.dirname(path), from);
    const specifier = way.startsWith(".") ? way : `./${way}`;
    const there = imports.find((i) => i.specifier === specifier);
    const last = imports.at(-1);
    const [start, end] = there !== undefined ? [there.start, there.end] : [(last?.end ?? -1) + 1, (last?.end ?? -1) + 1];
    const line = importText([...(there?.names ?? []), name], specifier) + (there === undefined ? "\n" : "");
    this.#texts.set(path, text.slice(0, start) + line + text.slice(end));
  }

  diff(): string {
    return [...this.#texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, text]) => {
      const patch = createTwoFilesPatch(`a/${path}`, `b/${path}`, this.#now.read(path)!, text, "", "", { context: CONTEXT_LINES });
      return patch.replace(/^=+\n/, "").replace(/\t$/gm, "");
    }).join("");
  }

  homes(): Homes { return this.#homes; }
}

/** Carries one changed declaration. Returns what is wrong, or null. */
function carryChange(edits: Edits, moves: Moves, path: string, c: Change): string | null {
  const name = moves.names[c.name] ?? c.name;
  const words = (t: string): string => inNewWords(moves, t);
  if (c.base === null) {
    const neighbour = c.after === null ? null : edits.homes().find(moves.names[c.after] ?? c.after, movedFile(moves, path));
    if (neighbour === null) return `${path}: where the new declaration ${c.name} belongs is not known`;
    const ours = edits.text(neighbour.path);
    const at = moduleOf(ours).units.find((u: Unit) => u.name === (moves.names[c.after!] ?? c.after))!;
    edits.replace(neighbour.path, at.text, at.text + words(c.theirs!));
    return null;
  }
  const home = edits.homes().find(name, movedFile(moves, path));
  if (home === null) return `${path}: ${c.name} has no single home any more`;
  const [base, theirs] = [words(c.base), c.theirs === null ? "" : words(c.theirs)];
  const merged = home.unit.text === base ? { text: theirs } : mergeByTokens(home.unit.text, base, theirs);
  if ("conflict" in merged) {
    const said = { base: merged.conflict.base.trim(), ours: merged.conflict.ours.trim(), theirs: merged.conflict.theirs.trim() };
    return `${home.path}: ${name} was changed here as well: ${JSON.stringify(said.base)} is ${JSON.stringify(said.ours)} now, ` +
      `and the patch makes ${JSON.stringify(said.theirs)} of it`;
  }
  edits.replace(home.path, home.unit.text, merged.text);
  return null;
}

export function carryPatch(text: string, old: Tree, now: Tree, moves: Moves): CarriedPatch {
  const problems: string[] = [];
  const edits = new Edits(now, new Homes(now));
  const before = new Homes(old);
  for (const change of parsePatch(text)) {
    const path = (change.newFileName ?? "").replace(/^[ab]\//, "").trim();
    if (change.hunks.length === 0) continue;
    const base = old.read(path);
    if (base === null) { problems.push(`${path} is no file of the old tree`); continue; }
    const theirs = applyPatch(base, change);
    if (theirs === false) { problems.push(`${path}: the patch does not apply to the old file`); continue; }
    const wanted = moduleOf(theirs);
    for (const c of changesOf(moduleOf(base), wanted)) {
      const wrong = carryChange(edits, moves, path, c);
      if (wrong !== null) problems.push(wrong);
      const target = edits.homes().find(moves.names[c.name] ?? c.name, movedFile(moves, path))?.path;
      if (target === undefined) continue;
      const names = wanted.imports.flatMap((i) =>
        i.names.map((n) => ({ from: posix.normalize(posix.join(posix.dirname(path), i.specifier)), n })),
      );
      problems.push(
        ...edits.addImports(
          target,
          names.map(({ n }) => n),
          (n) => {
            const from = names.find((x) => x.n === n)!.from;
            return homeOf(before, edits.homes(), moves, from, n.imported);
          },
        ),
      );
    }
  }
  const head = text.slice(0, Math.max(0, text.search(/^(?:diff --git|--- )/m)));
  return { text: head + edits.diff(), problems: [...new Set(problems)] };
}
