/**
 * peterson-N: Peterson's filter lock for N processes. A process climbs levels 1..N-1; at each it writes itself down as
 * the level's victim and waits until another has done so after it or nobody else is as high.
 *
 * Source: G. L. Peterson, "Myths about the mutual exclusion problem", 1981; the atomic steps are those of
 * `../bench/Peterson.tla` and `../bench/peterson.pml`, and so are the counts (TLC and Spin, exact). Waiting is one
 * atomic test of the whole condition.
 */
import { at, holds, int, ref, scenario, struct, table, type Int, type Routine, type Scenario, type Thread, type World } from "thpcheck";

function structs(processes: number) {
  return {
    process: table(processes, {
      level: int(0, processes - 1, "the level that the process announces; 0 outside"),
    }),
    rung: table(processes - 1, {
      victim: ref("process", "the process that came to the level last"),
    }),
    critical: struct({
      occupants: int(0, processes, "processes in the critical section", { role: "ghost" }),
    }),
  };
}
type PetersonStructs = ReturnType<typeof structs>;
type K = World<PetersonStructs>;

/** Whether everyone but `me` is below `level`. */
function highestAlone(k: K, me: number, level: number): boolean {
  for (let other = 0; other < k.process.count; other++) {
    if (other !== me && k.process.level.get(other) >= level) return false;
  }
  return true;
}

function contender(me: number, processes: number): Thread<PetersonStructs>["run"] {
  const top = processes - 1;
  return function* contend(k: K): Routine {
    let level: Int<0, 4> = 0;
    while (true) {
      yield at("start");
      level = 1;
      while (true) {
        yield at("announce level");
        k.process.level.set(me, level);

        yield at("become victim");
        k.rung.victim.set(level - 1, me);

        yield at("wait", () => k.rung.victim.get(level - 1) !== me || highestAlone(k, me, level));
        if (level === top) break;
        level += 1;
      }
      k.critical.occupants.add(1);

      yield at("leave");
      k.critical.occupants.add(-1);
      k.process.level.set(me, 0);
      level = 0;
    }
  };
}

function peterson(processes: number, tier: "quick" | "full", states: number, transitions: number, depth: number): Scenario<PetersonStructs> {
  return scenario({
    sanitize: "its steps are those of the published model: a guard of several reads is one",
    name: `peterson-${processes}`,
    why: "the same count as TLC and Spin",
    tier,
    clearDeadLocals: false,
    config: { processes },
    structs: structs(processes),
    threads: Array.from({ length: processes }, (_, i) => ({ name: `p${i}`, run: contender(i, processes) })),
    always: {
      "mutual exclusion": (k: K) => k.critical.occupants.get() <= 1,
    },
    endless: true,
    expect: holds({ states, transitions, depth }),
  });
}

export default [
  peterson(2, "quick", 43, 80, 10),
  peterson(3, "quick", 894, 2_196, 22),
  peterson(4, "quick", 18_165, 54_064, 37),
  peterson(5, "quick", 409_308, 1_431_660, 55),
];
