/** What only reclaim of a lazyfree huge page causes is reached, and the invariants hold all the while. */
import { expect, test } from "vitest";
import { lockedStays, movesDiscarded, protectsDiscarded, writtenBeforeDiscard } from "./lazyfree.ts";
import { linesReached } from "./reached.ts";

test("mprotect() and mremap() have seen a huge PMD, and find nothing under its lock", async () => {
  expect(await linesReached(protectsDiscarded)).toContain("mprotect.ts changePteRange: if (table === NONE) return false;");
  expect(await linesReached(movesDiscarded)).toContain(
    "mremap.ts moveExtent: if (pmdNone(pmdpGetLockless(k, mm, pmc.oldAddr))) return true;",
  );
});

test("a page that is written to while it is discarded is no longer lazyfree", async () => {
  const lines = await linesReached(writtenBeforeDiscard);
  expect([...lines].filter((l) => l.includes("discardAnonFolioPmd: "))).toEqual(expect.arrayContaining([
    'vmscan.ts discardAnonFolioPmd: yield at("folio_set_dirty");',
    'vmscan.ts discardAnonFolioPmd: yield at("folio_set_swapbacked");',
  ]));
});

test("a huge page in a locked area stays, and in one piece", async () => {
  for (const s of lockedStays) {
    expect(await linesReached(s)).toContain("vmscan.ts tryToUnmapOne: spinUnlock(k, huge ? pmdLockptr(k, mm) : ptlOf(k, pvmw.table));");
  }
});
