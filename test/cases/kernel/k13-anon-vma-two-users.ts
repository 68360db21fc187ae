/** Generations of forks whose elders exit: an anon_vma that has lost its area may be taken up again, but by one process only. */
import { NONE, holds, type Routine } from "thpcheck";
import { store, sysExit, sysFork } from "../../../impl/entry/syscalls.ts";
import { openGate, scheduleIn } from "../../../impl/entry/boot.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import type { K } from "../../../kernel/world.ts";

function* p0(k: K): Routine { yield* store(k, 0, 1); yield* sysFork(k, 1); yield* openGate(k); }
function* p1(k: K): Routine { yield* scheduleIn(k); yield* sysFork(k, 2); yield* sysExit(k); }
function* p2(k: K): Routine { yield* scheduleIn(k); yield* sysFork(k, 3); yield* sysExit(k); }
function* p3(k: K): Routine { yield* scheduleIn(k); yield* sysFork(k, 4); yield* sysFork(k, 5); }
function* p4(k: K): Routine { yield* scheduleIn(k); }
function* p5(k: K): Routine { yield* scheduleIn(k); }
function oneUser(k: K): boolean {
  for (let a = 0; a < k.vma.count; a++) for (let b = 0; b < a; b++)
    if (k.vma.anonVma.get(a) !== NONE && k.vma.anonVma.get(a) === k.vma.anonVma.get(b) && k.vma.mm.get(a) !== NONE && k.vma.mm.get(b) !== NONE && k.vma.mm.get(a) !== k.vma.mm.get(b)) return false;
  return true;
}
export default thpScenario({
  name: "k13-anon-vma-two-users", why: "areas with one anon_vma must have the same chain, since they may merge", tier: "quick",
  options: { mms: 6, vmas: 6, anonVmas: 7, anonVmaChains: 30, pagesPerHugePage: 2, frames: 8, pageTables: 14, enabled: 0, refcountMax: 31, lruBatch: 2 },
  threads: { p0 }, others: { p1, p2, p3, p4, p5 },
  always: { "an anon_vma is one process's": oneUser }, expect: holds(),
});
