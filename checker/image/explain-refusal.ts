/** A step that does not refine a machine, in words. */
import type { RefinementPlan } from "../refinement-plan.ts";
import type { Explanation, NamedValue } from "../system.ts";
import { shortPath } from "../error-sentence.ts";
import { EVENT_WORDS, argumentCount, siteOfEvent, type Refusal } from "./refinement-runtime.ts";

/**
 * `after`: the state of the instance after the step. `changed`: what its abstraction reads has changed. `record`: the events
 * of the step.
 */
export function explainRefusal(
  plan: RefinementPlan, refusal: Refusal, after: number, changed: boolean, record: Int32Array, sourceOf: (site: number) => string | null,
): Explanation {
  const machine = plan.machines[refusal.machine]!;
  const inWords = (state: number): string => machine.descriptions[state] ?? `no state of the machine (${state})`;
  const ownEvents = new Set(machine.columns.map((c) => c.event));
  const events: string[] = [];
  let lastOwn = -1;
  for (let at = 0; at < record.length; at += EVENT_WORDS) {
    const event = record[at]!;
    if (!ownEvents.has(event)) continue;
    lastOwn = at;
    const place = sourceOf(siteOfEvent(record[at + 1]!));
    events.push(`${eventInWords(plan, record, at)}${place === null ? "" : ` ${shortPath(place)}`}`);
  }
  const refused = refusal.event >= 0 ? plan.eventNames[record[refusal.event]!]! : null;
  const values: NamedValue[] = [
    { name: "machine", value: machine.name },
    { name: "instance", value: machine.titles[refusal.instance - machine.firstInstance]! },
    { name: refused === null ? "state that the events lead to" : `state that meets ${refused}`, value: inWords(refusal.state) },
    { name: "state after the step", value: inWords(after) },
    { name: "events of the step", value: events.length === 0 ? "none that this machine knows" : events.join("; ") },
  ];
  const conjunct = refused !== null ? `${machine.name} accepts ${refused} in ${inWords(refusal.state)}`
    : `${machine.name} is in the state where the events lead it, ${inWords(refusal.state)}, and not in another, ${inWords(after)}`;
  // A state that changed is explained by the store, whose place only another run knows (`place-of-write.ts`).
  const event = refused !== null ? refusal.event : changed ? -1 : lastOwn;
  return { conjunct, values, source: event < 0 ? null : sourceOf(siteOfEvent(record[event + 1]!)) };
}

/** Every event of the record of a step, with its arguments. */
export function eventsInWords(plan: RefinementPlan, record: Int32Array): string[] {
  const words: string[] = [];
  for (let at = 0; at < record.length; at += EVENT_WORDS) words.push(eventInWords(plan, record, at));
  return words;
}

/** The event that begins at word `at`. */
function eventInWords(plan: RefinementPlan, record: Int32Array, at: number): string {
  const args = record.subarray(at + 2, at + 2 + argumentCount(record[at + 1]!));
  return `${plan.eventNames[record[at]!]}(${args.join(", ")})`;
}

/** Of the words that the instance's abstraction reads: the bits that differ between two states. */
export function changedBits(plan: RefinementPlan, instance: number, before: Int32Array, after: Int32Array): ReadonlyMap<number, number> {
  const changed = new Map<number, number>();
  plan.words.forEach((word, n) => {
    let mask = 0;
    for (let g = plan.firstGroup[n]!; g < plan.firstGroup[n + 1]!; g++) {
      for (let t = plan.firstTouched[g]!; t < plan.firstTouched[g + 1]!; t++) {
        if (plan.touchedWords[t] === instance >> 5 && ((plan.touchedBits[t]! >>> (instance & 31)) & 1) !== 0) mask |= plan.groupMasks[g]!;
      }
    }
    const bits = (after[word]! ^ before[word]!) & mask;
    if (bits !== 0) changed.set(word, bits);
  });
  return changed;
}
