/** Scan results that only a race gives, each reached; and that whatever is refused leaves nothing behind. */
import { test } from "vitest";
import { explored } from "./explored.ts";
import { RACES } from "./khugepaged-threads.ts";

test.each(RACES)("$name, over all interleavings", async (race) => {
  await explored(race);
});
