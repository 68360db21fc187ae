/** Page frames, in the order of memory, a row for each block that can be a huge page; and what maps them. */
import type { Drawing, Figure } from "thpcheck";
import type { Kernel } from "../impl/mm-types.ts";
import { figure, part, upTo } from "./figure.ts";
import { mappingsOf, type Mapping } from "./mappings.ts";
import type { KernelScene } from "./scene.ts";

/** With more frames, those in free blocks that the step did not touch are left out. */
const FRAMES_MAX = 32;

/** Fields of struct page that are true or false, and their names in the kernel. */
const FLAGS = [
  ["anon", "anon"], ["swapbacked", "swapbacked"], ["lru", "lru"], ["active", "active"], ["referenced", "referenced"], ["dirty", "dirty"],
  ["uptodate", "uptodate"], ["anonExclusive", "anon_exclusive"], ["partiallyMapped", "partially_mapped"], ["deferred", "on split queue"],
] as const;

/** Counters of the head of a folio, their names in the kernel, and what they are where nobody counts. */
const COUNTERS = [
  ["entireMapcount", "_entire_mapcount", "-1"], ["largeMapcount", "_large_mapcount", "-1"], ["nrPagesMapped", "_nr_pages_mapped", "0"],
  ["pincount", "_pincount", "0"],
] as const;

export function frames(scene: KernelScene): Drawing {
  const { k } = scene;
  const blocks = Map.groupBy(upTo(k.page.count), (pfn) => Math.floor(pfn / k.param.hpagePmdNr.get()));
  const mappings = Map.groupBy(mappingsOf(k), (m) => m.pfn);
  const rows = [...blocks.values()].map((pfns) => pfns.filter((pfn) => k.page.count <= FRAMES_MAX || !isQuiet(scene, pfn)));
  return part("Page frames", rows.filter((pfns) => pfns.length > 0)
    .map((pfns) => figure("div", { class: "block" }, pfns.map((pfn) => frame(scene, pfn, mappings.get(pfn) ?? [])))));
}

const isQuiet = (scene: KernelScene, pfn: number): boolean =>
  headOf(scene.k, pfn).free && headOf(scene.before, pfn).free && !scene.isChanged("page.refcount", pfn);

/**
 * Where the block or folio begins that the frame lies in, by the orders of the frames that could head it; `compound_head()` of a
 * new folio's tails is set one after the other.
 */
export function headOf(k: Kernel, pfn: number): { readonly pfn: number; readonly free: boolean } {
  for (let order = k.param.hpagePmdOrder.get(); order > 0; order--) {
    const head = pfn & ~((1 << order) - 1);
    if (head !== pfn && k.page.order.get(head) >= order) return { pfn: head, free: k.page.buddy.get(head) };
  }
  return { pfn, free: k.page.buddy.get(pfn) };
}

function frame(scene: KernelScene, pfn: number, mappings: readonly Mapping[]): Figure {
  const head = headOf(scene.k, pfn);
  const kind = head.free ? "free" : head.pfn === pfn ? "head" : "tail";
  const value = (name: string, field: string): Drawing => figure("div", {}, `${name} `, scene.value(field, pfn));
  const isTail = head.pfn !== pfn;
  return figure("div", { class: `frame-card ${kind}`, of: `page ${pfn}` },
    figure("h4", {}, `page ${pfn}`, isTail ? ` in ${head.pfn}` : ""),
    isTail ? null : value(head.free ? "free, order" : "order", "page.order"),
    value("refcount", "page.refcount"), value("mapcount", "page.mapcount"),
    COUNTERS.filter(([field, , none]) => scene.text(`page.${field}`, pfn) !== none || scene.isChanged(`page.${field}`, pfn))
      .map(([field, name]) => value(name, `page.${field}`)),
    value("content", "page.content"),
    scene.text("page.lock", pfn) === "free" && !scene.isChanged("page.lock", pfn) ? null : value("PG_locked", "page.lock"),
    waiters(scene, pfn),
    figure("div", { class: "flags" }, flags(scene, pfn)),
    mappings.map((m) => figure("div", { class: "mapping" }, `${kindOf(m)}: ${m.by}`)));
}

const kindOf = ({ migration, huge }: Mapping): string => (migration ? "migration entry" : huge ? "mapped by a PMD" : "mapped by a PTE");

function flags(scene: KernelScene, pfn: number): Drawing {
  return FLAGS.filter(([field]) => scene.k.page[field].get(pfn) || scene.isChanged(`page.${field}`, pfn))
    .map(([field, word]) => [scene.flag(`page.${field}`, word, pfn), " "]);
}

function waiters(scene: KernelScene, pfn: number): Drawing {
  const names = scene.waiters("page.lock", pfn);
  return names.length === 0 ? null : figure("div", { class: "alarm" }, `${names.join(", ")} cannot lock it`);
}
