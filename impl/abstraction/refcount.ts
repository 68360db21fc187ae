/** References of the folio whose head a frame is, against its mappings and pins. */
import type { Kernel } from "../mm-types.ts";
import { folioTestLarge } from "../page-flags.ts";
import { entireMapcountOf, mapcountOf, pinsOf } from "../refcount/scheme.ts";
import type { Abstraction } from "./abstraction.ts";
import { isNoHead, pinsMax } from "./folio.ts";

const ABSENT = 0;
const COUNTED = 1;
const FROZEN = 2;
const RELEASED = 3;
const VALUES = ["none", "counted", "frozen", "released"];

function abstract(k: Kernel, folio: number): number {
  if (isNoHead(k, folio)) return ABSENT;
  const refs = k.page.refcount.get(folio);
  const pmds = folioTestLarge(k, folio) ? entireMapcountOf(k, folio) : 0;
  const ptes = mapcountOf(k, folio) - pmds;
  const pins = pinsOf(k, folio);
  const value = refs > 0 ? COUNTED : k.page.lock.isHeld(folio) && k.page.dropped.get(folio) === 0 ? FROZEN : RELEASED;
  const mms = k.mm.count;
  const h = k.param.hpagePmdNr.get();
  return value + VALUES.length * (pmds + (mms + 2) * (ptes + (mms * h + 2) * (pins + (pinsMax(h) + 1) * refs)));
}

export const refcountAbstraction: Abstraction = {
  machine: "refcount-folio", values: VALUES,
  context: [
    { name: "pmds", size: (c) => c.mms + 2 },
    { name: "ptes", size: (c) => c.mms * c.pagesPerHugePage + 2 },
    { name: "pins", size: (c) => pinsMax(c.pagesPerHugePage) + 1 },
    { name: "refs", size: (c) => c.refcountMax + 1 },
  ],
  abstract,
};
