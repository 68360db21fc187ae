/** Threads that touch the record of what loads may return, each call in a step of its own. */
import { at, type Routine } from "thpcheck";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Mm, Vpn } from "../../impl/structs/types.ts";
import {
  userMemoryForkAbort, userMemoryForkBegin, userMemoryForkEnd, userMemoryLoaded,
  userMemoryMoveBegin, userMemoryMoveEnd, userMemoryReset, userMemoryStored,
} from "../../impl/user-memory.ts";
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
