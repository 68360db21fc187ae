/** khugepaged: its list of address spaces, and where it stands in it. */
import { mapsPage, target } from "../entry.ts";
import { COLLAPSE_ISOLATED, MMF_VM_HUGEPAGE } from "../enumerations.ts";
import type { Invariant } from "../invariant.ts";
import { pinsOf } from "./refcount.ts";

export const khugepagedInvariants: readonly Invariant[] = [
  {
    id: "K1", name: "an address space on khugepaged's list is registered and exists",
    why: "khugepaged follows the list; a slot that outlives its mm leads into freed memory",
    source: "mm/khugepaged.c __khugepaged_enter(), collect_mm_slot(): a slot holds one mm_count; excused under khugepaged_mm_lock",
    excuse: (v) => v.khugepaged.lock.isHeld(),
    holds: (v) => {
      for (let m = 0; m < v.mm.count; m++) {
        if (!v.khugepaged.slots.has(m)) continue;
        if ((v.mm.flags.get(m) & MMF_VM_HUGEPAGE) === 0 || v.mm.mmCount.get(m) === 0) {
          return {
            conjunct: "a listed mm has MMF_VM_HUGEPAGE and is not freed",
            values: { mm: m, flags: v.mm.flags.get(m), mmCount: v.mm.mmCount.get(m) },
          };
        }
      }
      return true;
    },
  },
  {
    id: "K2", name: "khugepaged's cursor is on the list, at a huge page's address",
    why: "the next scan goes on there",
    source:
      "mm/khugepaged.c struct khugepaged_scan: VM_BUG_ON(khugepaged_scan.address & ~HPAGE_PMD_MASK); excused under " +
      "khugepaged_mm_lock",
    excuse: (v) => v.khugepaged.lock.isHeld(),
    holds: (v) => {
      const mm = v.khugepaged.cursorMm.get();
      if (mm >= 0 && !v.khugepaged.slots.has(mm)) return { conjunct: "the mm at the cursor is on the list", values: { mm } };
      const address = v.khugepaged.cursorAddress.get();
      return address % v.param.hpagePmdNr.get() === 0 ? true : { conjunct: "the address is that of a huge page", values: { address } };
    },
  },
  {
    id: "K12", name: "khugepaged's list of slots is whole",
    why: "the scan goes from slot to slot: what is missing is never collapsed, and what is freed leads anywhere",
    source: "mm/khugepaged.c mm_slots under khugepaged_mm_lock; include/linux/list.h; excused under that lock",
    excuse: (v) => v.khugepaged.lock.isHeld(),
    holds: (v) => {
      const head = v.mmSlot.count - 1;
      for (let n = 0; n <= head; n++) {
        const listed = n === head || v.khugepaged.slots.has(n);
        if (v.mmSlot.allocated.get(n) !== (listed && n !== head)) {
          return { conjunct: "a slot is on the list as long as it exists", values: { slot: n } };
        }
        const next = listed ? v.mmSlot.next.get(n) : head;
        const whole = next >= 0 && (!listed || v.mmSlot.prev.get(next) === n);
        if (!whole) return { conjunct: "node->next->prev === node", values: { node: n, next } };
      }
      return true;
    },
  },
  {
    id: "K11", name: "what a collapse has isolated is not pinned",
    why: "the pages are about to be copied and replaced: what a device writes to them afterwards nobody sees",
    source:
      "mm/khugepaged.c collapse_huge_page(): the PMD is clear before references are counted; mm/gup.c " +
      "gup_fast_pte_range(): the PMD is read again after the pin; excused while a CPU has interrupts off, which may " +
      "yet undo its pin",
    excuse: (v) => {
      for (let c = 0; c < v.cpu.count; c++) if (v.cpu.irqsOff.get(c)) return true;
      return false;
    },
    holds: (v) => {
      for (let c = 0; c < v.collapse.count; c++) {
        if (v.collapse.stage.get(c) !== COLLAPSE_ISOLATED) continue;
        const table = v.collapse.table.get(c);
        // Where it is about a window, pages beside that are not isolated.
        const first = v.window.count === 0 ? 0 : v.window.first.get(c);
        const nr = v.window.count === 0 ? v.param.hpagePmdNr.get() : 2 ** v.window.order.get(c);
        for (let j = first; j < first + nr; j++) {
          const e = v.ptTable.pte.get(table, j);
          if (!mapsPage(e)) continue;
          const head = v.page.head.get(target(e));
          const folio = head < 0 ? target(e) : head;
          const pins = pinsOf(v, folio);
          if (pins > 0) return { conjunct: "an isolated folio has no pins", values: { table, pte: j, folio, pins } };
        }
      }
      return true;
    },
  },
];
