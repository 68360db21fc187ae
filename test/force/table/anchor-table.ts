/**
 * Where a kernel can be held among the steps of impl/: for each routine that the calls of pairs come by, alone, in the checker, the
 * function of that kernel, or why it is no anchor; and for each call how often and in which order both come by these. One file
 * for each release, `recordings/anchors-RELEASE.json`.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeWhole } from "../../../checker/files.ts";
import { COPY, isWatched, type Anchor } from "../anchors.ts";
import { PAIRS, type Pair } from "../pairs.ts";
import { pointIn, type Side } from "../schedule.ts";
import type { Symbols } from "../symbols.ts";
import { agreedOn, nameOf, reachedIn, routineOf } from "../traced/points.ts";
import { aloneInChecker } from "./alone.ts";
import { functionsNamed, kernelNames } from "./kernel-names.ts";

const FOLDER = fileURLToPath(new URL("../recordings/", import.meta.url));

/** A routine of impl/, or "write pmd", "write pte": the entry of the first huge range, of page 0. */
export interface AnchorRow {
  /** As of `keyOf`. */
  readonly reached: string;
  /** What impl/ says that it is in Linux; empty: it says nothing. */
  readonly linux: string;
  /** "collapse_huge_page", "write@pmd:0"; null: it is no anchor. */
  readonly anchor: string | null;
  /** Why it is none. */
  readonly why: string | null;
}
/** A call on a kind of memory, alone and first. */
export interface CallRow {
  /** "collapse@small". */
  readonly call: string;
  /** The anchors to which the checker and this kernel come as often, and in this order. */
  readonly order: readonly string[];
  /** What would be an anchor and is not, here: `reached`, how often it comes there in the checker, how often on Linux, at most 3. */
  readonly apart: readonly (readonly [reached: string, checker: number, linux: number])[];
}
export interface AnchorTable {
  readonly kernel: string;
  readonly rows: readonly AnchorRow[];
  readonly calls: readonly CallRow[];
}

// ---- which calls there are -------------------------------------------------------------------------------------------

/** The two calls of a pair: "collapse+store@hole" has "collapse@hole" and "store@hole". */
export function callsOfPair({ name }: Pair): readonly [string, string] {
  const [, a, b, memory] = /^(.+)\+(.+)@(.+)$/.exec(name)!;
  return [`${a}@${memory}`, `${b}@${memory}`];
}
/** Each call once, where it stands in a pair first. */
export function callsOfPairs(): ReadonlyMap<string, { readonly pair: Pair; readonly side: Side }> {
  const calls = new Map<string, { readonly pair: Pair; readonly side: Side }>();
  for (const pair of PAIRS) {
    for (const side of [0, 1] as const) {
      const call = callsOfPair(pair)[side];
      if (!calls.has(call)) calls.set(call, { pair, side });
    }
  }
  return calls;
}

// ---- making one ------------------------------------------------------------------------------------------------------

/** What a kernel has shown of a call, `Threads.follow`: by the name of the call. */
export type Shown = ReadonlyMap<string, readonly Anchor[]>;

/** `model`: what each call comes by in the checker. */
export function anchorTable(kernel: string, symbols: Pick<Symbols, "functions">, shown: Shown, model = modelOf(kernel)): AnchorTable {
  const there = new Set(symbols.functions().map((name) => name.replace(COPY, "")));
  const named = kernelNames();
  const agreements = new Map([...shown].map(([call, anchors]) => [call, agreedOn(0, model.get(call)!, anchors)]));
  const anchorFor = (reached: string): string | null => {
    for (const { known } of agreements.values()) {
      const point = known.get(reached);
      if (point !== undefined) return nameOf(point);
    }
    return null;
  };
  const rows = reachedByAny(model).map((reached): AnchorRow => {
    const linux = linuxOf(reached, named);
    const anchor = anchorFor(reached);
    return { reached, linux, anchor, why: anchor === null ? whyNone(reached, linux, there) : null };
  });
  const could = new Set(rows.filter((r) => r.anchor !== null || r.why === NEVER_ALIKE).map((r) => r.reached));
  const calls = [...shown].map(([call, anchors]): CallRow => {
    const { known, points } = agreements.get(call)!;
    const came = model.get(call)!;
    const apart = [...new Set(came)].filter((reached) => could.has(reached) && !known.has(reached)).sort();
    return {
      call, order: points.map((reached) => nameOf(known.get(reached)!)),
      apart: apart.map((reached) => [reached, timesIn(came, reached), comesOnLinux(anchors, reached)]),
    };
  });
  return { kernel, rows, calls: calls.sort((x, y) => (x.call < y.call ? -1 : 1)) };
}

/** What each call comes by in the checker of today, as of this release. */
export function modelOf(kernel: string): ReadonlyMap<string, readonly string[]> {
  return new Map([...callsOfPairs()].map(([call, { pair, side }]) => [call, aloneInChecker(kernel, pair, side)]));
}
const reachedByAny = (model: ReadonlyMap<string, readonly string[]>): readonly string[] => [...new Set([...model.values()].flat())].sort();
const timesIn = (all: readonly string[], one: string): number => all.filter((x) => x === one).length;
/** Of several functions that may be the routine, the one that is entered most. */
function comesOnLinux(anchors: readonly Anchor[], reached: string): number {
  const of = anchors.filter(({ point }) => reachedIn(point) === reached && (point.kind !== "write" || point.page === 0));
  return Math.max(0, ...of.map((a) => timesIn(of.map(({ point }) => nameOf(point)), nameOf(a.point))));
}
const linuxOf = (reached: string, named: ReadonlyMap<string, string>): string =>
  (reached.startsWith("entry ") ? named.get(reached.slice("entry ".length)) ?? "" : "");

