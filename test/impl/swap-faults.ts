/** Faults in what goes to swap and comes back, each of one place, and the promise that names it. */
import type { MthpFault } from "./mthp-faults.ts";

const UNMAP = "impl/vmscan/unmap-anon.ts";
const PAGEOUT = "impl/vmscan/pageout.ts";
const FAULT = "impl/memory/swap-fault.ts";
const STATE = "impl/swap/swap-state.ts";
const SLOTS = "impl/swap/swapfile.ts";
const IO = "impl/swap/page-io.ts";
const STORED = /^C8 what is swapped out is what was stored/;
const LEADS = /^SW1 a slot leads to the folio that has it/;
/** A page is taken for exclusive, and another entry names its slot. */
const ONLY = /^assertion: .*memory: an exclusive swap entry is not the only one/;

/** Their scenarios are those of test/scenarios/swap.ts. */
export const SWAP_FAULTS: readonly MthpFault[] = [
  {
    name: "a page is written before the flush", file: "impl/vmscan.ts", scenario: "swap-out-flush-late-store", found: STORED,
    text: "      yield* tryToUnmapFlushDirty(k);\n", replacement: "",
  },
  {
    name: "a swap entry is written and not counted", file: UNMAP,
    scenario: "swap-in-dontneed", found: /^SW3 the count of a slot is the number of swap entries/,
    text: "  yield* folioDupSwap(k, pvmw.folio, page);\n", replacement: "",
  },
  {
    name: "a page stays exclusive beside its swap entry", file: UNMAP,
    scenario: "swap-device-fault", found: /^assertion: .*memory: a swap entry names a page that is exclusive/,
    text: "  if (exclusive) {\n    const shared", replacement: "  if (exclusive && page < 0) {\n    const shared",
  },
  {
    name: "the marker of an exclusive page is kept over fork", file: "impl/memory/copy.ts", scenario: "swap-in-fork", found: ONLY,
    text: "setPteAt(k, src, pteIndex(k, vpn), entry & ~EXCLUSIVE);", replacement: "setPteAt(k, src, pteIndex(k, vpn), entry);",
  },
  {
    name: "a folio is dropped with whatever references it has", file: PAGEOUT,
    scenario: "swap-out-fault", found: /^assertion: .*more references are dropped than there are/,
    text: "  const refs = 1 + folioNrPages(k, folio);\n", replacement: "  const refs = k.page.refcount.get(folio);\n",
  },
  {
    name: "the slot of the last part still leads to the folio that was split", file: "impl/huge-memory/split-folio.ts",
    scenario: "swap-split-cached", found: LEADS,
    text: "if (cached) yield* swapCacheReplaceFolio", replacement: "if (cached && i + 1 < nr) yield* swapCacheReplaceFolio",
  },
  {
    name: "the entry is not looked at again under the lock", file: FAULT, scenario: "swap-in-dontneed", found: ONLY,
    text: "same = vmf.pte !== NONE && k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)) === vmf.origPte;",
    replacement: "same = vmf.pte !== NONE;",
  },
  {
    name: "the slot is not looked at again when there is a folio for it", file: STATE,
    scenario: "swap-in-twice", found: /^assertion: .*swap-state: two folios cache one slot/,
    text: "  alloc.error = swapCacheAddCheck(k, entry);\n  if (alloc.error !== 0) {\n    spinUnlock",
    replacement: "  if (alloc.error !== 0) {\n    spinUnlock",
  },
  {
    name: "a folio is mapped before it is read", file: FAULT,
    scenario: "swap-in-twice", found: /^assertion: .*memory: a folio is mapped that has not been read/,
    text: "    yield* swapReadFolio(k, folio);\n    yield at(\"folio_unlock\");\n    folioUnlock(k, folio);\n",
    replacement: "    yield at(\"folio_unlock\");\n    folioUnlock(k, folio);\n    yield* swapReadFolio(k, folio);\n",
  },
  {
    name: "whatever comes back is exclusive", file: FAULT, scenario: "swap-in-fork", found: ONLY,
    text: "let exclusive: boolean = entryHas(vmf.origPte, EXCLUSIVE);", replacement: "let exclusive: boolean = true;",
  },
  {
    name: "slots are given up that others name", file: SLOTS, scenario: "swap-in-fork", found: STORED,
    text: "if (k.swapDevice.counts.once(0, k.page.swap.get(folio) + i) !== 0) return false;",
    replacement: "if (k.swapDevice.counts.once(0, k.page.swap.get(folio) + i) < 0) return false;",
  },
  {
    name: "a slot is kept when its last entry is discarded", file: SLOTS,
    scenario: "swap-in-dontneed", found: /^SW2 a slot is in use exactly if/,
    text: "if (unnamed && !cached) {", replacement: "if (unnamed && cached) {",
  },
  {
    name: "what comes back is counted as out", file: FAULT, scenario: "swap-in-dontneed", found: /^SW5 MM_SWAPENTS equals the swap entries/,
    text: "  k.mm.swapEntries.add(k.vma.mm.get(vma), -nr);\n", replacement: "",
  },
  {
    name: "the swap cache has a reference less than pages", file: STATE, scenario: "swap-in-dontneed", found: LEADS,
    text: "folioRefAdd(k, folio, folioNrPages(k, folio));", replacement: "folioRefAdd(k, folio, folioNrPages(k, folio) - 1);",
  },
  {
    name: "a page is given slots and not written", file: IO, scenario: "swap-in-dontneed", found: STORED,
    text: "k.swapSlot.content.set(entry + i, k.page.content.get(folio + i));",
    replacement: "if (i > 0) k.swapSlot.content.set(entry + i, k.page.content.get(folio + i));",
  },
  {
    name: "a slot is taken for zeroes that are no longer there", file: IO, scenario: "swap-in-dontneed", found: STORED,
    text: "k.swapDevice.zero.set(0, k.page.swap.get(folio) + i, zeroes);",
    replacement: "k.swapDevice.zero.set(0, k.page.swap.get(folio) + i, true);",
  },
];
