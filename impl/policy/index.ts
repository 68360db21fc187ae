/** Every policy, by name. */
import { firstWrite } from "./first-write.ts";
import { forkFirstWriter } from "./fork-first-writer.ts";
import { forkNobody } from "./fork-nobody.ts";
import { fullLeavesLru } from "./full-leaves-lru.ts";
import { gorman2018 } from "./gorman-2018.ts";
import { mremapDrops } from "./mremap-drops.ts";
import { perMm } from "./per-mm.ts";
import type { Policy } from "./policy.ts";
import { populated } from "./populated.ts";
import { releaseAll } from "./release-all.ts";
import { rfc2018 } from "./rfc-2018.ts";
import { rfcChoices } from "./rfc-choices.ts";
import { synchronous } from "./synchronous.ts";

export type { Policy } from "./policy.ts";

export const POLICIES: readonly Policy[] = [
  rfc2018, gorman2018, rfcChoices, perMm, firstWrite, synchronous, forkNobody, forkFirstWriter,
  mremapDrops, fullLeavesLru, releaseAll, populated,
];

/** Throws a RangeError that lists the policies there are. */
export function policyNamed(name: string): Policy {
  const policy = POLICIES.find((p) => p.name === name);
  if (policy === undefined) {
    throw new RangeError(`there is no policy ${JSON.stringify(name)}: it is one of ${POLICIES.map((p) => p.name).join(", ")}`);
  }
  return policy;
}
