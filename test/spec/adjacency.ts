/** What XState's own explorer finds: the peer that the tables and the product are held to, in counts and in speed. */
import { createMachine, type AnyMachineSnapshot, type AnyStateMachine, type EventObject } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import type { EventName } from "../../spec/events.ts";
import type { MachineSpec, Sizes } from "../../spec/machine.ts";

export interface Counts { readonly states: number; readonly edges: number }

/** One instance of the machine, within its limits. */
export function adjacency(spec: MachineSpec, sizes: Sizes): Counts {
  const limits = Object.entries(spec.limits?.(sizes) ?? {});
  const within = (s: AnyMachineSnapshot): boolean => limits.every(([key, most]) => Number((s.context as Record<string, number>)[key]) <= most);
  const events = (Object.keys(spec.alphabet) as EventName[]).flatMap((type) => Array.from({ length: spec.alphabet[type]!.payloads(sizes) }, (_, payload) => ({ type, ...spec.alphabet[type]!.event(payload) })));
  return traverse(spec.machine, events, within);
}

/** `instances` copies of a machine without context, side by side: as one parallel machine, whose events carry a number. */
export function sideBySide(spec: MachineSpec, instances: number, without: readonly EventName[]): Counts {
  const config = spec.machine.config as { initial: string; states: Record<string, { on: Record<string, { target: string }> }> };
  const copy = (i: number) => ({
    initial: config.initial,
    states: Object.fromEntries(Object.entries(config.states).map(([name, { on }]) => [name, { on: Object.fromEntries(Object.entries(on).map(([event, { target }]) => [`${event} ${i}`, { target }])) }])),
  });
  const machine = createMachine({ type: "parallel", states: Object.fromEntries(Array.from({ length: instances }, (_, i) => [`copy${i}`, copy(i)])) });
  const events = (Object.keys(spec.alphabet) as EventName[]).filter((e) => !without.includes(e)).flatMap((event) => Array.from({ length: instances }, (_, i) => ({ type: `${event} ${i}` })));
  return traverse(machine, events, () => true);
}

function traverse(machine: AnyStateMachine, events: EventObject[], within: (s: AnyMachineSnapshot) => boolean): Counts {
  const options = { events, limit: Infinity, stopWhen: (s: AnyMachineSnapshot) => !within(s), filterEvents: (s: AnyMachineSnapshot, e: EventObject) => s.can(e) };
  const map = getAdjacencyMap(machine, options as never) as unknown as Record<string, { state: AnyMachineSnapshot; transitions: Record<string, { state: AnyMachineSnapshot }> }>;
  let states = 0;
  let edges = 0;
  for (const { state, transitions } of Object.values(map)) {
    if (!within(state)) continue;
    states++;
    for (const next of Object.values(transitions)) if (within(next.state)) edges++;
  }
  return { states, edges };
}
