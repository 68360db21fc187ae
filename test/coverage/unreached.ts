/**
 * Lines of `impl/` that no scenario of the quick tier and no functional test reaches, each with its reason. `npx thpcheck
 * coverage` holds the list to what is measured: a line that gets reached after all has to leave it.
 */
import type { Reason } from "./compare.ts";

const NATIVE = "runs once, as ordinary code, when a scenario or a test is set up: it is no part of the program whose blocks are counted";
const SCHEMES = "kernelConfig() refuses every scheme but SCHEME_FOLIO: here the schemes of 2011 and 2015 are to be filled in";
const FLUSH_WAITS = "kept as the kernel has it. The walker has interrupts off, and a page leaves its folio only after its entries were cleared and flushed, which waits for this CPU; only on machines that flush without interrupts, which are not modelled, can this happen";

export const UNREACHED: readonly Reason[] = [
  // ---- set up natively
  { file: "impl/kernel.ts", function: "gateStructs", source: "export function gateStructs() {", why: NATIVE },
  { file: "impl/mm-types.ts", function: "kernelStructs", source: "export function kernelStructs(c: KernelConfig) {", why: NATIVE },
  { file: "impl/mm-types.ts", function: "events", source: "function events<const N extends string>(...names: readonly N[]): { readonly [K in N]: ReturnType<typeof int> } {", why: NATIVE },
  { file: "impl/param.ts", function: "kernelConfig", source: "export function kernelConfig(o: KernelOptions): KernelConfig {", why: NATIVE },
  { file: "impl/sequential.ts", function: "word", source: 'const word = (meaning: string) => int(-0x8000_0000, 0x7fff_ffff, meaning, { guard: "atomic", init: 0 });', why: NATIVE },
  { file: "impl/sequential.ts", function: "sequentialStructs", source: "export function sequentialStructs(c: KernelConfig) {", why: NATIVE },
  { file: "impl/sysfs.ts", function: "parseKnob", source: "export function parseKnob(knob: Knob, text: string): KnobValue {", why: NATIVE },

  // ---- places for other reference-count schemes
  ...["refsGet", "refsPut", "accountNew", "refsOfPmdSplit", "accountSplit"].map((name) => ({ file: "impl/refcount-scheme.ts", function: name, source: "default: return noSuchScheme();", why: SCHEMES })),
  ...["accountMapPtes", "accountUnmapPtes", "accountMapPmd", "accountUnmapPmd"].map((name) => ({ file: "impl/refcount-scheme.ts", function: name, source: "default: return noSuchNumber();", why: SCHEMES })),
  { file: "impl/refcount-scheme.ts", function: "noSuchScheme", source: 'vmBugOn(true, "refcount-scheme: only SCHEME_FOLIO is filled; kernelConfig() refuses the others");', why: SCHEMES },
  { file: "impl/refcount-scheme.ts", function: "noSuchNumber", source: "noSuchScheme();", why: SCHEMES },

  // ---- locks that keep things as they are
  { file: "impl/memory/copy.ts", function: "copyPteRange", source: "spinUnlock(k, ptlOf(k, dst));", why: "kept as the kernel has it. Fork holds mmap_lock and the VMA lock of the parent for writing, so nobody frees or detaches the table that it has just seen" },

  // ---- lockless walkers
  { file: "impl/gup.ts", function: "tryGrabFolioFast", source: "yield* folioPut(k, folio);", why: FLUSH_WAITS },

  // ---- waits for a part that is missing
  { file: "impl/rmap.ts", function: "folioAddAnonRmapPmd", source: "export function folioAddAnonRmapPmd(k: Kernel, folio: Pfn, vma: Vma, vpn: Vpn, exclusive: boolean): void {", why: "nothing calls it: it maps a huge page again at the end of its migration, and migration proper is not modelled" },

  // ---- checks that an earlier check makes superfluous
  { file: "impl/khugepaged.ts", function: "entersRange", source: "if (k.khugepaged.cursorAddress.get() > hend) return false;", why: "kept as the kernel has it. The area ends above the cursor, which is a multiple of a huge page, so the last whole range does not end below it" },
  { file: "impl/khugepaged/suitability.ts", function: "hugepageVmaRevalidate", source: "if (expectAnon && k.vma.anonVma.get(vma) === NONE) return SCAN_PAGE_ANON;", why: "kept as the kernel has it, for areas of files. An anonymous area without anon_vma fails thp_vma_allowable_order() on the line before" },
];
