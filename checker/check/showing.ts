/** The system on which a trace shows what it breaks. */
import type { PropertyRef } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import type { TransitionSystem } from "../system.ts";
import { clearsDeadLocals, DEFAULT_CHECK_OPTIONS } from "./options.ts";

/** `plain`: the program as it is. A finding of a sanitizer shows in the program that raises what sanitizers find. */
export async function systemShowing(scenario: Scenario, { kind, name }: PropertyRef, plain: TransitionSystem): Promise<TransitionSystem> {
  if (kind !== "fault") return plain;
  const { isSanitizerRule, raisingSystem } = await import("../sanitizer/pass.ts");
  return isSanitizerRule(name) ? raisingSystem(scenario, DEFAULT_CHECK_OPTIONS, clearsDeadLocals(scenario, null)) : plain;
}
