/** Addresses, frames and processes that the scenario's world is too small for. */
import { holds, type Routine } from "thpcheck";
import {
  load, store, sysFork, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysSplitHugePages,
} from "../../../impl/entry/syscalls.ts";
import { SINGLE_PAGES } from "../../../impl/huge-memory/split-parts.ts";
import { MADV_COLLAPSE, MADV_DONTNEED } from "../../../impl/madvise.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import type { K } from "../../../kernel/world.ts";

const one = (name: string, run: (k: K) => Routine) => thpScenario({
  name: `outside-${name}`, why: "the world is too small for a call", tier: "quick", threads: { a: run }, expect: holds(),
});
export default [
  one("store", function* (k: K): Routine { yield* store(k, 2, 1); }),
  one("load", function* (k: K): Routine { yield* load(k, 5); }),
  one("store-content", function* (k: K): Routine { yield* store(k, 1, 9); }),
  one("madvise", function* (k: K): Routine { yield* sysMadvise(k, 2, 2, MADV_DONTNEED); }),
  one("collapse", function* (k: K): Routine { yield* sysMadvise(k, 0, 4, MADV_COLLAPSE); }),
  one("munmap", function* (k: K): Routine { yield* sysMunmap(k, 0, 9); }),
  one("mprotect", function* (k: K): Routine { yield* sysMprotect(k, 7, 1, VM_READ); }),
  one("mmap", function* (k: K): Routine { yield* sysMmap(k, 2, 2, VM_READ | VM_WRITE, 1); }),
  one("mremap", function* (k: K): Routine { yield* store(k, 0, 1); yield* sysMremap(k, 0, 2, 2, 3, 2); }),
  one("fork", function* (k: K): Routine { yield* sysFork(k, 3); }),
  one("split", function* (k: K): Routine { yield* sysSplitHugePages(k, 2, 0, 2, SINGLE_PAGES); }),
];
