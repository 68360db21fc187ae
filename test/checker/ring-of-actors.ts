/** A ring of 100 actors that hand on a token. */
import { int, scenario, struct, type Expectation, type ModelActor, type Scenario, type World } from "thpcheck";

export const ACTORS = 100;
const structs = { ring: struct({ at: int(0, ACTORS - 1, "who has the token"), rounds: int(0, 1, "rounds") }) };
type K = World<typeof structs>;

/** Each hands the token on, but for the last of the second round. */
const passing = (n: number): ModelActor<typeof structs> => ({
  name: `actor ${n}`,
  step: (k) => {
    if (k.ring.at.get() !== n || (n === 99 && k.ring.rounds.get() === 1)) return null;
    if (n === 99) k.ring.rounds.set(1);
    k.ring.at.set((n + 1) % 100);
    return "pass";
  },
  atRest: () => true,
});

export const ring = (limit: number, expect: Expectation): Scenario => scenario({
  name: "ring", model: { structs, actors: Array.from({ length: ACTORS }, (_, n) => passing(n)) },
  always: { "not so far": (k: K) => k.ring.rounds.get() === 0 || k.ring.at.get() < limit }, expect,
}) as unknown as Scenario;
