/** Programs of this machine that are run to fetch and boot kernels. */
import { spawnSync } from "node:child_process";

/** What a program has printed. Throws an Error with its last words where it fails, or is not there. */
export function output(program: string, args: readonly string[], options: { cwd?: string; input?: Uint8Array } = {}): Buffer {
  const result = spawnSync(program, args, { ...options, maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: "C" } });
  if (result.error !== undefined) throw new Error(`${program} cannot be run: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  const what = args.find((a) => !a.startsWith("-") && !a.includes("=")) ?? "";
  const said = result.stderr.toString("utf8").trim().split("\n").filter((line) => !line.startsWith("W:")).slice(-3).join("; ");
  throw new Error(`${program} ${what} fails: ${said === "" ? `exit code ${result.status}` : said}`);
}

export const isThere = (program: string, ask = "--version"): boolean => spawnSync(program, [ask], { stdio: "ignore" }).error === undefined;
