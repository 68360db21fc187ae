/** The C of `agent/` and `guest/`, compiled once for each of its texts, into a folder of this user's own. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../checker/usage-error.ts";
import { AREA_RANGES, HOLDS, HPAGE, PROCESSES } from "./program.ts";
import { COUNTED, STATS } from "./beyond.ts";
import { agentOperations } from "./vocabulary.ts";

const here = (folder: string): string => fileURLToPath(new URL(folder, import.meta.url));
const COMPILERS = ["cc", "gcc", "clang"];

export interface CProgram {
  /** Of the executable. */
  readonly name: string;
  /** Where the compiler runs. */
  readonly folder: string;
  /** As seen from there; a change of any of them, or of a header beside one, compiles it anew. */
  readonly sources: readonly string[];
  readonly flags: readonly string[];
}

/** The first C compiler that there is, or null. */
export function compiler(): string | null {
  return COMPILERS.find((c) => spawnSync(c, ["--version"], { stdio: "ignore" }).status === 0) ?? null;
}

/**
 * What both sides must agree on, as definitions for the agent's compiler. An operation that the agent does not tell from
 * the others is refused by it (-Werror=switch).
 */
export function agentDefines(): readonly string[] {
  const numbers = { HPAGE, AREA_RANGES, PROCESSES, HOLDS };
  const texts = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(",");
  const sizes = Object.entries(numbers).map(([name, value]) => `-D${name}=${value}`);
  return [`-DOPERATIONS=${agentOperations()}`, `-DCOUNTED=${texts(COUNTED)}`, `-DSTATS=${texts(STATS)}`, ...sizes];
}

/** The agent; for a guest with all its libraries in it. */
export function agentProgram(forGuest: boolean): CProgram {
  const folder = here("./agent/");
  return {
    name: forGuest ? "guest-agent" : "agent", folder, sources: globSync("*.c", { cwd: folder }).sort(),
    flags: ["-Werror=switch", ...agentDefines(), ...(forGuest ? ["-static"] : [])],
  };
}
export const INIT: CProgram = { name: "init", folder: here("./guest/"), sources: ["init.c"], flags: ["-static"] };
export const LAUNCHER: CProgram = { name: "launch", folder: here("./guest/"), sources: ["launch.c"], flags: [] };

/** The executable of this source. Throws a UsageError with the compiler's words; needs a compiler. */
export function compiled({ name, folder: cwd, sources, flags }: CProgram): string {
  const hash = createHash("sha256").update(flags.join());
  const headers = [...new Set(sources.map((s) => dirname(s)))].flatMap((folder) => globSync(join(folder, "*.h"), { cwd }).sort());
  for (const s of [...sources, ...headers]) hash.update(s).update(readFileSync(join(cwd, s)));
  const folder = join(tmpdir(), `thpcheck-conform-${process.getuid?.() ?? 0}`);
  const file = join(folder, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = `${file}.${process.pid}`;
  const result = spawnSync(compiler()!, ["-O2", ...flags, "-o", made, ...sources], { cwd, encoding: "utf8" });
  if (result.status !== 0) {
    throw new UsageError(`the ${name} of conform does not compile: ${result.stderr.split("\n").slice(0, 5).join("\n")}`);
  }
  for (const old of globSync(`${name}-*`, { cwd: folder })) {
    if (join(folder, old) !== made) rmSync(join(folder, old), { force: true });
  }
  renameSync(made, file);
  return file;
}
