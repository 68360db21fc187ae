/** What the scans of the split queue before 7.2 do with a folio, each is reached, and the invariants hold all the while. */
import { expect, test } from "vitest";
import { linesReached } from "./reached.ts";
import { freedInBatch, freedInPrivateList } from "./split-lists.ts";

test("a scan with an array finds a folio to be split, kept or freed", async () => {
  const lines = await linesReached(freedInBatch);
  expect([...lines].filter((l) => l.includes(" scanBatch: "))).toEqual(expect.arrayContaining([
    "huge-memory/deferred-split-lists.ts scanBatch: if (verdict === VERDICT_SPLIT) split = split + 1;",
    "huge-memory/deferred-split-lists.ts scanBatch: else yield* requeue(k, k.splitBatch.folios.get(current(k), i), false);",
    "huge-memory/deferred-split-lists.ts scanBatch: if (!taken) clearPartiallyMapped(k, folio);",
  ]));
});

test("a scan with a list of its own finds a folio to be split, kept or freed", async () => {
  const lines = await linesReached(freedInPrivateList);
  expect([...lines].filter((l) => l.includes(" scanPrivateList: "))).toEqual(expect.arrayContaining([
    "huge-memory/deferred-split-lists.ts scanPrivateList: if (verdict === VERDICT_SPLIT) split = split + 1;",
    "huge-memory/deferred-split-lists.ts scanPrivateList: unused = prev;",
    "huge-memory/deferred-split-lists.ts scanPrivateList: removeFromQueue(k, folioOfNode(k, node));",
  ]));
});
