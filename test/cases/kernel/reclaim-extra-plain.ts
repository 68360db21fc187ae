import { holds, type Int, type Routine } from "thpcheck";
import { pfnScanner } from "../../../impl/gup.ts";
import { MADV_DONTNEED } from "../../../impl/madvise.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { load, sysMadvise, sysMprotect } from "../../../impl/entry/syscalls.ts";
import { shrinkLazyfreeFolio } from "../../../impl/vmscan.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { note, type K, type Met } from "../../../kernel/world.ts";
import { bootAnonVma, bootHugePage, bootLazyfree } from "../../../test/bugs/scenarios/setup/memory.ts";
const OLD: Met = 3;
function* discards(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  const got: Int<0, 31> = yield* load(k, 0);
  if (got !== 0) note(k, OLD);
}
function* protects(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
}
function* reclaims(k: K): Routine {
  yield* shrinkLazyfreeFolio(k, 0);
}
function* scanner(k: K): Routine {
  yield* pfnScanner(k, 0);
}
const memory = (k: K): void => { bootAnonVma(k, 0); bootHugePage(k, 0, 0, 1); bootLazyfree(k, 0, 0); };
export default [
  thpScenario({ name: "extra-plain-reclaim-dontneed", why: "reclaim puts the PMD back that MADV_DONTNEED has found empty", tier: "quick", memory, threads: { discards }, others: { reclaims, scanner },
    expect: holds() }),
  thpScenario({ name: "extra-plain-reclaim-mprotect", why: "reclaim puts the writable PMD back that mprotect has found empty", tier: "quick", memory, threads: { protects }, others: { reclaims, scanner },
    expect: holds() }),
];
