/** A violation in words, from the state that its path leads to. */
import type { Explanation, TransitionSystem } from "../system.ts";
import { whoWaits } from "./waiting.ts";
import type { Broken } from "./candidate.ts";
import type { Path } from "./steps.ts";
import { followPath } from "./steps.ts";
import { spinFrom } from "./traps/spin.ts";

export function explainViolation(system: TransitionSystem, broken: Broken, path: Path): Explanation | null {
  const { before } = followPath(system, path);
  if (broken.kind === "always" || broken.kind === "finally") return system.explain(broken.kind, broken.index, null);
  return broken.kind === "step" ? system.explain("step", broken.index, before) : null;
}

/** One sentence; leaves `system.vector` at the end of the path. */
export function describeViolation(system: TransitionSystem, broken: Broken, path: Path): string {
  followPath(system, path);
  switch (broken.kind) {
    case "always": return `"${broken.name}" is false ${path.steps.length === 0 ? "in the initial state" : "after the last step"}`;
    case "step": return `"${broken.name}" is false of the last step`;
    case "finally": return `every thread has ended or rests, and "${broken.name}" is false`;
    case "fault": return broken.message;
    case "deadlock": return `nothing can move: ${whoWaits(system).join("; ")}`;
    case "recurring": return [broken.message, ...spinFrom(system, broken.name).sentences].join("; ");
    // The replay of the run says how it breaks them.
    case "eventually": case "leadsTo": case "alwaysEventually": case "eventuallyAlways": case "progress": return broken.message;
    case "sometimes": return `"${broken.name}" is never reached`;
  }
}
