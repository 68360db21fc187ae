/** The cells: two operations, or an operation and an actor, on one kind of memory, and perhaps a third that drops a reference. */
import { FIRST_ACTOR, OPERATIONS } from "./operations.ts";
import { MEMORY, programName, WORLDS, type MemoryName, type WorldOf } from "./memory.ts";
import { THIRDS, type Third } from "./thirds.ts";

export interface Cell {
  readonly memory: MemoryName;
  readonly third: Third;
  /** Numbers of operations. */
  readonly first: number;
  readonly second: number;
}

/** The name by which a person asks for a cell: `munmap-whole+fork@huge`, `munmap-whole+fork+pin@huge`. */
export function nameOf({ memory, third, first, second }: Cell): string {
  return `${OPERATIONS[first]!.name}+${OPERATIONS[second]!.name}${third === "none" ? "" : `+${third}`}@${memory}`;
}

export const worldOf = (memory: MemoryName): WorldOf => WORLDS.find((w) => w.memories.includes(memory))!;

/** The name of the program that has the cell. */
export const programOf = ({ memory, third }: Cell): string => programName(worldOf(memory), third !== "none");

/** The choices of `init` that make the cell: see program.ts. */
export function choicesOf({ memory, third, first, second }: Cell): readonly number[] {
  return [worldOf(memory).memories.indexOf(memory), first, second, Math.max(0, THIRDS.indexOf(third) - 1)];
}

const ALL: readonly Third[] = ["reference", "pin", "translation"];

/** Kinds of memory on which there is something to hold before the sides begin, and what. */
const HELD: Readonly<Partial<Record<MemoryName, readonly Third[]>>> = {
  small: ALL, huge: ALL, partly: ALL, lazyfree: ALL, moved: ALL, reserved: ALL,
  // A pin would end the sharing.
  shared: ["reference", "translation"], child: ["reference", "translation"],
  // There is no frame that is theirs.
  "zero": ["translation"], "huge-zero": ["translation"],
};

/** There is one thread khugepaged. */
const ONLY_ONE = new Set(["khugepaged"]);

/**
 * Every pair. Where both sides belong to one process each pair comes once, the first operation of the list first; where the
 * second side is the child, in both orders, and without what is no part of a process.
 */
function pairsOn(memory: MemoryName): readonly (readonly [number, number])[] {
  const pairs: [number, number][] = [];
  const bothOrders = memory === "child";
  for (let first = 0; first < OPERATIONS.length; first++) {
    for (let second = bothOrders ? 0 : first; second < OPERATIONS.length; second++) {
      if (first === second && ONLY_ONE.has(OPERATIONS[first]!.name)) continue;
      if (bothOrders && !(inProcess(first) && inProcess(second))) continue;
      if (memory !== "reserved" && (needsReservations(first) || needsReservations(second))) continue;
      pairs.push([first, second]);
    }
  }
  return pairs;
}
function inProcess(n: number): boolean {
  const { name, call } = OPERATIONS[n]!;
  return n >= FIRST_ACTOR ? name.startsWith("cached-") : !NO_PROCESS.has(call!);
}
const needsReservations = (n: number): boolean => OPERATIONS[n]!.name === "shrink-reservations";
const NO_PROCESS = new Set(["khugepaged", "lruAddDrainAll", "sysfs"]);

/** In the order of the table: by memory, without a third first. */
export function allCells(): readonly Cell[] {
  return (Object.keys(MEMORY) as MemoryName[]).flatMap((memory) => (["none", ...(HELD[memory] ?? [])] as const)
    .flatMap((third) => pairsOn(memory).map(([first, second]): Cell => ({ memory, third, first, second }))));
}
