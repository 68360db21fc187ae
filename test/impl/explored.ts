/** Explores a scenario completely and holds it to its expectation. */
import { expect } from "vitest";
import type { ProgramScenario } from "../../checker/scenario.ts";
import { compileScenario } from "../../checker/compile/compile.ts";
import { run, type Explored } from "../checker/search/options.ts";

/** No violation, every witness reached; or, with `finds`, a violation whose message matches. */
export async function explored(s: ProgramScenario, finds?: RegExp): Promise<Explored> {
  const { system, source } = compileScenario(s);
  const outcome = await run(system, {}, source);
  if (process.env["EXPLORED"] !== undefined) console.log(`${s.name}: ${outcome.states} states, ${outcome.bytesPerState} bytes`);
  if (finds === undefined) {
    expect(outcome.finding === null ? "holds" : `${outcome.finding.name}: ${outcome.finding.message}`).toBe("holds");
    expect(outcome.complete).toBe(true);
  } else {
    expect(outcome.finding?.message ?? "holds").toMatch(finds);
  }
  return outcome;
}
