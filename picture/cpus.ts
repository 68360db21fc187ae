/** What each CPU keeps for itself: the space that it runs in, its batches, and what it gathers for one flush. */
import type { Drawing } from "thpcheck";
import { cell, part, row, table, upTo } from "./figure.ts";
import type { KernelScene } from "./scene.ts";

const SWITCHES = [["irqsOff", "interrupts off"], ["rcu", "rcu_read_lock"], ["walking", "walks a page table"]] as const;
const LISTS = [
  ["lruBatch", "lru batch"], ["gatherPages", "gathered pages"], ["gatherTables", "gathered tables"], ["pinned", "pinned"],
] as const;
type List = (typeof LISTS)[number][0];

export function cpus(scene: KernelScene): Drawing {
  const { k } = scene;
  const rows = upTo(k.cpu.count).map((cpu) => row(scene.actors[cpu] ?? `CPU ${cpu}`, cell(scene.value("cpu.mm", cpu)),
    cell(SWITCHES.filter(([field]) => k.cpu[field].get(cpu) || scene.isChanged(`cpu.${field}`, cpu))
      .map(([field, word]) => [scene.flag(`cpu.${field}`, word, cpu), " "])),
    LISTS.map(([field]) => cell(items(scene, cpu, field)))));
  return part("CPUs", [table("cpus", [row("thread", cell("mm"), cell(""), LISTS.map(([, name]) => cell(name))), rows])]);
}

/** Places of the list that hold something. */
function items(scene: KernelScene, cpu: number, field: List): Drawing {
  const list = scene.k.cpu[field];
  return upTo(list.length).filter((n) => list.get(cpu, n) >= 0 || scene.isChanged(`cpu.${field}`, cpu, n))
    .map((n) => [scene.value(`cpu.${field}`, cpu, n), " "]);
}
