/** What `check` does besides where it has a patch: it says of what the patch changes who ran it, and can run those who do. */
import { realpathSync } from "node:fs";
import picomatch from "picomatch";
import { filesOf, registerPatch } from "../../patch/patch.ts";
import { patchRoot } from "../../project/project.ts";
import { isFilePattern } from "../../project/select.ts";
import { changesOf } from "../../reach/changed-places.ts";
import { PatchImpact } from "../../reach/impact.ts";
import { offers } from "../../reach/offer.ts";
import { outdatedAmong } from "../../reach/outdated-rows.ts";
import { readIndex, REACH_FILE } from "../../reach/reach-index.ts";
import type { Patch, PatchReport } from "../../result.ts";
import { UsageError } from "../../usage-error.ts";

/** Applies the patch to the project of the folder, and gets ready to say what came of it. Throws a UsageError where it does not apply. */
export function impactOf(patch: Patch, folder: string): PatchImpact {
  const root = realpathSync(patchRoot(folder));
  return new PatchImpact(patch.name, changesOf(filesOf(registerPatch(patch, root))), readIndex(root), root);
}

/**
 * What came of the patch. The rows of the index that it speaks of are compared with the scenarios of today; where one is out of
 * date, all are.
 */
export async function reportOf(impact: PatchImpact, folder: string): Promise<PatchReport> {
  const root = realpathSync(patchRoot(folder));
  const some = await outdatedAmong(impact.spokenOf, root);
  if (some.size > 0) impact.leaveOut(await outdatedAmong(impact.rows, root));
  return impact.report();
}

/**
 * Names of the scenarios that come to the changed lines by the index, in the order in which to try them; of these, such as the
 * patterns mean, if there are any. Throws a UsageError where there is no index, or none of them is left.
 */
export function reachingScenarios(patch: Patch, impact: PatchImpact, patterns: readonly string[], folder: string): string[] {
  const file = patterns.find(isFilePattern);
  if (file !== undefined) throw new UsageError(`--reach chooses by the index, which knows names; leave out ${file}`);
  const index = readIndex(realpathSync(patchRoot(folder)));
  if (index === null) {
    throw new UsageError(`--reach needs ${REACH_FILE}, and there is none; "npx thpcheck reach --update" makes it (it takes minutes)`);
  }
  const { reach, mayReach, knownPlaces } = offers(impact.wanted(), index, []);
  const names = reach!.map((r) => r.scenario);
  const matches = patterns.map((p) => picomatch(p));
  const meant = patterns.length === 0 ? names : names.filter((n) => patterns.includes(n) || matches.some((m) => m(n)));
  if (meant.length > 0) return meant;
  const where = `the changed lines of ${patch.name}`;
  if (knownPlaces === 0) throw new UsageError(`${where} are no code that the index knows; check without --reach`);
  const some = `none of the ${names.length} scenarios that come to ${where}`;
  if (names.length > 0) throw new UsageError(`${some} is meant by ${patterns.join(" ")}`);
  const large = mayReach.length === 0 ? "" : `; too large to be known whole, may come there: ${mayReach.join(", ")}`;
  throw new UsageError(`no scenario, of whatever tier, is known to come to ${where}: the patch needs a scenario of its own${large}`);
}
