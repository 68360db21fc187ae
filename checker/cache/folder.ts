/** Where results of earlier processes are kept: `THPCHECK_CACHE`, or `node_modules/.cache/thpcheck` of the project. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** Names the folder, or is `off`. Child processes and threads inherit it. */
export const CACHE_VARIABLE = "THPCHECK_CACHE";
export const OFF = "off";

/**
 * The folder, whether or not it exists yet; null: nothing is kept. Without the variable it is beside the packages that are installed
 * nearest above the working directory, and where there are none in `XDG_CACHE_HOME`, or `~/.cache`.
 */
export function cacheFolder(): string | null {
  const given = process.env[CACHE_VARIABLE] ?? "";
  if (given === OFF) return null;
  if (given !== "") return resolve(given);
  try {
    const base = process.env["XDG_CACHE_HOME"] ?? "";
    return join(nearestModules(process.cwd()) ?? (base === "" ? join(homedir(), ".cache") : base), "thpcheck");
  } catch {
    return null; // The working directory is gone, or nobody knows whose home is where.
  }
}

/** The folder for caches beside the packages that are installed nearest above; null: none are. */
function nearestModules(from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const modules = join(folder, "node_modules");
    if (existsSync(modules)) return join(modules, ".cache");
    if (folder === dirname(folder)) return null;
  }
}
