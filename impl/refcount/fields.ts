/**
 * The fields of struct page that belong to a reference-count scheme.
 *
 * They are apart from the schemes' operations, because struct page is composed of them and the operations need the type
 * of the kernel that results. Nothing outside of this room reads or writes them: test/impl/refcount-fields.test.ts.
 *
 * Each scheme has a function here, and `schemeFields` puts together what they return. A scheme that is not chosen gives
 * each of its fields the one value that it has at boot: such a field takes no room in the state vector.
 */
import { bool, int, ref } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";

/** The fields of all schemes, by their two places in struct page. @kernel include/linux/mm_types.h struct folio */
export function schemeFields(b: Bounds) {
  const folio = folioFields(b);
  return { counters: { ...folio.counters }, owners: { ...folio.owners } };
}

/** SCHEME_FOLIO. */
function folioFields(b: Bounds) {
  const h = b.pagesPerHugePage;
  return {
    counters: {
      entireMapcount: int(-1, b.mms, "_entire_mapcount: PMD mappings - 1 (head)", { guard: "atomic(mapping)" }),
      largeMapcount: int(-1, b.mms * (h + 1) - 1,
        "_large_mapcount: all mappings of a large folio - 1 (head); a PMD split adds its PTEs before it removes the PMD",
        { guard: "atomic(mapping)" }),
      nrPagesMapped: int(0, h, "_nr_pages_mapped without ENTIRELY_MAPPED: pages of a large folio with a PTE mapping (head)",
        { guard: "atomic(mapping)" }),
      pincount: int(0, Math.min(b.refcountMax, Math.max(7, h)), "_pincount: FOLL_PIN pins (head)", { guard: "atomic" }),
    },
    owners: {
      mmId0: ref("mm", "_mm_id[0] (head)", { guard: "atomic(mapping)" }),
      mmId1: ref("mm", "_mm_id[1] (head)", { guard: "atomic(mapping)" }),
      mmIdMapcount0: int(-1, h, "_mm_id_mapcount[0] (head)", { guard: "atomic(mapping)" }),
      mmIdMapcount1: int(-1, h, "_mm_id_mapcount[1] (head)", { guard: "atomic(mapping)" }),
      maybeShared: bool("_mm_ids SHARED bit (head)", { guard: "atomic(mapping)" }),
    },
  };
}
