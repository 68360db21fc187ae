/** A walker on a line that ends in a round, one that stops, and two threads of which one takes again and again what the other wants. */
import {
  at, bool, int, scenario, struct, type GivenScenario, type ModelActor, type Routine, type Scenario, type World,
} from "thpcheck";

const walk = { n: int(0, 3, "where the walker is") };
export const structs = { s: struct({ ...walk, busy: bool("somebody has it"), wanted: bool("wants it"), used: bool("had it") }) };
export type S = typeof structs;
export type K = World<S>;

/** 0, 1, 2, 3, then 2 and 3 for ever. */
export const walker: ModelActor<S> = {
  name: "walker", atRest: () => true,
  step: (k) => {
    k.s.n.set(k.s.n.get() === 3 ? 2 : k.s.n.get() + 1);
    return "walk";
  },
};
/** 0, 1, 2, 3, and no further. */
export const ender: ModelActor<S> = {
  name: "walker", atRest: () => true,
  step: (k) => {
    if (k.s.n.get() === 3) return null;
    k.s.n.add(1);
    return "walk";
  },
};
export const walks = (actor: ModelActor<S>, parts: Partial<GivenScenario<S>>): Scenario =>
  scenario({ name: "walks", model: { structs, actors: [actor] }, endless: true, ...parts }) as unknown as Scenario;

/** Takes what is free and gives it back, for ever. */
function* hogs(k: K): Routine {
  for (;;) {
    yield at("take", () => !k.s.busy.get());
    k.s.busy.set(true);
    yield at("give");
    k.s.busy.set(false);
  }
}
function* wants(k: K): Routine {
  yield at("want");
  k.s.wanted.set(true);
  yield at("take", () => !k.s.busy.get());
  k.s.used.set(true);
}
export const shares = (parts: Partial<GivenScenario<S>>): Scenario => scenario({
  name: "shares", structs, threads: [{ name: "hog", run: hogs, daemon: true }, { name: "wants", run: wants }],
  leadsTo: { served: { from: (k) => k.s.wanted.get(), to: (k) => k.s.used.get(), why: "who wants it gets it" } }, ...parts,
}) as unknown as Scenario;

export const is = (n: number) => (k: K): boolean => k.s.n.get() === n;
export const one = is(1), two = is(2), three = is(3);
export const late = (k: K): boolean => k.s.n.get() >= 2;
export const early = (k: K): boolean => k.s.n.get() < 2;
export const few = (k: K): boolean => k.s.n.get() < 3;
export const used = (k: K): boolean => k.s.used.get();
export const wanted = (k: K): boolean => k.s.wanted.get();
export const busy = (k: K): boolean => k.s.busy.get();
/** Has not come to rest where it cannot go further. */
export const stuck: ModelActor<S> = { ...ender, atRest: () => false };
