/** Machines that are too small for what init puts into them. */
import { NONE, at, type Routine } from "thpcheck";
import { boot, bootProcess, bootVma } from "../../../impl/entry/boot.ts";
import type { Kernel } from "../../../impl/mm-types.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";

/** One process more than there are address spaces. */
export function bootsTooManyProcesses(k: Kernel): void {
  boot(k, 1);
  for (let n = 0; n < k.mm.count; n++) bootProcess(k, 0, 1);
}

/** One area more than there are objects for. */
export function bootsTooManyAreas(k: Kernel): void {
  boot(k, 1);
  for (let n = 0; n <= k.vma.count; n++) bootVma(k, 0, 0, 1, VM_READ);
}

export function* idles(k: Kernel): Routine {
  yield at("idle", () => k.cpu.mm.get(0) === NONE);
}
