/** Folios are split, or looked at by number, while a range that they are mapped in is collapsed. */
import { holds, type Routine } from "thpcheck";
import { pfnScanner } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED } from "../../impl/madvise.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { prepare, shrinker } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

/** Page 0 is the rest of a huge page, which is on the split queue; page 1 is a small page. */
function* collapser(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}

function* busySibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
  yield* store(k, 1, 3);
  yield* pfnScanner(k, 0);
  yield* load(k, 0);
  yield* pfnScanner(k, 2);
  yield* store(k, 0, 2);
}

function* collapserOfSmall(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
}

function* scanner(k: K): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 0);
}

function* otherScanner(k: K): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 1);
}

export default [
  collapseScenario({
    name: "collapse-split",
    why: "the shrinker splits a folio by migration entries, which the collapse waits for or gives up at; both want its lock",
    tier: "quick",
    sanitize: true,
    options: { enabled: ENABLED_ALWAYS, refcountMax: 15 },
    threads: { collapser, sibling },
    others: { shrinker },
    sometimes: {
      "a collapse succeeds": (k) => isHuge(k, 0, 0) && k.deferredSplit.length.get() === 0,
      "the folio is split": (k) => !isHuge(k, 0, 0) && k.gate.open.get() && k.deferredSplit.length.get() === 0,
    },
    expect: holds({ states: 110_130 }),
  }),
  collapseScenario({
    name: "collapse-split-references",
    why: "the same, with a reference that now and then keeps both the split and the collapse from happening",
    tier: "full",
    options: { enabled: ENABLED_ALWAYS, refcountMax: 15 },
    threads: { collapser, busySibling },
    others: { shrinker },
    sometimes: { "a collapse succeeds": (k) => isHuge(k, 0, 0) && k.deferredSplit.length.get() === 0 },
    expect: holds({ states: 379_443 }),
  }),
  collapseScenario({
    name: "collapse-split-poison",
    why: "copying meets poison: the table must be back before the shrinker can have a page that was isolated",
    tier: "quick",
    sanitize: true,
    options: { enabled: ENABLED_ALWAYS, refcountMax: 15, copyMayMeetPoison: true },
    threads: { collapser },
    others: { shrinker },
    sometimes: { "a collapse succeeds": (k) => isHuge(k, 0, 0) && k.deferredSplit.length.get() === 0 },
    expect: holds({ states: 6188 }),
  }),
  collapseScenario({
    name: "collapse-pfn-scanner",
    why: "references that come from nowhere make the collapse put the table back, or last until after it",
    tier: "quick",
    sanitize: true,
    threads: { collapserOfSmall },
    others: { scanner, otherScanner },
    sometimes: { "a collapse succeeds": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 1807 }),
  }),
];
