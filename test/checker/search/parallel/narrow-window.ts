import { holds, int, scenario, struct, type ModelScenario } from "thpcheck";

/** Steps that the reader takes before it looks. */
const READER_STEPS = 20;
const WRITER_STEPS = 8;
/** Steps of the writer after which the reader can move. */
const WINDOW = 4;

const structs = { w: struct({ step: int(0, WRITER_STEPS, "steps of the writer", { guard: "model", init: 0 }), r: int(0, READER_STEPS, "steps of the reader", { guard: "model", init: 0 }) }) };

/**
 * The writer opens a window with its fourth step and shuts it with the next. The reader must take all its steps in
 * there: at even odds 1 of 2^20, by priorities 1 of 2 for the reader's being higher and 1 of k for the right moment.
 */
export const narrowWindow = scenario<typeof structs>({
  name: "narrow-window", why: "a bug of depth 2", tier: "quick",
  model: {
    structs,
    actors: [
      { name: "writer", step: (k) => (k.w.step.get() === WRITER_STEPS ? null : (k.w.step.add(1), "writes")), atRest: () => true },
      { name: "reader", step: (k) => (k.w.step.get() !== WINDOW || k.w.r.get() === READER_STEPS ? null : (k.w.r.add(1), "reads")), atRest: () => true },
    ],
  },
  always: { "the window is too short": (k) => k.w.r.get() < READER_STEPS },
  expect: holds(),
}) as unknown as ModelScenario;
