/**
 * A page of a huge range that has a reservation: whether it was handed out, and whether it has become an anonymous
 * page since. The page itself is asked. So the page must belong to the reservation as long as the reservation says
 * so: a used page that is freed and becomes somebody else's would be found busy.
 */
import { MECHANISM_OFF } from "../../spec/enumerations.ts";
import { NONE } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Abstraction } from "./abstraction.ts";
import { reservationOf } from "./reservation.ts";

const NOTHING = 0;
const UNUSED = 1;
const BUSY = 2;
const USED = 3;
const VALUES = ["none", "unused", "busy", "used"];

function abstract(k: Kernel, instance: number): number {
  const h = k.param.hpagePmdNr.get();
  const res = reservationOf(k, Math.floor(instance / h));
  if (res === NONE) return NOTHING;
  if (!k.resv.used.get(res, instance % h)) return UNUSED;
  const page = k.resv.page.get(res) + (instance % h);
  return (k.page.anon.get(page) ? USED : BUSY) + VALUES.length * (page + 1);
}

export const reservedPageAbstraction: Abstraction = {
  machine: "reserved-page", values: VALUES,
  context: [{ name: "frame", size: (c) => c.frames + 1, first: -1 }],
  abstract, when: (c) => c.resvMechanism !== MECHANISM_OFF,
};
