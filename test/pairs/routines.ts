/** Which functions carry out each call and each actor, by file and name, so that they are found under a patch as well. */
import type { FunctionName } from "../../checker/compile/access-sets.ts";
import type { CallName } from "../../impl/entry/calls.ts";
import type { ActorName } from "./operations.ts";

const SYSCALLS = "impl/entry/syscalls.ts";

/** A call that is not here counts as accessing everything. */
export const CALL_ROUTINES: Partial<Record<CallName, readonly FunctionName[]>> = {
  mmap: [`${SYSCALLS}:sysMmap`], munmap: [`${SYSCALLS}:sysMunmap`], mprotect: [`${SYSCALLS}:sysMprotect`],
  mremap: [`${SYSCALLS}:sysMremap`], madvise: [`${SYSCALLS}:sysMadvise`], processMadvise: [`${SYSCALLS}:sysProcessMadvise`],
  fork: [`${SYSCALLS}:sysFork`], exit: [`${SYSCALLS}:sysExit`], thpDisable: [`${SYSCALLS}:sysSetThpDisable`],
  getThpDisable: [`${SYSCALLS}:sysGetThpDisable`], load: [`${SYSCALLS}:load`], store: [`${SYSCALLS}:store`],
  touch: [`${SYSCALLS}:store`], sysfs: ["impl/sysfs.ts:sysfsStore"], khugepaged: ["impl/khugepaged.ts:khugepagedDoScan"],
  lruAddDrainAll: ["impl/swap.ts:lruAddDrainAll"], splitHugePages: [`${SYSCALLS}:sysSplitHugePages`],
  getUserPage: ["impl/entry/carry-out.ts:getUserPage", "test/pairs/sides.ts:useAndPut"],
};

const ACTORS = "test/pairs/actors.ts";
export const ACTOR_ROUTINES: Readonly<Record<ActorName, readonly FunctionName[]>> = {
  "reclaim-lazyfree": [`${ACTORS}:reclaims`], "shrink-split-queue": [`${ACTORS}:shrinksSplitQueue`],
  "shrink-huge-zero": [`${ACTORS}:shrinksHugeZero`], "shrink-reservations": [`${ACTORS}:shrinksReservations`],
  "split-folio": [`${ACTORS}:splits`], "scan-frame": [`${ACTORS}:scansFrame`], "dump-page-tables": [`${ACTORS}:dumps`],
  "cached-loads": [`${ACTORS}:loadsTwice`], "cached-stores": [`${ACTORS}:storesTwice`], "reference": [`${ACTORS}:refersFor`],
};