const NEVER_ALIKE = "no call comes to it as often, and in the same order, as in the checker";
/** `there`: names of the kernel's functions. */
function whyNone(reached: string, linux: string, there: ReadonlySet<string>): string {
  if (reached.startsWith("write ")) return NEVER_ALIKE;
  const routine = reached.slice("entry ".length);
  const functions = [...there].filter((name) => routineOf(name) === routine);
  const symbols = [...functions, ...functionsNamed(linux).filter((name) => there.has(name) && !functions.includes(name))];
  if (functions.some(isWatched)) return NEVER_ALIKE;
  if (symbols.length > 0) return `not watched for: ${symbols.sort().join(", ")}`;
  if (linux === "") return "it stands for no function of Linux";
  return "no symbol: the compiler has put it into its callers, or this release has none";
}

// ---- comparing -------------------------------------------------------------------------------------------------------

/** What of the table does not hold any more in the checker, in words. */
export function stale({ rows, calls }: AnchorTable, model: ReadonlyMap<string, readonly string[]>): string[] {
  const today = new Set(reachedByAny(model));
  const named = kernelNames();
  const has = new Set(rows.map((r) => r.reached));
  const said = [
    ...rows.filter((r) => !today.has(r.reached)).map((r) => `${r.reached}: no call comes there any more`),
    ...[...today].filter((reached) => !has.has(reached)).map((reached) => `${reached}: the table has no row of it`),
    ...rows.filter((r) => today.has(r.reached) && r.linux !== linuxOf(r.reached, named))
      .map((r) => `${r.reached}: impl/ calls it ${linuxOf(r.reached, named) || "nothing"}, and the table ${r.linux || "nothing"}`),
    ...[...model.keys()].filter((call) => !calls.some((c) => c.call === call)).map((call) => `${call}: the table has no such call`),
  ];
  for (const { call, order, apart } of calls) {
    const came = model.get(call);
    if (came === undefined) {
      said.push(`${call}: no pair has it`);
      continue;
    }
    const mine = order.map((name) => reachedIn(pointIn(name)));
    const theirs = came.filter((reached) => mine.includes(reached));
    if (mine.join() !== theirs.join()) {
      said.push(`${call}: the checker comes to ${theirs.join(", ")}, and the table has ${mine.join(", ")}`);
    }
    for (const [reached, times] of apart) {
      if (timesIn(came, reached) !== times) said.push(`${call}: ${timesIn(came, reached)} times to ${reached}, and the table has ${times}`);
    }
  }
  return said;
}

/** What a kernel shows of a call, and the table does not: in words. */
export function unlike({ calls }: AnchorTable, call: string, anchors: readonly Anchor[]): string[] {
  const row = calls.find((c) => c.call === call);
  if (row === undefined) return [`${call}: the table of anchors has no such call`];
  const names = new Set(row.order);
  const came = anchors.map(({ point }) => nameOf(point)).filter((name) => names.has(name));
  const at = Array.from({ length: Math.max(came.length, row.order.length) }, (_, i) => i).find((i) => came[i] !== row.order[i]);
  if (at === undefined) return [];
  return [`${call}: anchor ${at + 1} is ${came[at] ?? "its end"}, and ${row.order[at] ?? "its end"} in the table of anchors`];
}

// ---- kept ------------------------------------------------------------------------------------------------------------

const fileOf = (kernel: string): string => join(FOLDER, `anchors-${kernel.replace(/[^\w.-]/g, "_")}.json`);
const read = (file: string): AnchorTable => JSON.parse(readFileSync(file, "utf8")) as AnchorTable;

export function anchorTables(): readonly AnchorTable[] {
  return globSync("anchors-*.json", { cwd: FOLDER }).sort().map((f) => read(join(FOLDER, f)));
}
/** Null: none is kept of this kernel. */
export const tableOf = (kernel: string): AnchorTable | null => (existsSync(fileOf(kernel)) ? read(fileOf(kernel)) : null);

/** @returns the file */
export function keepTable({ kernel, rows, calls }: AnchorTable): string {
  const lines = (of: readonly unknown[]): string => of.map((x) => JSON.stringify(x)).join(",\n");
  writeWhole(fileOf(kernel), `{"kernel":${JSON.stringify(kernel)},"rows":[\n${lines(rows)}\n],"calls":[\n${lines(calls)}\n]}\n`);
  return fileOf(kernel);
}

export function tableInWords({ kernel, rows, calls }: AnchorTable): string[] {
  const [anchors, none] = [rows.filter((r) => r.anchor !== null), rows.filter((r) => r.anchor === null)];
  const linux = (r: AnchorRow): string => (r.linux === "" ? "" : ` (${r.linux})`);
  return [
    `Linux ${kernel}: of ${rows.length} points to which ${calls.length} calls come in the checker, ${anchors.length} are anchors`,
    ...anchors.map((r) => `  ${r.reached}${linux(r)}: ${r.anchor}`),
    `not forceable: ${none.length}`,
    ...none.map((r) => `  ${r.reached}${linux(r)}: ${r.why}`),
    "alone, each call comes by",
    ...calls.flatMap(({ call, order, apart }) => [
      `  ${call}: ${order.length === 0 ? "no anchor" : order.join(", ")}`,
      ...apart.map(([reached, checker, there]) => `    not ${reached}: ${checker} in the checker, ${there} on Linux`),
    ]),
  ];
}
