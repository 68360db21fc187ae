/** A daemon that rests: a thread that may wait for work for ever. The same wait of another thread would be a deadlock. */
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";

const structs = { queue: struct({ waiting: int(0, 2, "requests"), done: int(0, 2, "requests answered") }) };
type K = World<typeof structs>;

function* client(k: K): Routine {
  yield at("ask");
  k.queue.waiting.add(1);
}
function* server(k: K): Routine {
  while (true) {
    yield at("serve", () => k.queue.waiting.get() > 0);
    k.queue.waiting.add(-1);
    k.queue.done.add(1);
  }
}

export default scenario({
  name: "example-daemon", why: "every request is answered, and then the server rests", tier: "quick", structs,
  threads: [{ name: "a", run: client }, { name: "b", run: client }, { name: "server", run: server, daemon: true }],
  finally: { "all are answered": (k) => k.queue.done.get() === 2 },
  expect: holds(),
});
