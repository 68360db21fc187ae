/** Files that are whole whatever happens: written beside themselves under a name of its own, then renamed. */
import { accessSync, closeSync, constants, openSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { lockSync } from "proper-lockfile";
import writeFileAtomic from "write-file-atomic";
import { UsageError } from "./usage-error.ts";

/** Milliseconds that another process may hold a lock, and after which one is taken to be dead. */
const LOCK_PATIENCE_MS = 20_000;
const LOCK_STALE_MS = 5000;
const LOCK_PAUSE_MS = 20;

/** What the system says, without the path: `no space left on device (ENOSPC)`. */
export function reasonOf(e: unknown): string {
  return e instanceof Error ? e.message.replace(/^(\w+): (.*?),.*$/, "$2 ($1)") : String(e);
}

/** Writes a file that is never seen half written. Throws what the system throws; the file is then as it was. */
export function writeWhole(path: string, content: string | Buffer): void {
  writeFileAtomic.sync(path, content, { fsync: false });
}

/** The same of a file that an option names, such as `--out`. Throws a UsageError when it cannot be written. */
export function writeNamed(path: string, option: string, content: string): void {
  try {
    writeWhole(path, content);
  } catch (e) {
    throw new UsageError(`${option} ${path} cannot be written: ${reasonOf(e)}`);
  }
}

/** Runs `work` while no other process does for this file. Throws a UsageError when the file cannot be locked. */
export function withLock<T>(path: string, work: () => T): T {
  const release = lock(path);
  try {
    return work();
  } finally {
    release();
  }
}

function lock(path: string): () => void {
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  const start = performance.now();
  for (;;) {
    try {
      return lockSync(path, { realpath: false, stale: LOCK_STALE_MS });
    } catch (e) {
      const isHeld = (e as NodeJS.ErrnoException).code === "ELOCKED";
      if (!isHeld || performance.now() - start > LOCK_PATIENCE_MS) {
        throw new UsageError(`${path} cannot be locked: ${isHeld ? "another process works on it" : reasonOf(e)}`);
      }
      Atomics.wait(asleep, 0, 0, LOCK_PAUSE_MS);
    }
  }
}

/**
 * Refuses to overwrite somebody else's file. `option`: what named it, such as `--out`; `isOurs`: whether this text is what
 * the option writes; `what`: its name. An empty file, a device and a pipe belong to nobody. Throws a UsageError.
 */
export function refuseForeign(path: string, option: string, isOurs: (text: string) => boolean, what: string): void {
  if (path === "") throw new UsageError(`${option} needs the name of a file`);
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing === undefined) refuseUnwritable(path, option);
  if (existing?.isDirectory() === true) throw new UsageError(`${option} ${path} cannot be written: it is a folder`);
  if (existing?.isFile() !== true || existing.size === 0) return;
  let text: string;
  try {
    accessSync(path, constants.W_OK);
    text = readFileSync(path, "utf8");
  } catch (e) {
    throw new UsageError(`${option} ${path} cannot be written: ${reasonOf(e)}`);
  }
  if (!isOurs(text)) {
    throw new UsageError(
      `${option} ${path} would overwrite a file that is no ${what}; it is left as it is: name another file, or remove it`,
    );
  }
}

/** Makes the file for a moment: whether that can be done is known before hours of work, and not after. */
function refuseUnwritable(path: string, option: string): void {
  try {
    closeSync(openSync(path, "wx"));
    unlinkSync(path);
  } catch (e) {
    throw new UsageError(`${option} ${path} cannot be written: ${reasonOf(e)}`);
  }
}

/** The JSON in a file. Throws what `none` makes of the end of a sentence: the file cannot be read, or holds no JSON. */
export function readJson(file: string, none: (why: string) => Error): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (e) {
    throw none(`cannot be read (${reasonOf(e)})`);
  }
  try {
    return JSON.parse(text);
  } catch (e) {
    throw none(`holds no JSON (${(e as Error).message.split("\n")[0]!})`);
  }
}

/** Whether the text is JSON of which this is true. */
export function isJson(text: string, holds: (value: Readonly<Record<string, unknown>>) => boolean): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && holds(value as Record<string, unknown>);
  } catch {
    return false;
  }
}
