/** Threads that touch the record of what loads may return, each call in a step of its own. */
import { at, holds, type Routine } from "thpcheck";
import type { ProgramScenario } from "../../checker/scenario.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Mm, Vpn } from "../../impl/structs/types.ts";
import {
  userMemoryForkAbort, userMemoryForkBegin, userMemoryForkEnd, userMemoryLoaded,
  userMemoryMoveBegin, userMemoryMoveEnd, userMemoryReset, userMemoryStored,
} from "../../impl/user-memory.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { K } from "../../kernel/world.ts";
import type { KernelThread } from "./straight-kernel.ts";

export function loaded(mm: Mm, vpn: Vpn, content: Content): KernelThread {
  return function* loads(k: Kernel): Routine {
    yield at("load");
    userMemoryLoaded(k, mm, vpn, content);
  };
}
export function stored(mm: Mm, vpn: Vpn, content: Content): KernelThread {
  return function* stores(k: Kernel): Routine {
    yield at("store");
    userMemoryStored(k, mm, vpn, content);
  };
}
export function* forkBegins(k: Kernel): Routine {
  yield at("begin");
  userMemoryForkBegin(k, 0, 1, 0, 2);
}
export function* forkEnds(k: Kernel): Routine {
  yield at("end");
  userMemoryForkEnd(k, 0, 1, 0, 2);
}
export function* forkAborts(k: Kernel): Routine {
  yield at("abort");
  userMemoryForkAbort(k, 0, 1, 0, 2);
}
export function* moveBegins(k: Kernel): Routine {
  yield at("begin");
  userMemoryMoveBegin(k, 0, 0, 2, 2);
}
export function* moveEnds(k: Kernel): Routine {
  yield at("end");
  userMemoryMoveEnd(k, 0, 0, 2, 2);
}
export function* processEnds(k: Kernel): Routine {
  yield at("reset");
  userMemoryReset(k, 0);
}

function* discards(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* load(k, 0);
}
function* storesAndDiscards(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
/** Calls of two CPUs discard a page to which one of their threads stores. `contents`: how many the world has. */
export function discardedTwice(contents: number): ProgramScenario {
  return thpScenario({
    name: `discarded-twice-${contents}`, why: "two calls discard a page at once", tier: "quick", options: { contents },
    threads: { discards, storesAndDiscards },
    sometimes: { "both calls run": (k) => k.userCall.mm.get(0) === 0 && k.userCall.mm.get(1) === 0 }, expect: holds(),
  }) as unknown as ProgramScenario;
}
