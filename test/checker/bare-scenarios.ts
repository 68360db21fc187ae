/** Scenarios that leave out what can be left out: a count goes up to 2. */
import { int, scenario, struct, type Model, type Scenario } from "thpcheck";

const structs = { s: struct({ x: int(0, 2, "steps taken") }) };
const up: Model<typeof structs> = {
  structs,
  actors: [{
    name: "a", atRest: (k) => k.s.x.get() === 2,
    step: (k) => {
      if (k.s.x.get() === 2) return null;
      k.s.x.add(1);
      return "up";
    },
  }],
};
const asScenario = (s: unknown): Scenario => s as Scenario;

export const bare = asScenario(scenario({ name: "bare", model: up }));
export const kept = asScenario(scenario({ name: "kept", model: up, always: { few: (k) => k.s.x.get() < 3 } }));
export const broken = asScenario(scenario({ name: "broken", model: up, always: { few: (k) => k.s.x.get() < 2 } }));
