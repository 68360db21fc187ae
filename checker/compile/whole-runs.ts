/** What a scenario promises of whole runs, as data and the predicates that it speaks of. */
import { LIVENESS_KINDS, type Scenario } from "../scenario.ts";
import { PREDICATES_MAX, type Liveness, type LivenessPromise } from "../system.ts";

export interface WholeRuns {
  /** Undefined: nothing is promised of them. */
  readonly liveness: Omit<Liveness, "holds"> | undefined;
  /** By number; `name` is for messages. */
  readonly predicates: readonly { readonly name: string; readonly f: unknown }[];
}

/** Promises in the order of `LIVENESS_KINDS`, then of declaration. A function that several speak of is one predicate. */
export function livenessOf(s: Scenario): WholeRuns {
  const predicates: { readonly name: string; readonly f: unknown }[] = [];
  const numberOf = (f: unknown, name: string): number => {
    const known = predicates.findIndex((p) => p.f === f);
    return known >= 0 ? known : predicates.push({ name, f }) - 1;
  };
  const promises: LivenessPromise[] = LIVENESS_KINDS.flatMap((kind): LivenessPromise[] => (kind === "leadsTo"
    ? Object.entries(s.leadsTo ?? {}).map(([name, { from, to }]) =>
      ({ kind, name, from: numberOf(from, `from of ${name}`), goal: numberOf(to, `to of ${name}`) }))
    : Object.entries(s[kind] ?? {}).map(([name, f]) => ({ kind, name, from: null, goal: numberOf(f, name) }))));
  if (promises.length === 0) return { liveness: undefined, predicates };
  if (predicates.length > PREDICATES_MAX) {
    const problem = `scenario ${s.name}: its promises about whole runs speak of ${predicates.length} predicates`;
    throw new Error(`${problem}; at most ${PREDICATES_MAX} are possible, so let promises share functions`);
  }
  const actors = "model" in s ? s.model.actors : s.threads;
  const fairness = actors.map(({ name }) => s.fairness?.[name] ?? "weak");
  return { liveness: { promises, predicates: predicates.length, fairness }, predicates };
}
