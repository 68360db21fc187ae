/** One sentence for an error that someone else's code threw: its message and the nearest line that is not ours. */
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { inWords } from "./value-in-words.ts";
import { shortWords } from "./usage-error.ts";

const FRAME = /(file:\/\/[^\s():]+(?::[^\s():]+)*?|\/[^\s():]+):(\d+)(?::\d+)?\)?$/;
const CHECKER = new URL(".", import.meta.url).href;

const isOurs = (url: string): boolean => url.startsWith(CHECKER) || url.includes("/node_modules/") || url.startsWith("node:");

/** `path` as a person in the current folder would write it. */
export function shortPath(path: string): string {
  const plain = path.startsWith("file:") ? fileURLToPath(path) : path;
  if (!plain.startsWith(sep)) return plain;
  const fromHere = relative(process.cwd(), plain);
  return fromHere === "" || fromHere.startsWith(`..${sep}..`) ? plain : fromHere;
}

/** Whether it is an error. Never throws: a Proxy may throw when it is asked what it is. */
export function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

/** What was thrown, in words: the message of an error, or what else it is. Never throws. */
export function thrownInWords(thrown: unknown): string {
  if (!isError(thrown)) return typeof thrown === "string" ? thrown : inWords(thrown);
  try {
    return String(thrown.message);
  } catch {
    return "its message cannot be read";
  }
}

/** `file:line` of the innermost frame of user code, or null. */
export function placeOf(error: unknown): string | null {
  if (!isError(error)) return null;
  for (const line of (typeof error.stack === "string" ? error.stack : "").split("\n")) {
    const frame = FRAME.exec(line.trim());
    if (frame === null) continue;
    const path = frame[1]!;
    const url = path.startsWith("file:") ? path : `file://${path}`;
    if (!isOurs(url)) return `${shortPath(url.replace(/\?.*$/, ""))}:${frame[2]}`;
  }
  return null;
}

/** Errors whose message says all; the name of any other kind is part of what a person needs. */
const SELF_EXPLAINING = new Set(["Error", "UsageError", "ReplayMismatch", "CompileError"]);

/** The sentence. Its first line only: some errors append source excerpts and hints of their own. */
export function errorSentence(error: unknown): string {
  const said = shortWords(thrownInWords(error));
  const message = said.split("\n", 1)[0]!.trim();
  if (!isError(error)) return `a value that is no Error was thrown: ${message}`;
  if (error instanceof RangeError && /allocation failed|Invalid typed array length|Array buffer/.test(message)) {
    return `there is not enough memory (${message}); bound the search with --max-states or --memory`;
  }
  if (SELF_EXPLAINING.has(error.name)) return message;
  const place = placeOf(error);
  if (error.name === "FormError") return place === null ? message : `${message} (${place})`;
  if (place !== null) return `${error.name}: ${message}${message.includes(place) ? "" : ` (${place})`}`;
  if (!(error instanceof TypeError || error instanceof ReferenceError)) return `${error.name}: ${message}`;
  // No line of the user's own is involved: the fault is ours, and the place is worth knowing.
  const ours = (error.stack ?? "").split("\n").find((line) => line.includes(CHECKER));
  const where = ours === undefined ? "" : ` (${ours.trim().replace(CHECKER, "checker/")})`;
  return `[thpcheck internal] ${error.name}: ${message}${where}; please report it`;
}
