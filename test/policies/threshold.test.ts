/** A policy of one's own whose threshold the knob does not accept. */
import { expect, it } from "vitest";
import { POLICIES, policyNamed, type Policy } from "../../impl/policy/index.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { runPolicies } from "./report.ts";

it("thpcheck policies --policy mine: a threshold out of range is said in words, before anything is checked", async () => {
  const mine: Policy = { ...policyNamed("rfc-choices"), name: "mine", threshold: () => 99 };
  (POLICIES as Policy[]).push(mine);
  try {
    const ran = runPolicies(["reservation-dontneed"], { policy: ["mine"], time: 1 });
    await expect(ran).rejects.toThrow(UsageError);
    await expect(ran).rejects.toThrow(/policy mine: its threshold for \d+ pages is 99; promotion_threshold accepts 1\.\.\d+/);
  } finally {
    (POLICIES as Policy[]).pop();
  }
});
