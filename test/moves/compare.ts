/**
 * `npm run compare -- BEFORE.json AFTER.json`: does a move change any verdict, count or trace?
 *
 * Takes what a command of thpcheck prints as JSON (check, bugs, policies, coverage, conform...) before and after a change
 * of the code that must change nothing, and names each difference. Names that moved count as equal (`since-*.json`).
 * What measures the machine is left out: times, speeds and sizes of tables in memory. So are line numbers, and the folder
 * that the project lies in.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError } from "../../checker/usage-error.ts";
import { FIRST, inNewWords, movesSince, type Moves } from "./table.ts";

/** Keys whose values depend on the machine or on the text of the program, at any depth. */
export const NOT_COMPARED: readonly string[] = [
  "seconds",
  "statesPerSecond",
  "tableBytes",
  "programHash",
  "cpuSeconds",
  "programsPerSecond",
  "replay",
];

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
const isObject = (v: Json | undefined): v is { readonly [key: string]: Json } => typeof v === "object" && v !== null && !Array.isArray(v);

/** What an element of a list is called; null where it has no name. */
function nameOf(v: Json): string | null {
  if (!isObject(v)) return null;
  for (const key of ["scenario", "id", "name", "file", "machine"]) if (typeof v[key] === "string") return v[key];
  return null;
}

function children(v: readonly Json[] | { readonly [key: string]: Json }): Map<string, Json> {
  if (!Array.isArray(v))
    return new Map(Object.entries(v as { readonly [key: string]: Json }).filter(([key]) => !NOT_COMPARED.includes(key)));
  const seen = new Map<string, number>();
  return new Map((v as readonly Json[]).map((item, i) => {
    const name = nameOf(item) ?? String(i);
    const again = seen.get(name) ?? 0;
    seen.set(name, again + 1);
    return [again === 0 ? name : `${name}#${again}`, item];
  }));
}

const short = (v: Json | undefined): string => {
  const text = v === undefined ? "absent" : JSON.stringify(v);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

/** One line a difference: where, before, after. */
export function differences(before: Json | undefined, after: Json | undefined, where = ""): string[] {
  const both = (isObject(before) && isObject(after)) || (Array.isArray(before) && Array.isArray(after));
  const same = typeof before === "string" && typeof after === "string" ? withoutPlaces(before) === withoutPlaces(after) : before === after;
  if (!both) return same ? [] : [`${where === "" ? "the whole" : where}: ${short(before)} before, ${short(after)} after`];
  const [a, b] = [children(before as readonly Json[]), children(after as readonly Json[])];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((key) =>
    differences(a.get(key), b.get(key), where === "" ? key : `${where} / ${key}`),
  );
}

/** A text without what names a place on this machine: `/some/where/impl/a.ts:12` is `impl/a.ts`. */
const withoutPlaces = (text: string): string =>
  text.replace(/(?:file:\/\/)?\/[^\s"()]*?\/((?:checker|spec|impl|test)\/)/g, "$1").replace(/(\.ts)(?::\d+)+/g, "$1");

/** The text of a JSON file with paths and names as they are called now. */
export function renamed(moves: Moves, text: string): string {
  let out = text;
  for (const [from, to] of Object.entries(moves.files)) out = out.replaceAll(from, to);
  return inNewWords(moves, out);
}

function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { since: { type: "string", default: FIRST } },
  });
  const [before, after] = positionals;
  if (before === undefined || after === undefined || positionals.length > 2)
    throw new UsageError("usage: npm run compare -- BEFORE.json AFTER.json [--since REVISION]");
  const moves = movesSince(values.since);
  const found = differences(
    JSON.parse(renamed(moves, readFileSync(before, "utf8"))) as Json,
    JSON.parse(readFileSync(after, "utf8")) as Json,
  );
  for (const line of found) console.log(line);
  console.log(found.length === 0 ? "no difference" : `${found.length} differences`);
  return found.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (e) {
    console.error(`compare: ${(e as Error).message}`);
    process.exitCode = 2;
  }
}
