/**
 * Whether some fair run breaks a promise about whole runs, asked when a search has seen every state and nothing broken.
 *
 * That nothing is left out is decided here: it is asked of the graph of all states and steps. A bound of the search (`within`) cuts
 * runs short, and nothing is said of these. Clearing of dead locals merges states of which nobody will read the difference: each of
 * them has the same steps, to states that are merged again, and shows the same predicates, so runs go through the merged graph as
 * they do through the whole one, with the same actors able to move. A reduction that leaves steps out or merges actors would not do:
 * who can move is part of what is asked. There is none; one that comes is refused in `asksForLiveness`, as in `asksForTraps`.
 */
import { group } from "../../numbers.ts";
import type { LivenessPromise, TransitionSystem } from "../../system.ts";
import type { ExploreOptions, SearchTask, Violated } from "../run.ts";
import { pathOf } from "../steps.ts";
import { makeHashing } from "../store/fingerprint.ts";
import { OutOfMemory } from "../store/column.ts";
import { exploredGraph, type ExploredGraph } from "./explored-graph.ts";
import { lassoOf, type Lasso } from "./lasso.ts";

/** The runs that break promises; or why nobody knows. */
export type LivenessFound = { readonly violations: readonly Violated[] } | { readonly unknown: string };

/** Whether promises about whole runs are asked for, and there are any. */
export function asksForLiveness(system: TransitionSystem, { liveness }: Pick<ExploreOptions, "liveness">): boolean {
  return liveness === true && system.liveness !== undefined;
}

/** `secondsLeft`: of the time bound; null: there is none. */
export async function lookForRuns({ system, options }: SearchTask, secondsLeft: number | null): Promise<LivenessFound> {
  // States of the test mode are few enough to be told apart by more bits.
  const { fingerprint } = makeHashing(system.stateWords, 64, options.seed);
  const end = secondsLeft === null ? Infinity : performance.now() + 1000 * secondsLeft;
  const bound = (): string | null => {
    if (options.shouldStop()) return "interrupted";
    if (performance.now() >= end) return `the time bound of ${options.seconds} s was reached`;
    const isOver = options.memoryBytes !== null && process.memoryUsage.rss() > options.memoryBytes;
    return isOver ? `the memory bound of ${(options.memoryBytes / 2 ** 20).toFixed(0)} MiB was reached` : null;
  };
  try {
    const graph = await exploredGraph(system, { fingerprint, exact: options.exact }, { bound });
    if (typeof graph === "string") return { unknown: graph };
    const { promises, fairness } = system.liveness!;
    return {
      violations: promises.flatMap((promise, index) => {
        const lasso = lassoOf(graph, fairness, promise);
        return lasso === null ? [] : [violationOf(system, graph, { promise, index, lasso })];
      }),
    };
  } catch (error) {
    if (error instanceof OutOfMemory || error instanceof RangeError) return { unknown: "the graph does not fit the memory" };
    throw error;
  }
}

interface Broken {
  readonly promise: LivenessPromise;
  readonly index: number;
  readonly lasso: Lasso;
}

function violationOf(system: TransitionSystem, graph: ExploredGraph, { promise, index, lasso }: Broken): Violated {
  const ordinals = [graph.branches[graph.initial.indexOf(lasso.begin)]!];
  for (const [n, step] of lasso.steps.entries()) {
    const from = n === 0 ? lasso.begin : graph.targets[lasso.steps[n - 1]!]!;
    ordinals.push(step - graph.first[from]!);
  }
  return {
    broken: { kind: promise.kind, index, name: promise.name, message: "" },
    path: () => pathOf(system, ordinals),
    lasso: { loop: lasso.loop, isShortest: lasso.isShortest, remark: remarkOn(lasso) },
  };
}

/** How short the loop is. */
function remarkOn({ loop, steps, isShortest, component }: Lasso): string {
  if (loop === steps.length) return "";
  return isShortest ? "no loop there is shorter" : `among the ${group(component)} states that it is part of there may be a shorter loop`;
}
