/**
 * Address spaces, each as a table with a column for each page: its areas, PMD entries, the PTEs of the tables that these
 * point to, and what the TLBs of its CPUs hold for the same pages.
 */
import type { Drawing, Figure } from "thpcheck";
import { entryTarget, pmdTable } from "../impl/pgtable.ts";
import { cell, figure, part, row, table, upTo } from "./figure.ts";
import type { KernelScene } from "./scene.ts";

/** More pages than that are no table that a person reads. */
const COLUMNS_MAX = 64;

export function addressSpaces(scene: KernelScene): Drawing {
  const { k } = scene;
  const used = upTo(k.mm.count).filter((mm) => k.mm.allocated.get(mm) || scene.isChanged("mm.allocated", mm));
  return part("Address spaces", used.map((mm) => figure("section", { class: "mm" }, head(scene, mm), pages(scene, mm))));
}

function head(scene: KernelScene, mm: number): Figure {
  const value = (name: string, field: string): Drawing => [` ${name} `, scene.value(field, mm)];
  return figure("h4", {}, `mm ${mm}`, value("mm_users", "mm.users"), value("mm_count", "mm.mmCount"), value("mmap_lock", "mm.mmapLock"),
    value("anon", "mm.anonPages"), value("nr_ptes", "mm.nrPtes"), value("flags", "mm.flags"));
}

function pages(scene: KernelScene, mm: number): Drawing {
  const { k } = scene;
  const count = k.param.vpnMax.get();
  if (count > COLUMNS_MAX) return figure("p", {}, `${count} pages are too many for a table; the structs below have every entry.`);
  return table("space", [
    row("page", upTo(count).map((vpn) => figure("th", {}, String(vpn)))),
    upTo(k.vma.count).filter((vma) => k.vma.mm.get(vma) === mm || scene.before.vma.mm.get(vma) === mm)
      .map((vma) => area(scene, vma, count)),
    row("PMD", upTo(k.param.hugeRanges.get()).map((range) => spanning(k.param.hpagePmdNr.get(), scene.value("mm.pmd", mm, range)))),
    row("PTE", upTo(k.param.hugeRanges.get()).map((range) => ptes(scene, mm, range))),
    upTo(k.cpu.count).filter((cpu) => k.cpu.mm.get(cpu) === mm).map((cpu) => tlb(scene, cpu)),
  ]);
}

const spanning = (columns: number, ...content: readonly Drawing[]): Figure => figure("td", { columns }, ...content);

/** An area above its pages. While it is made or taken apart its bounds may be any: then it spans them all. */
function area(scene: KernelScene, vma: number, count: number): Figure {
  const { k } = scene;
  const [start, end] = [k.vma.start.get(vma), k.vma.end.get(vma)];
  const value = (field: string): Drawing => scene.value(`vma.${field}`, vma);
  const content = [value("start"), "-", value("end"), " ", value("flags"), k.vma.detached.get(vma) ? " " : "",
    k.vma.detached.get(vma) || scene.isChanged("vma.detached", vma) ? scene.flag("vma.detached", "detached", vma) : "",
    " lock ", value("lock")];
  if (start >= end || k.vma.mm.get(vma) < 0) return row(`vma ${vma}`, figure("td", { columns: count, class: "gone" }, content));
  const gap = (columns: number): Drawing => (columns === 0 ? null : figure("td", { columns, class: "gap" }));
  return row(`vma ${vma}`, gap(start), figure("td", { columns: end - start, class: "area" }, content), gap(count - end));
}

/** The entries of the table that the PMD points to. */
function ptes(scene: KernelScene, mm: number, range: number): Drawing {
  const { k } = scene;
  const pmd = k.mm.pmd.get(mm, range);
  const pages = k.param.hpagePmdNr.get();
  if (!pmdTable(pmd)) return spanning(pages, "");
  const pt = entryTarget(pmd);
  const entry = (n: number): Figure =>
    figure("td", { of: pageOf(k.ptTable.pte.get(pt, n)), title: `table ${pt}, entry ${n}` }, scene.value("ptTable.pte", pt, n));
  return upTo(pages).map(entry);
}

const pageOf = (entry: number): string => `page ${entryTarget(entry)}`;

/** What the CPU would use without asking a page table; a line for each size of which it has any. */
function tlb(scene: KernelScene, cpu: number): Drawing {
  const { k } = scene;
  const name = `TLB of ${scene.actors[cpu] ?? `CPU ${cpu}`}`;
  const small = upTo(k.param.vpnMax.get());
  const huge = upTo(k.param.hugeRanges.get());
  const has = (field: "tlb" | "tlbHuge", n: number): boolean => k.cpu[field].get(cpu, n) !== 0 || scene.isChanged(`cpu.${field}`, cpu, n);
  const shown = (field: "tlb" | "tlbHuge", n: number): Drawing => (has(field, n) ? scene.value(`cpu.${field}`, cpu, n) : "");
  const ofHuge = huge.map((n) => spanning(k.param.hpagePmdNr.get(), shown("tlbHuge", n)));
  const ofSmall = small.map((n) => cell(shown("tlb", n)));
  return [
    huge.some((n) => has("tlbHuge", n)) ? row(`${name}, 2M`, ofHuge) : null,
    small.some((n) => has("tlb", n)) ? row(`${name}, 4K`, ofSmall) : null,
  ];
}
