/**
 * Lowered searches that earlier processes have made (`cache/entries.ts`). What decides one is the image, the request, and what lowers
 * it: all of that is the key. What machines have answered is no part of it: the search asks the image that it has.
 */
import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import { find, keep, keyOf } from "../cache/entries.ts";
import { compilerIdentity, identityOf } from "../compile/identity.ts";
import type { ProgramImage } from "../image/image.ts";
import { lowerSearch, type SearchRequest } from "./lower-search.ts";

/** The folders, beside the compiler's, whose modules decide what is lowered; a test holds what they import to this list. */
export const LOWERING_FOLDERS = ["wasm", "search", "search/lowered", "search/parallel", "search/store", "search/traps"];

type Lowered = ReturnType<typeof lowerSearch>;

/** As `lowerSearch`, from an earlier process where nothing has changed since. */
export function lowerOrKept(image: ProgramImage, request: SearchRequest): Lowered {
  const key = keyOf(["lowered", compilerIdentity(), identityOf(LOWERING_FOLDERS), imageLines(image), JSON.stringify(request)]);
  const found = entryOf(key);
  if (found !== null) return found;
  const made = lowerSearch(image, request);
  keep(key, serialize(made));
  return made;
}

function entryOf(key: string): Lowered | null {
  const found = find(key);
  try {
    return found === null ? null : deserialize(found) as Lowered;
  } catch {
    return null; // Whole, and yet not readable: written by what only says that it is this compiler.
  }
}

/**
 * What of an image decides what it is lowered to: all but what machines have answered, and the map of its lines. As JSON, since V8
 * serializes a text by how it came to be.
 */
function imageLines({ map: _map, refinement, ...image }: ProgramImage): string {
  const tables = refinement === null ? null : { ...refinement, cells: refinement.cells.length };
  const lists = (_: string, value: unknown): unknown => {
    if (value instanceof Map || value instanceof Set) return [...value as Iterable<unknown>];
    return ArrayBuffer.isView(value) ? [...value as Int32Array] : value;
  };
  return createHash("sha256").update(JSON.stringify([image, tables], lists)).digest("hex");
}
