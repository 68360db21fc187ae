/**
 * Lines of `impl/` that no scenario of the quick tier and no functional test reaches, each with its reason. `npx thpcheck
 * coverage` holds the list to what is measured: a line that gets reached after all has to leave it.
 */
import type { Reason } from "./compare.ts";

const NATIVE = "runs once, as ordinary code, when a scenario or a test is set up: it is no part of the program whose blocks are counted";
const SHOWN = "a value in words, for traces: it runs as ordinary code where a trace is told (test/impl/words.test.ts)";
const NO_PMD_MIGRATION = "nobody makes a migration entry of a huge page: a split makes those of its pages, and migration proper is not modelled";
const FLUSH_WAITS = "kept as the kernel has it. The walker has interrupts off, and a page leaves its folio only after its entries were cleared and flushed, which waits for this CPU; only on machines that flush without interrupts, which are not modelled, can this happen";

const NO_CAUSE = "the answer of a judgement (F1) that there is no cause, which breaks the promise: reached only under the faults of "
  + "test/impl/lost-functions.ts, which are patches";

export const UNREACHED: readonly Reason[] = [
  // ---- set up natively
  { file: "impl/entry/boot.ts", function: "gateStructs", source: "export function gateStructs() {", why: NATIVE },
  { file: "impl/mm-types.ts", function: "kernelStructs", source: "export function kernelStructs(c: KernelConfig) {", why: NATIVE },
  { file: "impl/structs/anon-vma.ts", function: "anonVma", source: "export function anonVma(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/anon-vma.ts", function: "avc", source: "export function avc(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/counters.ts", function: "tracepoint", source: "export function tracepoint() {", why: NATIVE },
  { file: "impl/structs/counters.ts", function: "mthpStat", source: "export function mthpStat() {", why: NATIVE },
  {
    file: "impl/structs/counters.ts", function: "eventsByOrder",
    source: "function eventsByOrder<const N extends string>(...names: readonly N[]): EventsByOrder<N> {", why: NATIVE,
  },
  {
    file: "impl/structs/thp.ts", function: "middleOrders",
    source: "const middleOrders = (b: Bounds): number => b.hpagePmdOrder - b.minLargeOrder;", why: NATIVE,
  },
  {
    file: "impl/structs/thp.ts", function: "anonOrders",
    source: 'export function anonOrders(c: Bounds & Pick<AnonOrders, "anonAlways" | "anonMadvise" | "anonInherit">) {', why: NATIVE,
  },
  { file: "impl/structs/thp.ts", function: "thpSize", source: "export function thpSize(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/counters.ts", function: "vmstat", source: "export function vmstat() {", why: NATIVE },
  { file: "impl/structs/counters.ts", function: "events", source: "function events<const N extends string>(...names: readonly N[]): Events<N> {", why: NATIVE },
  { file: "impl/structs/cpu.ts", function: "cpu", source: "export function cpu(b: Bounds) {", why: NATIVE },
  {
    file: "impl/structs/ghosts.ts", function: "collapse",
    source: 'export function collapse(b: Bounds & Pick<SwitchValues, "khugepagedMthp">) {', why: NATIVE,
  },
  { file: "impl/structs/ghosts.ts", function: "user", source: "export function user(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/ghosts.ts", function: "userCall", source: "export function userCall(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/ghosts.ts", function: "userSince", source: "export function userSince(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/ghosts.ts", function: "sinceShared", source: "export function sinceShared(b: Bounds): boolean {", why: NATIVE },
  { file: "impl/structs/list.ts", function: "lruList", source: "export function lruList(c: Bounds & GrainFlags) {", why: NATIVE },
  { file: "impl/structs/list.ts", function: "lruSize", source: "export function lruSize(c: Bounds & GrainFlags) {", why: NATIVE },
  {
    file: "impl/user-memory.ts", function: "userMemoryLoaded",
    source: "if (k.param.userMemoryIsNotJudged.get() !== 0) return;",
    why: "a run whose broken promise is followed to its end (test/force/traced/run-program.ts): no scenario may ask for it",
  },
  {
    file: "impl/structs/list.ts", function: "splitList", source: "export function splitList(c: Bounds & GrainFlags) {", why: NATIVE,
  },
  {
    file: "impl/structs/list.ts", function: "splitBatch", source: "export function splitBatch(c: Bounds & GrainFlags & SwitchValues) {",
    why: NATIVE,
  },
  { file: "impl/structs/mm.ts", function: "mm", source: "export function mm(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/page-table.ts", function: "ptTable", source: "export function ptTable(b: Bounds & GrainFlags) {", why: NATIVE },
  { file: "impl/structs/page-table.ts", function: "rcu", source: "export function rcu(b: Bounds) {", why: NATIVE },
  { file: "impl/refcount/fields.ts", function: "schemeFields", source: "export function schemeFields(b: Bounds) {", why: NATIVE },
  { file: "impl/refcount/fields.ts", function: "folioFields", source: "function folioFields(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/page.ts", function: "page", source: "export function page(b: Bounds) {", why: NATIVE },
  {
    file: "impl/structs/page-flags.ts", function: "pageWaiters", source: "export function pageWaiters(c: Bounds & GrainFlags) {",
    why: NATIVE,
  },
  {
    file: "impl/structs/page-flags.ts", function: "folioWait", source: "export function folioWait(c: Bounds & GrainFlags) {", why: NATIVE,
  },
  { file: "impl/structs/reservation.ts", function: "resvs", source: "export function resvs(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/reservation.ts", function: "resv", source: "export function resv(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/reservation.ts", function: "resvLru", source: "export function resvLru(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/thp.ts", function: "hugeZero", source: "export function hugeZero() {", why: NATIVE },
  { file: "impl/structs/thp.ts", function: "deferredSplit", source: "export function deferredSplit(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/thp.ts", function: "khugepaged", source: "export function khugepaged(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/vma.ts", function: "vma", source: "export function vma(b: Bounds) {", why: NATIVE },
  {
    file: "impl/structs/ghosts.ts", function: "detachedPtes",
    source: 'export function detachedPtes(b: Bounds & Pick<SwitchValues, "khugepagedMthp">) {', why: NATIVE,
  },
  {
    file: "impl/structs/thp.ts", function: "collapsesToSizes",
    source:
      "export const collapsesToSizes = (c: OfMthpCollapse): boolean => middleOrders(c) > 0 && c.khugepagedMthp !== KHUGEPAGED_MTHP_NONE;",
    why: NATIVE,
  },
  { file: "impl/structs/thp.ts", function: "mthpScan", source: "export function mthpScan(c: OfMthpCollapse) {", why: NATIVE },
  { file: "impl/structs/thp.ts", function: "scanBitmap", source: "export function scanBitmap(c: OfMthpCollapse) {", why: NATIVE },
  { file: "impl/structs/thp.ts", function: "window", source: "export function window(c: OfMthpCollapse) {", why: NATIVE },
  {
    file: "impl/structs/swap.ts", function: "hasSwapSlots",
    source: "const hasSwapSlots = (b: Bounds): boolean => b.swapSlots > 0;", why: NATIVE,
  },
  { file: "impl/structs/swap.ts", function: "swapDevice", source: "export function swapDevice(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/swap.ts", function: "swapSlot", source: "export function swapSlot(b: Bounds) {", why: NATIVE },
  {
    file: "impl/structs/swap.ts", function: "swapBio",
    source: 'export function swapBio(b: Bounds & Pick<KernelConfig, "swapIsSynchronous">) {', why: NATIVE,
  },
  { file: "impl/structs/swap.ts", function: "isolated", source: "export function isolated(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/swap.ts", function: "tlbUbc", source: "export function tlbUbc(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/swap.ts", function: "tlbFlushBatched", source: "export function tlbFlushBatched(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/words.ts", function: "pteInWords", source: "export function pteInWords(e: number): string {", why: SHOWN },
  {
    file: "impl/structs/words.ts", function: "isSwap",
    source: "const isSwap = (e: number): boolean => (e & (LEAF | PRESENT | PROTNONE | MIGRATION)) === LEAF;", why: SHOWN,
  },
  { file: "impl/structs/words.ts", function: "entryInWords", source: "export function entryInWords(e: number): string {", why: SHOWN },
  { file: "impl/structs/words.ts", function: "pmdInWords", source: "export function pmdInWords(e: number): string {", why: SHOWN },
  {
    file: "impl/structs/words.ts", function: "encodedPteInWords",
    source: "export function encodedPteInWords(e: number): string {", why: SHOWN,
  },
  {
    file: "impl/structs/words.ts", function: "flagsInWords",
    source: "export function flagsInWords(names: readonly string[]): (mask: number) => string {", why: SHOWN,
  },
  {
    file: "impl/structs/words.ts", function: "valuesInWords",
    source: "export function valuesInWords(names: readonly string[]): (value: number) => string {", why: SHOWN,
  },
  {
    file: "impl/structs/words.ts", function: "contentInWords",
    source: "export function contentInWords(contents: number): (content: number) => string {", why: SHOWN,
  },
  { file: "impl/structs/zone.ts", function: "zone", source: "export function zone(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/zone.ts", function: "lruvec", source: "export function lruvec(b: Bounds) {", why: NATIVE },
  { file: "impl/structs/zone.ts", function: "node", source: "export function node(b: Bounds) {", why: NATIVE },
  {
    file: "impl/entry/errnos.ts", function: "bitOf",
    source: "const bitOf = (name: ErrnoName): number => (NUMBERS[name] === EHWPOISON ? 1 : 1 << NUMBERS[name]);", why: NATIVE,
  },
  {
    file: "impl/entry/errnos.ts", function: "mayReturn", source: "export function mayReturn(errnos: Errnos, result: number): boolean {",
    why: "asked after each call by the scenarios any-calls, which are of the full tier; here it runs as ordinary code, in "
      + "test/impl/entry/calls.test.ts",
  },
  { file: "impl/entry/sequential.ts", function: "word", source: 'const word = (meaning: string) => int(-0x8000_0000, 0x7fff_ffff, meaning, { guard: "atomic", init: 0 });', why: NATIVE },
  { file: "impl/entry/sequential.ts", function: "sequentialStructs", source: "export function sequentialStructs(c: KernelConfig) {", why: NATIVE },
  { file: "impl/sysfs.ts", function: "parseKnob", source: "export function parseKnob(knob: Knob, text: string): KnobValue {", why: NATIVE },

  { file: "impl/policy/index.ts", function: "policyNamed", source: "export function policyNamed(name: string): Policy {", why: NATIVE },
  { file: "impl/policy/policy.ts", function: "half", source: "export function half(pagesPerHugePage: number): number {", why: NATIVE },
  { file: "impl/policy/switches.ts", function: "switchesOf", source: "export function switchesOf(name: string | undefined, pagesPerHugePage: number): Switches {", why: NATIVE },
  { file: "impl/thp-reservation/safe-shrinker.ts", function: "siMemAvailable", source: "export function siMemAvailable(k: Kernel): number {", why: "for those who look at a state from outside, as /proc/meminfo does: it runs as ordinary code" },

  // ---- locks that keep things as they are
  { file: "impl/memory/copy.ts", function: "copyPteRange", source: "spinUnlock(k, ptlOf(k, dst));", why: "kept as the kernel has it. Fork holds mmap_lock and the VMA lock of the parent for writing, so nobody frees or detaches the table that it has just seen" },

  // ---- lockless walkers
  { file: "impl/gup.ts", function: "tryGrabFolioFast", source: "yield* folioPutFound(k, folio);", why: FLUSH_WAITS },

  // ---- waits for a part that is missing: migration proper, which makes PMD migration entries and maps huge pages again
  { file: "impl/memory/migration-wait.ts", function: "pmdMigrationEntryWait", source: "const folio: Pfn = pmdMigration(entry) ? entryTarget(entry) : NONE;", why: `${NO_PMD_MIGRATION}, so none can be replaced between the look at it and the lock` },
  { file: "impl/refcount/folio.ts", function: "accountMapPmd", source: "return first ? folioNrPages(k, folio) - k.page.nrPagesMapped.get(folio) : 0;", why: `${NO_PMD_MIGRATION}; without, only fork adds a PMD mapping to a folio that is known, and the parent has one already` },

  // ---- checks that an earlier check makes superfluous
  {
    file: "impl/mremap.ts", function: "movePtes", source: "if (oldTable === NONE) return false;",
    why: "kept as the kernel has it, where a collapse of shared memory takes tables away. What moveExtent() has seen to be a table stays "
      + "one: who frees it needs mmap_lock or the VMA lock, and reclaim empties huge PMDs only, which the caller has split",
  },
  { file: "impl/mremap.ts", function: "pmcProgress", source: "return pmc.oldAddr < asked ? 0 : pmc.oldAddr - asked;", why: "kept as the kernel has it. A move that begins below its address begins with a whole table, or an empty entry, neither of which needs memory: it never ends before it has passed its address" },
  { file: "impl/thp-reservation/container.ts", function: "unusedObject", source: 'vmBugOn(true, "thp-reservation: there are more reservations than blocks of memory and threads that free one");', why: "an assertion about the bound that kernelConfig() derives: each reservation has a block of its own, but for the one that a thread is about to free" },
  { file: "impl/thp-reservation/safe-move.ts", function: "rekey", source: "if (source === target && haddr === newHaddr) return;", why: "a second opinion: boundaries change nothing where reservations belong to the address space, and mremap moves to another address" },
  { file: "impl/thp-reservation/safe-promote.ts", function: "fits", source: "if (mapped && entryTarget(pte) !== k.resv.page.get(res) + i) return false;", why: "a second opinion. Whatever maps another page at a slot ends the reservation first, or finds its slot unused, which the line before asks" },

  // ---- the patch of 2018, as it was posted
  { file: "impl/thp-reservation/rfc-2018.ts", function: "rfcReserve", source: "spinUnlock(k, k.resvs.lock.at(container));", why: "D2: the pages that are freed on the line before have references, of which an assertion of the allocator complains" },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "rfcModResvUnused", source: "if (container === NONE) return;", why: "the fault got its page from the table of the area that it has locked: the table is still there" },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "releaseRange", source: "if (container === NONE) return;", why: "its only caller has asked for the table before" },
  { file: "impl/khugepaged.ts", function: "entersRange", source: "if (k.khugepaged.cursorAddress.get() > hend) return false;", why: "kept as the kernel has it. The area ends above the cursor, which is a multiple of a huge page, so the last whole range does not end below it" },
  { file: "impl/khugepaged/suitability.ts", function: "hugepageVmaRevalidate", source: "if (expectAnon && k.vma.anonVma.get(vma) === NONE) return SCAN_PAGE_ANON;", why: "kept as the kernel has it, for areas of files. An anonymous area without anon_vma fails thp_vma_allowable_order() on the line before" },

  {
    file: "impl/khugepaged/mthp-collapse.ts", function: "maxOrderFromOffset",
    source: "return offset === 0 ? k.param.hpagePmdOrder.get() : 31 - Math.clz32(offset & -offset);",
    why: "kept as the kernel has it. The walk asks where the next window begins, which is behind another: that is never at the first entry",
  },

  // ---- judgements and second opinions
  {
    file: "impl/khugepaged/visible-cause.ts", function: "resourcesAreMissing",
    source: "default: return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "noBlock",
    source: "for (let from = order; from <= k.param.hpagePmdOrder.get(); from++) if (k.zone.free.get(from) !== NONE) return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "smallOrderEnabled",
    source: "if ((k.anonOrders.always.once(0) & bit) !== 0 || (advised && (k.anonOrders.madvise.once(0) & bit) !== 0)) return true;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "rangeStops",
    source: "return stopsByRange(k, mm, hpageAddress(k, start), pmd, result, cc) || " +
      "tableStops(k, pmdTable(pmd) ? entryTarget(pmd) : NONE, result, cc);",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "anyAreaAbove",
    source: "if (k.vma.mm.get(vma) === mm && !k.vma.detached.get(vma) && k.vma.end.get(vma) > vpn) return true;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "policyForbids",
    source: "if (!cc.isKhugepaged) return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "tableStops",
    source: "if (table === NONE) return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "folioStops",
    source: "default: return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/lost-function.ts", function: "anyPmdLock",
    source: "return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/lost-function.ts", function: "migrationEntryLeft",
    source: "if (entryHas(pmd, MIGRATION) && entryTarget(pmd) >= first && entryTarget(pmd) < end) return true;",
    why: NO_CAUSE,
  },
  {
    file: "impl/lost-function.ts", function: "fitsSomewhere",
    source: "for (let start = 0; start + pages <= k.param.vpnMax.get(); start++) if (!isTaken(k, mm, start, start + pages)) return true;",
    why: NO_CAUSE,
  },
  {
    file: "impl/lost-function.ts", function: "isTaken",
    source: "return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/lost-function.ts", function: "isEmpty",
    source: "if (pmdTable(pmd) ? !pteNone(k.ptTable.pte.once(entryTarget(pmd), vpn % h)) : !pmdNone(pmd)) return false;",
    why: NO_CAUSE,
  },
  {
    file: "impl/khugepaged/visible-cause.ts", function: "policyForbids",
    source: "if ((flags & VM_HUGEPAGE) === 0 && (ofProcess & MMF_DISABLE_THP_EXCEPT_ADVISED) !== 0) return true;",
    why: "it takes prctl(PR_SET_THP_DISABLE) between the scan of khugepaged and its second look at the area: "
      + "the scan leaves such an area out",
  },
  {
    file: "impl/vma.ts", function: "vmAreaFree",
    source: "if (k.vma.anonVma.get(vma) !== NONE) k.vma.anonVma.set(vma, NONE);",
    why: "a second opinion: an area that is freed was taken out of its anon_vmas, or its clone has failed, and both clear the field (N1)",
  },
  {
    file: "impl/structs/ghosts.ts", function: "lost",
    source: "export function lost(b: Bounds) {",
    why: NATIVE,
  },
  {
    file: "impl/structs/thp.ts", function: "hugeZeroWords",
    source: "export function hugeZeroWords(c: Bounds & GrainFlags) {",
    why: NATIVE,
  },
  {
    file: "impl/structs/thp.ts", function: "mmSlot",
    source: "export function mmSlot(c: Bounds & GrainFlags) {",
    why: NATIVE,
  },
  {
    file: "impl/madvise/cold-or-pageout.ts", function: "madviseColdOrPageout",
    source: "if ((k.vma.flags.get(vma) & VM_LOCKED) !== 0) return -EINVAL;",
    why: "mlock() is not modelled: only a scenario that sets the flag itself has a locked area",
  },

  // ---- told, or judged, beside the program
  {
    file: "impl/khugepaged/scan-result.ts", function: "scanStatusWord",
    source: "export function scanStatusWord(result: number, one: boolean): string | undefined {",
    why: "runs as ordinary code, where a tracepoint's status is put into words (test/impl/observed.test.ts)",
  },
  {
    file: "impl/user-memory.ts", function: "mayBeDiscarded",
    source: "&& !(pteMigration(entry) ? migrationDirty(k, entry) : entryHas(entry, DIRTY));",
    why: "a lazyfree page behind a migration entry, at the end of a call that leaves a page as it may be discarded: it takes a split "
      + "of the folio at that moment, which no scenario of the quick tier has",
  },
];
