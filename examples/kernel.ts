/**
 * A scenario of the kernel: MADV_COLLAPSE, while another thread discards one of the two pages. All that the kernel promises
 * holds; what is promised here besides is too much, since the discard may come last and splits the huge page.
 */
import { violated, type Routine } from "thpcheck";
import {
  ENABLED_NEVER, MADV_COLLAPSE, MADV_DONTNEED, isHuge, openGate, passGate, store, sysMadvise, thpScenario, type K,
} from "thpcheck/kernel";

function* collapses(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}
function* discards(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
}

export default thpScenario({
  name: "collapse-beside-discard",
  why: "what MADV_COLLAPSE leaves where another thread discards a page",
  tier: "quick",
  // Faults map small pages.
  options: { enabled: ENABLED_NEVER },
  threads: { collapses, discards },
  sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
  finally: { "a huge page is left": (k) => isHuge(k, 0, 0) },
  expect: violated("a huge page is left"),
});
