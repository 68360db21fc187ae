/** What the grain `flags` adds (`config/grain.ts`): none of it without. Guards: see `mm-types.ts`. */
import { bool, ref, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import type { GrainFlags } from "../config/grain.ts";

/** For each page, the bit of `page->flags` that nobody needs while the folio lock is a mutex. */
export function pageWaiters(c: Bounds & GrainFlags) {
  return table(c.grainFlags ? c.frames : 0, {
    set: bool("PG_waiters (head): somebody sleeps for PG_locked", { guard: "atomic" }),
  });
}

/** For each CPU, the entry of its thread on folio_wait_table. @kernel mm/filemap.c struct wait_page_queue */
export function folioWait(c: Bounds & GrainFlags) {
  return table(c.grainFlags ? c.cpus : 0, {
    folio: ref("page", "whose PG_locked the thread waits for; NONE: woken, or not waiting", { guard: "atomic" }),
  });
}
