/**
 * Results that are costly to make, kept on disk for the next process by the content of what they are made from.
 *
 * An entry is believed only if it names its own key and has the checksum that it states: one that is damaged, cut short, or was
 * put under another's name is made anew. Two processes may write one entry: each writes it whole, and both write the same. A
 * folder that cannot be written costs time, and nothing else.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../files.ts";
import { cacheFolder } from "./folder.ts";

/** Bytes of all entries together, beyond which the oldest go, down to three quarters. */
export const BYTES_MAX = 256 * 2 ** 20;

const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** All that an entry is made from, as one name. The lengths keep two lists apart whose texts are the same one behind the other. */
export function keyOf(parts: readonly string[]): string {
  return sha256(parts.map((part) => `${part.length}:${part}`).join(""));
}

const header = (key: string, content: Buffer): string => `thpcheck ${key} ${sha256(content)}\n`;
const HEADER_BYTES = header("", Buffer.alloc(0)).length + 64;

/** What was kept under the key; null: nothing, nothing that is whole, or there is no cache. */
export function find(key: string): Buffer | null {
  const folder = cacheFolder();
  if (folder === null) return null;
  let entry: Buffer;
  try {
    entry = readFileSync(join(folder, key));
  } catch {
    return null;
  }
  const content = entry.subarray(HEADER_BYTES);
  return entry.toString("latin1", 0, HEADER_BYTES) === header(key, content) ? content : null;
}

let trimmed = false;

/** Keeps it, where there is a cache and room for it. */
export function keep(key: string, content: Buffer): void {
  const folder = cacheFolder();
  if (folder === null) return;
  try {
    mkdirSync(folder, { recursive: true });
    if (!trimmed) trim(folder);
    trimmed = true;
    writeWhole(join(folder, key), Buffer.concat([Buffer.from(header(key, content), "latin1"), content]));
  } catch {
    // No room, or no right to write: the next process makes it again.
  }
}

/** Removes the oldest entries where they are too large. One that another process removes at the same time is gone as well. */
export function trim(folder: string, most: number = BYTES_MAX): void {
  const entries = readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name)).flatMap((name) => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    return found === undefined ? [] : [{ name, at: found.mtimeMs, bytes: found.size }];
  });
  let bytes = entries.reduce((sum, e) => sum + e.bytes, 0);
  if (bytes <= most) return;
  for (const e of entries.toSorted((a, b) => a.at - b.at)) {
    if (bytes <= most * 0.75) return;
    try {
      unlinkSync(join(folder, e.name));
    } catch {
      // As above.
    }
    bytes -= e.bytes;
  }
}
