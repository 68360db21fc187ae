/** Lines of sources, as reports name them. */
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { ReplayedTrace, ScenarioResult } from "../../result.ts";

/** A line of a source, from 1 upward. */
export interface Place {
  /** With slashes; relative to the folder of the run where it lies in it. */
  readonly file: string;
  readonly line: number;
}

/** A path as reports name it. */
export function namedFile(file: string, folder: string): string {
  const inside = relative(folder, file).replaceAll("\\", "/");
  return inside.startsWith("../") ? file.replaceAll("\\", "/") : inside;
}

export const placeOf = ({ file, line }: Place, folder: string): Place => ({ file: namedFile(file, folder), line });

/** The line of the last step that has one: where the promise was found broken. Null: there is no trace, or no line. */
export function placeOfBreak(t: ReplayedTrace | null, folder: string): Place | null {
  const source = t?.rows.findLast((r) => r.source !== null)?.source ?? null;
  return source === null ? null : placeOf(source, folder);
}

/** The line at which a scenario was refused; null: it was not refused, or at none. What refuses says the place first. */
export function placeOfRefusal({ verdict, reason }: ScenarioResult, folder: string): Place | null {
  const said = verdict === "error" && reason !== null ? /^([^:\n]+):(\d+):\d+: /.exec(reason) : null;
  if (said === null) return null;
  // As `shortPath` has it: from where this process runs.
  const file = resolve(said[1]!);
  return existsSync(file) ? placeOf({ file, line: Number(said[2]) }, folder) : null;
}
