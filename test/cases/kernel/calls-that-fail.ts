/** Two system calls that both fail at once, and a thread that ends when its first call has failed: nothing happens, so all holds. */
import { holds, type Routine } from "thpcheck";
import { openGate, passGate } from "../../../impl/entry/boot.ts";
import { store, sysMmap, sysMunmap } from "../../../impl/entry/syscalls.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import type { K } from "../../../kernel/world.ts";

function* opens(k: K): Routine {
  yield* openGate(k);
  yield* sysMunmap(k, 1, 0);
}
function* unmapsNothing(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 0);
}
function* stores(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
}
function* mapsNothing(k: K): Routine {
  yield* passGate(k);
  const address = yield* sysMmap(k, 0, 0, VM_READ, 1);
  if (address < 0) return;
  yield* store(k, 0, 1);
}

const why = "what holds because nothing happens is said to";
export default [
  thpScenario({ name: "calls-that-fail", why, tier: "quick", threads: { opens, unmapsNothing }, expect: holds() }),
  thpScenario({ name: "first-call-fails", why, tier: "quick", threads: { stores, mapsNothing }, expect: holds() }),
];
