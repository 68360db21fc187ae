/** The programs of all pairs, one for each world, with a third thread and without: which cell it is, init chooses. */
import { choose, holds, scenario, type PropertyResult, type Scenario } from "thpcheck";
import { beyondBounds } from "../../impl/config/beyond.ts";
import type { Grain } from "../../impl/config/grain.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import { boot, bootVma } from "../../impl/entry/boot.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { alwaysPromised, ONE_RANGE, promisedAtRest } from "../../kernel/world.ts";
import { CPUS, MEMORY, programName, WORLDS, type WorldOf } from "./memory.ts";
import { OPERATIONS, type ActorName } from "./operations.ts";
import { firstSide, secondSide, thirdHolds } from "./sides.ts";
import { cellNumber, pairStructs, type K } from "./state.ts";
import { THIRD, THIRDS } from "./thirds.ts";

/**
 * The parts of the grain whose words cost next to no states here. `flags` costs a third more where folios are split, and gives up
 * that the lock order of folio locks is checked; `lists`, `slots` and `knobs` have scenarios of their own.
 */
const GRAIN: Grain = ["zero", "migration"];

/** The CPU of the third. */
const THIRDS_CPU = 2;

type Promised = Readonly<Record<string, (k: K) => PropertyResult>>;

const NAMES = OPERATIONS.map((o) => o.name);
/** Actors that are threads of the process, and no thread of the kernel. */
const OF_PROCESS: readonly string[] = ["cached-loads", "cached-stores"] satisfies readonly ActorName[];
const isKernelThread = OPERATIONS.map((o) => o.call === null && !OF_PROCESS.includes(o.name));

/** The program of a world. `withThird`: a third thread drops a reference, or a pin; otherwise there are two threads. */
export function pairsProgram(world: WorldOf, withThird: boolean): Scenario {
  const options = {
    ...ONE_RANGE, refcountMax: 15, enabled: ENABLED_ALWAYS, pagesToScan: 4, ptReclaim: true, grain: GRAIN, ...world.options, cpus: CPUS,
    // The first side takes the third's pin as well as its own.
    pinsPerThread: withThird ? 2 : 1,
  } as KernelOptions;
  const config = kernelConfig(options);
  const memories = world.memories.map((name) => MEMORY[name]);
  const thirds = withThird ? THIRDS.slice(1) : THIRDS.slice(0, 1);
  return scenario({
    name: programName(world, withThird), why: "any operation beside any other, or beside an actor", tier: "nightly",
    config, beyond: beyondBounds(config), structs: pairStructs(options),
    init: (k: K) => {
      const m = memories[choose(k, "memory", world.memories)]!;
      const first = choose(k, "first", NAMES);
      const second = choose(k, "second", NAMES);
      const third = choose(k, "third", thirds) + (withThird ? 1 : 0);
      k.pair.cell.set(cellNumber(m, third, first, second));
      const own = m === MEMORY.child || isKernelThread[second]! ? 1 : 2;
      const mm = boot(k, own);
      if (third === THIRD.translation) {
        k.cpu.mm.set(THIRDS_CPU, mm);
        k.mm.users.set(mm, own + 1);
      }
      bootVma(k, 0, 0, m === MEMORY.moved ? 3 : 2, VM_READ | VM_WRITE);
    },
    threads: [
      { name: "first", run: firstSide }, { name: "second", run: secondSide },
      ...(withThird ? [{ name: "third", run: thirdHolds }] : []),
    ],
    always: alwaysPromised() as unknown as Promised,
    finally: promisedAtRest(false) as unknown as Promised,
    expect: holds(),
  }) as unknown as Scenario;
}

export default WORLDS.flatMap((world) => [pairsProgram(world, false), pairsProgram(world, true)]);
