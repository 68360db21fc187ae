/**
 * The words of a process's page tables, by their addresses in the kernel's direct map of memory: there a write can be watched,
 * whichever function makes it and wherever the compiler has put that.
 * @kernel arch/x86/include/asm/pgtable_types.h PTE_PFN_MASK
 */

/** Reads eight bytes of the kernel's memory. */
export type ReadWord = (address: bigint) => Promise<bigint>;

const FRAME = 0x000f_ffff_ffff_f000n;
const PRESENT = 1n;
const LEAF = 0x80n;
/** Of CR4: page tables have five levels. */
const LA57 = 1n << 12n;

/** Which entry: that of the level that maps 2 MiB, or that which maps 4 KiB. */
export type Level = "pmd" | "pte";
const LAST = { pmd: 21n, pte: 12n } as const;

export interface Tables {
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** Where the direct map begins: page_offset_base. */
  readonly direct: bigint;
}

/** The address of the entry that stands for `address`; null: there is no table on the way to it, or a huge page. */
export async function entryAddress({ cr3, cr4, direct }: Tables, address: bigint, level: Level, read: ReadWord): Promise<bigint | null> {
  let table = cr3 & FRAME;
  const shifts = [...((cr4 & LA57) === 0n ? [] : [48n]), 39n, 30n, 21n, 12n];
  for (const shift of shifts) {
    const at = direct + table + 8n * ((address >> shift) & 511n);
    if (shift === LAST[level]) return at;
    const entry = await read(at);
    if ((entry & PRESENT) === 0n || (entry & LEAF) !== 0n) return null;
    table = entry & FRAME;
  }
  return null;
}

/** The address, in the direct map, of the byte at `address`; null: nothing is mapped there. */
export async function directAddress(tables: Tables, address: bigint, read: ReadWord): Promise<bigint | null> {
  const at = await entryAddress(tables, address, "pte", read);
  const entry = at === null ? 0n : await read(at);
  return (entry & PRESENT) === 0n ? null : tables.direct + (entry & FRAME) + (address & 0xfffn);
}

/** An entry without what changes from run to run: which frame it names, and the accessed and dirty bits of the hardware. */
export function entryWords(entry: bigint): string {
  if (entry === 0n) return "none";
  if ((entry & PRESENT) === 0n) return "not present";
  return [(entry & LEAF) === 0n ? "present" : "huge", (entry & 2n) === 0n ? "read-only" : "writable"].join(" ");
}
