/** mremap() has five arguments besides the kernel, and is given four. */
import { holds, type Routine } from "thpcheck";
import { passGate } from "../../../impl/entry/boot.ts";
import { sysMremap } from "../../../impl/entry/syscalls.ts";
import { prepare } from "../../../kernel/actors.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import type { K } from "../../../kernel/world.ts";

function* first(k: K): Routine { yield* prepare(k, 0, 1); }
function* second(k: K): Routine {
  yield* passGate(k);
  // @ts-expect-error newAddr is missing
  yield* sysMremap(k, 0, 2, 2, 2);
}

export default thpScenario({
  name: "mremap-five-arguments", why: "a call that leaves an argument out", tier: "quick",
  threads: { first, second }, expect: holds(),
});
