/** struct anon_vma and struct anon_vma_chain: include/linux/rmap.h. Guards: see `mm-types.ts`. */
import { bool, int, ref, rwsem, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";

export function anonVma(b: Bounds) {
  return table(b.anonVmas, {
    refcount: int(0, Math.max(7, b.anonVmas + b.cpus), "0: the object is free", { guard: "atomic" }),
    lock: rwsem("rwsem; the one of the root is used"),
    root: ref("anonVma", "root; NONE: the object is free", { guard: "lifetime" }),
    parent: ref("anonVma", "parent", { guard: "lifetime" }),
    numChildren: int(0, Math.max(7, b.anonVmas), "num_children", { guard: "root->lock" }),
    numActiveVmas: int(0, Math.max(7, b.vmas), "num_active_vmas", { guard: "root->lock" }),
    tree: ref("avc", "rb_root, in order: first avc", { guard: "root->lock" }),
  });
}

/** anon_vma_chain: an edge between a VMA and an anon_vma. Each is in two lists. */
export function avc(b: Bounds) {
  return table(b.anonVmaChains, {
    allocated: bool("the object is in use", { guard: "model" }),
    // anon_vma_chain_link() sets these three; they stay until the edge is freed.
    vma: ref("vma", "vma", { guard: "lifetime" }),
    anonVma: ref("anonVma", "the anon_vma in whose tree it is", { guard: "lifetime" }),
    root: ref("anonVma", "root of that anon_vma, whose lock guards the tree", { guard: "lifetime" }),
    nextInTree: ref("avc", "rb: next in the tree's order", { guard: "root->lock" }),
    /** Protected as vma.anonVmaChain is. */
    nextOfVma: ref("avc", "same_vma: next avc of the VMA", { guard: "lifetime" }),
  });
}
