/** A compiled machine answers as XState does, and each machine's alphabet is the one that it is written in. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { transition, type AnyMachineSnapshot, type AnyStateMachine } from "xstate";
import { MACHINES, machineNamed } from "../../spec/alphabet.ts";
import { EV, type EventName } from "../../spec/events.ts";
import { REFUSED, type Context } from "../../spec/machine-table.ts";
import type { MachineSpec } from "../../spec/machine.ts";
import { compileMachine } from "../../spec/table.ts";
import { SIZES } from "./machine-sizes.ts";

interface Move { readonly event: EventName; readonly payload: number }

/** Every (event, payload) of the machine. */
function moves(spec: MachineSpec): Move[] {
  return (Object.keys(spec.alphabet) as EventName[]).flatMap((event) => Array.from({ length: spec.alphabet[event]!.payloads(SIZES) }, (_, payload) => ({ event, payload })));
}

/** XState's own answer: the snapshot, or null where nothing listens. */
function ask(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, spec: MachineSpec, { event, payload }: Move): AnyMachineSnapshot | null {
  const object = { type: event, ...spec.alphabet[event]!.event(payload) };
  return snapshot.can(object) ? (transition(machine, snapshot, object)[0] as AnyMachineSnapshot) : null;
}

describe.each(MACHINES.map((spec) => [spec.name, spec] as const))("%s", (_name, spec) => {
  it("is the same as XState on random sequences of events", () => {
    const all = moves(spec);
    fc.assert(fc.property(fc.array(fc.nat({ max: all.length - 1 }), { minLength: 20, maxLength: 60 }), (choices) => {
      const table = compileMachine(spec);
      let state = table.initial;
      let snapshot = spec.machine.getInitialSnapshot({} as never, undefined) as AnyMachineSnapshot;
      for (const choice of choices) {
        // Events drawn at random are refused most of the time: take the next one that is not, and compare all on the way.
        for (let i = 0; i < all.length; i++) {
          const move = all[(choice + i) % all.length]!;
          const expected = ask(spec.machine, snapshot, spec, move);
          const next = table.next(state, EV[move.event], move.payload);
          if (expected === null) {
            expect(next, `${table.describe(state)} refuses ${move.event}`).toBe(REFUSED);
            expect(table.transitionId(state, EV[move.event], move.payload)).toBe(REFUSED);
            continue;
          }
          expect(next, `${table.describe(state)} takes ${move.event}`).not.toBe(REFUSED);
          const arrow = table.transitions[table.transitionId(state, EV[move.event], move.payload)]!;
          expect([arrow.source, arrow.event, arrow.target]).toEqual([snapshot.value, move.event, expected.value]);
          expect([table.value(next), table.context(next)]).toEqual([expected.value, (expected.context as Context | undefined) ?? {}]);
          expect(table.encode(table.value(next), table.context(next))).toBe(next);
          state = next;
          snapshot = expected;
          break;
        }
      }
    }), { numRuns: 40 });
  });

  it("has the alphabet that it is written in", () => {
    const listened = new Set(compileMachine(spec).transitions.map((t) => t.event));
    expect([...listened].sort()).toEqual(Object.keys(spec.alphabet).sort());
  });

  it("describes each state and each arrow, and names its guards and actions", () => {
    for (const [name, node] of Object.entries(spec.machine.root.states as Record<string, { description?: string }>)) expect(node.description, name).toMatch(/\S/);
    for (const t of compileMachine(spec).transitions) {
      expect(t.description, `${t.source}, ${t.event}`).toMatch(/\S/);
      expect(t.guard ?? "none").not.toBe("undefined");
    }
  });

  it("can be opened elsewhere: its definition is plain data", () => {
    const { config } = spec.machine;
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
  });
});

describe("a table", () => {
  it("refuses a state, a context and an event that its machine does not have", () => {
    const table = compileMachine(machineNamed("mm"));
    expect(() => table.encode("asleep", { registered: false })).toThrow('there is no state "asleep"; there are absent, alive, exiting');
    expect(() => table.encode("alive", {})).toThrow("its context has registered, and not nothing");
    expect(() => table.next(0, EV.FOLIO_PIN, 0)).toThrow("event FOLIO_PIN is not in its alphabet");
    expect(() => machineNamed("nm")).toThrow('there is no machine "nm"');
  });

  it("describes a state by value and context", () => {
    const table = compileMachine(machineNamed("mm"));
    expect(table.describe(table.next(table.initial, EV.MM_CREATE, 0))).toBe("alive {registered: false}");
  });
});

describe("the alphabet", () => {
  it("gives every event a number of its own", () => {
    expect(new Set(Object.values(EV)).size).toBe(Object.keys(EV).length);
  });
  it("has no event that no machine listens to", () => {
    const heard = new Set(MACHINES.flatMap((m) => Object.keys(m.alphabet)));
    expect(Object.keys(EV).filter((e) => !heard.has(e))).toEqual([]);
  });
});
