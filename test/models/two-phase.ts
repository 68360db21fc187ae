/**
 * two-phase-N: two-phase commit with N resource managers.
 *
 * Source: TLA+ Examples, `specifications/transaction_commit/TwoPhase.tla` (N=3: 288 states, 1,146 generated, depth 11;
 * N=5: 8,832 and 58,146) and Stateright, `examples/2pc.rs` (the same states). TLC counts the initial state among the
 * generated ones, and so do messages received again, which change nothing: both are transitions here.
 *
 * Messages are never removed. Those of the transaction manager are sent in the step in which it decides, so its state
 * says which they are.
 */
import { bitset, choose, holds, int, scenario, struct, table, type ModelActor, type Scenario, type World } from "thpcheck";

const WORKING = 0;
const PREPARED = 1;
const COMMITTED = 2;
const ABORTED = 3;

const UNDECIDED = 0;

function structs(managers: number) {
  return {
    manager: table(managers, { state: int(WORKING, ABORTED, "working, prepared, committed, aborted") }),
    transaction: struct({
      decision: int(UNDECIDED, ABORTED, "0 undecided, otherwise the state that all managers are to take"),
      sent: bitset(managers, "managers that have sent Prepared"),
      received: bitset(managers, "managers whose Prepared has been received"),
    }),
  };
}
type TwoPhaseStructs = ReturnType<typeof structs>;
type K = World<TwoPhaseStructs>;

function coordinator(managers: number): ModelActor<TwoPhaseStructs>[] {
  const everyone = 2 ** managers - 1;
  return [
    {
      name: "commit",
      step: (k: K) => {
        if (k.transaction.decision.get() !== UNDECIDED || k.transaction.received.get() !== everyone) return null;
        k.transaction.decision.set(COMMITTED);
        return "commit";
      },
      atRest: () => true,
    },
    {
      name: "abort",
      step: (k: K) => {
        if (k.transaction.decision.get() !== UNDECIDED) return null;
        k.transaction.decision.set(ABORTED);
        return "abort";
      },
      atRest: () => true,
    },
  ];
}

function manager(m: number): ModelActor<TwoPhaseStructs>[] {
  return [
    {
      name: `manager${m}`,
      step: (k: K) => {
        const own = k.manager.state.get(m) === WORKING ? 2 : 0;
        const decided = k.transaction.decision.get() === UNDECIDED ? 0 : 1;
        if (own + decided === 0) return null;
        const action = choose(k, "action", own + decided);
        if (action === own) {
          k.manager.state.set(m, k.transaction.decision.get());
          return "learn the decision";
        }
        if (action === 0) {
          k.manager.state.set(m, PREPARED);
          k.transaction.sent.insert(m);
          return "prepare";
        }
        k.manager.state.set(m, ABORTED);
        return "choose to abort";
      },
      atRest: () => true,
    },
    {
      name: `from-manager${m}`,
      step: (k: K) => {
        if (k.transaction.decision.get() !== UNDECIDED || !k.transaction.sent.has(m)) return null;
        k.transaction.received.insert(m);
        return "receive Prepared";
      },
      atRest: () => true,
    },
  ];
}

/** Whether no manager has aborted while another has committed. */
function consistent(k: K): boolean {
  let aborted = false;
  let committed = false;
  for (let m = 0; m < k.manager.count; m++) {
    if (k.manager.state.get(m) === ABORTED) aborted = true;
    if (k.manager.state.get(m) === COMMITTED) committed = true;
  }
  return !(aborted && committed);
}

function twoPhase(managers: number, states: number, transitions: number, depth: number): Scenario<TwoPhaseStructs> {
  return scenario({
    name: `two-phase-${managers}`,
    why: "the same count as TLC and Stateright",
    tier: "quick",
    config: { managers },
    model: { structs: structs(managers), actors: [...coordinator(managers), ...Array.from({ length: managers }, (_, m) => manager(m)).flat()] },
    always: { consistent: (k: K) => consistent(k) },
    sometimes: { "all commit": (k: K) => k.transaction.decision.get() === COMMITTED && k.manager.state.get(0) === COMMITTED },
    expect: holds({ states, transitions, depth }),
  });
}

export default [
  twoPhase(2, 56, 153, 8),
  twoPhase(3, 288, 1_145, 11),
  twoPhase(4, 1_568, 8_257, 14),
  twoPhase(5, 8_832, 58_145, 17),
];
