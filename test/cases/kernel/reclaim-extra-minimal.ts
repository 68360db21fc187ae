import { holds, type Routine } from "thpcheck";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { sysMprotect } from "../../../impl/entry/syscalls.ts";
import { shrinkLazyfreeFolio } from "../../../impl/vmscan.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import type { K } from "../../../kernel/world.ts";
import { bootAnonVma, bootHugePage, bootLazyfree } from "../../../test/bugs/scenarios/setup/memory.ts";
function* protects(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
}
function* reclaims(k: K): Routine {
  yield* shrinkLazyfreeFolio(k, 0);
}
export default [thpScenario({
  name: "extra-mprotect-reclaim", why: "mprotect of a lazyfree huge page that reclaim takes", tier: "quick",
  memory: (k) => { bootAnonVma(k, 0); bootHugePage(k, 0, 0, 1); bootLazyfree(k, 0, 0); },
  threads: { protects }, others: { reclaims }, expect: holds(),
})];
