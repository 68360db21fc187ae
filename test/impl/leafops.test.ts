/** What a migration entry stands for is locked, or who meets the entry says so. */
import { expect, it } from "vitest";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { MIGRATION, entryTarget, mkEntry } from "../../impl/pgtable.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { SequentialKernel } from "./sequential-kernel.ts";

const RW = VM_READ | VM_WRITE;

it.each(["munmap", "mprotect", "fork"] as const)("%s of a migration entry whose folio is not locked is an assertion", (call) => {
  const s = new SequentialKernel({ pagesPerHugePage: 2, hugeRanges: 1, frames: 8, mms: 2, cpus: 2, enabled: ENABLED_NEVER });
  s.mmap(0, 0, 2, RW, MAP_FIXED);
  s.store(0, 0, 1);
  const table = entryTarget(s.k.mm.pmd.get(0, 0));
  s.k.ptTable.pte.set(table, 0, mkEntry(s.frame(0, 0), MIGRATION));
  const run = { munmap: () => s.munmap(0, 0, 2), mprotect: () => s.mprotect(0, 0, 2, VM_READ), fork: () => s.fork(0, 1) }[call];
  expect(run).toThrow("leafops: a migration entry stands for a folio that nobody has locked");
});
