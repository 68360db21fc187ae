/** Bugs as files: `<id>.patch`, a unified diff against impl/ under a header in the manner of a mail. */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Patch } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDER = fileURLToPath(new URL("./", import.meta.url));

/** What the header of a patch says. */
export interface Bug {
  readonly id: string;
  /** What the fix was about, in one line. */
  readonly subject: string;
  /** The fix as Linux has it: a commit, "posted" where it never was one. */
  readonly upstream: string;
  readonly cve: string | null;
  /** Name of the scenario that shows the bug. */
  readonly scenario: string;
  /** What must break: the name of a property, as a result reports it, or "assertion: " and how the message of the kernel's assertion begins. */
  readonly promise: string;
  readonly patch: Patch;
}

const FIELDS = ["Subject", "Upstream", "Scenario", "Promise"] as const;

/** Reads one patch. Throws a UsageError that says what its header lacks. */
export function readBug(file: string): Bug {
  const text = readFileSync(file, "utf8");
  const name = relative(process.cwd(), file);
  const head = new Map([...text.slice(0, text.indexOf("\n\n")).matchAll(/^([A-Z][\w-]*): (.*)$/gm)].map(([, key, value]) => [key!, value!.trim()]));
  const missing = FIELDS.filter((f) => !head.has(f));
  if (missing.length > 0) throw new UsageError(`${name}: its header has no line "${missing[0]}: ..."; it needs ${FIELDS.join(", ")}, then an empty line, what goes wrong, and the diff`);
  return {
    id: basename(file, ".patch"), subject: head.get("Subject")!, upstream: head.get("Upstream")!, cve: head.get("CVE") ?? null,
    scenario: head.get("Scenario")!, promise: head.get("Promise")!, patch: { name, text },
  };
}

/** All bugs, or those of the given names, in alphabetical order. Throws a UsageError for a name that there is not. */
export function readBugs(ids: readonly string[] = []): Bug[] {
  const all = readdirSync(FOLDER).filter((f) => f.endsWith(".patch")).sort();
  const unknown = ids.find((id) => !all.includes(`${id}.patch`));
  if (unknown !== undefined) throw new UsageError(`there is no test/bugs/${unknown}.patch; "npx thpcheck bugs --json" names all bugs`);
  return all.filter((f) => ids.length === 0 || ids.includes(basename(f, ".patch"))).map((f) => readBug(join(FOLDER, f)));
}
