/**
 * Fields that are made of fields, in a model of a worker that crosses a ring of rooms: a bounded queue, a record, an array of arrays,
 * values with names, and a large set. The queue is too short by one, where both send before anything is taken.
 */
import {
  array, at, bitset, choose, int, names, oneOf, queue, scenario, struct, violated, type Int, type Routine, type World,
} from "thpcheck";

const PHASE = names("idle", "busy", "done");
const structs = {
  post: struct({ letters: queue(1, int(0, 99, "who wrote it")) }),
  worker: struct({
    phase: oneOf(PHASE, "what the worker does"),
    at: { row: int(0, 1, "row"), column: int(0, 2, "column") },
    visits: array(2, array(3, int(0, 2, "how often a letter led there"))),
    seen: bitset(100, "letters by their writers"),
  }),
};
type K = World<typeof structs>;

function* writes(k: K): Routine {
  yield at("write");
  k.post.letters.push(choose(k, "who", ["first", "last"]) * 99);
}

function* works(k: K): Routine {
  for (let n: Int<0, 2> = 0; n < 2; n++) {
    yield at("read", () => k.post.letters.size() > 0);
    const from = k.post.letters.shift();
    k.worker.phase.set(PHASE.busy);
    k.worker.seen.insert(from);
    k.worker.at.row.set(from % 2);
    k.worker.at.column.set(n);
    k.worker.visits.add(k.worker.at.row.get(), k.worker.at.column.get(), 1);
  }
  k.worker.phase.set(PHASE.done);
}

export default scenario({
  name: "example-queue", why: "a queue of one letter does for two writers only where the worker is quick", structs,
  threads: [{ name: "alice", run: writes }, { name: "bob", run: writes }, { name: "worker", run: works }],
  sometimes: { "both letters are read": (k) => k.worker.phase.get() === PHASE.done && k.worker.seen.size() === 2 },
  always: { "no letter is read twice": (k) => k.worker.visits.get(1, 0) < 2 },
  expect: violated("range"),
});
