/**
 * `npm run carry`: brings a diff or a scenario that was written against an older tree to today's.
 *
 *     npm run carry -- idea.patch                     prints the new diff
 *     npm run carry -- scenario.ts --out new.ts       writes it to a file
 *     npm run carry -- test/bugs/*.patch --in-place   of several files, each over itself
 *
 * Exit code 1 if something could not be carried: it is named, and nothing is written for that file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError } from "../../checker/usage-error.ts";
import { carryModule } from "./carry-module.ts";
import { carryPatch } from "./carry-patch.ts";
import { treeAt, treeNow } from "./revision.ts";
import { FIRST, movesSince } from "./table.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const USAGE = `usage: npm run carry -- FILE... [--since REVISION] [--out FILE | --in-place]

A FILE that ends in .patch or .diff is a unified diff of the project's files; any other is a TypeScript module that
imports them. It was written against REVISION (default: ${FIRST}); the result is for the files as they are now.`;

/** Returns the exit code. */
export function carry(args: readonly string[], print: (text: string) => void, warn: (text: string) => void): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      since: { type: "string", default: FIRST },
      out: { type: "string" },
      "in-place": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    print(USAGE);
    return 0;
  }
  if (positionals.length === 0) throw new UsageError(USAGE);
  if (values.out !== undefined && positionals.length > 1) throw new UsageError("--out takes one file; use --in-place for several");
  const moves = movesSince(values.since);
  const [old, now] = [treeAt(ROOT, values.since), treeNow(ROOT)];
  let failed = 0;
  for (const file of positionals) {
    const text = readFileSync(file, "utf8");
    const carried = /\.(patch|diff)$/.test(file) ? carryPatch(text, old, now, moves) : carryModule(text, null, old, now, moves);
    if (carried.problems.length > 0) {
      failed++;
      warn(`${file} is not carried:\n${carried.problems.map((p) => `  ${p}`).join("\n")}`);
    } else if (values["in-place"] === true) writeFileSync(file, carried.text);
    else if (values.out !== undefined) writeFileSync(values.out, carried.text);
    else print(carried.text);
  }
  return failed > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = carry(process.argv.slice(2), (t) => { process.stdout.write(`${t}\n`); }, (t) => { console.error(t); });
  } catch (e) {
    // A wrong option, a missing file, a revision that is not there: one sentence, as everywhere.
    console.error(`carry: ${(e as Error).message}`);
    process.exitCode = 2;
  }
}
