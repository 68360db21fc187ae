/** Threads that call the routines of huge-memory/change.ts as no system call does: what a race makes possible, and exec. */
import { holds, type ProgramScenario, type Routine } from "thpcheck";
import { changeHugePmd, moveHugePmd, vmaAdjustTransHuge } from "../../impl/huge-memory/change.ts";
import { boot, bootVma } from "../../impl/entry/boot.ts";
import { kernelStructs, type Kernel, type KernelStructs } from "../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { kernelConfig } from "../../impl/config/options.ts";
import { store } from "../../impl/entry/syscalls.ts";

const config = kernelConfig({ pagesPerHugePage: 4, hugeRanges: 3, frames: 16, mms: 1, cpus: 5, vmas: 2, anonVmas: 2 });

function init(k: Kernel): void {
  boot(k, 5);
  bootVma(k, 0, 0, 12, VM_READ | VM_WRITE);
}
function* fault0(k: Kernel): Routine {
  yield* store(k, 0, 1);
}
function* fault8(k: Kernel): Routine {
  yield* store(k, 8, 1);
}
function* change4(k: Kernel): Routine<boolean> {
  return yield* changeHugePmd(k, 0, 4);
}
function* move(k: Kernel): Routine<boolean> {
  return yield* moveHugePmd(k, 0, 0, 8);
}
/** vma_shrink() of exec's move of the stack gives up the lower end of an area. */
function* shrinkFromBelow(k: Kernel): Routine {
  yield* vmaAdjustTransHuge(k, 0, 2, 12, -1);
}

const program: ProgramScenario<KernelStructs> = {
  name: "change", why: "huge PMDs under changes of their area", tier: "quick", config, structs: kernelStructs(config), init,
  threads: [{ name: "fault0", run: fault0 }, { name: "fault8", run: fault8 }, { name: "change4", run: change4 }, { name: "move", run: move }, { name: "shrink", run: shrinkFromBelow }],
  expect: holds(),
};
/** Threads by number: fault page 0, fault page 8, change the PMD of page 4, move that of page 0 to 8, shrink the area to 2..11. */
export const CHANGE = program as unknown as ProgramScenario;
