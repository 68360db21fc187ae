/** Two processes share a huge page that nobody else holds; it is split. Must succeed when nobody else is about. */
import { holds, type Routine } from "thpcheck";
import { store, sysFork } from "../../../impl/entry/syscalls.ts";
import { SPLIT_DONE, splitPage } from "../../../kernel/actors.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { noted, TWO_PROCESSES, type K } from "../../../kernel/world.ts";
import { openGate, passGate, scheduleIn } from "../../../impl/entry/boot.ts";

function* parent(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
}
function* child(k: K): Routine { yield* scheduleIn(k); yield* passGate(k); }
function* splitter(k: K): Routine { yield* passGate(k); yield* splitPage(k, 0); }

export default thpScenario({
  name: "k1-split-shared", why: "a folio that two page tables map, and nobody else holds, can be split", tier: "quick",
  options: TWO_PROCESSES, threads: { parent }, others: { child, splitter },
  finally: { "the folio is split": noted(SPLIT_DONE) }, expect: holds(),
});
