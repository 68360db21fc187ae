/** `thpcheck state-graph`: the states of a scenario and the steps between them, in a format that other programs read. */
import { defaultEngine } from "../../check/engine.ts";
import { clearsDeadLocals } from "../../check/options.ts";
import { refuseForeign, writeNamed } from "../../files.ts";
import { withMachines } from "../../project/machines.ts";
import { matchScenarios } from "../../project/select.ts";
import { GRAPH_FORMATS } from "../../report/graphs/index.ts";
import { remarksOf } from "../../report/graphs/named-graph.ts";
import type { Patch } from "../../result.ts";
import { reachableGraph } from "../../search/reachable-graph.ts";
import { EXIT_AS_EXPECTED, EXIT_INCOMPLETE, type Host } from "../host.ts";
import { selectRecorded } from "./replay.ts";

export interface StateGraphRequest {
  /** A scenario by name, or its file. */
  readonly what: string;
  /** The scenario's module, where the configuration does not list it. */
  readonly from: string | null;
  readonly patch: Patch | null;
  /** One of GRAPH_FORMATS. */
  readonly format: string;
  readonly maxStates: number;
  /** The file that gets the graph; null: the standard output. */
  readonly out: string | null;
}

/**
 * Writes the graph; broken promises are marked in it, and are no failure of this command. Exit code 3 where it is not whole.
 * Throws a UsageError for a scenario that there is not, and a file that cannot be written.
 */
export async function runStateGraph(request: StateGraphRequest, host: Host): Promise<number> {
  const { what, from, patch, out } = request;
  const format = await GRAPH_FORMATS[request.format]!();
  if (out !== null) refuseForeign(out, "--out", format.isOurs, format.what);
  const { scenarios } = await selectRecorded(what, from, host.folder, patch);
  const loaded = scenarios.length === 1 ? scenarios[0]! : matchScenarios(what, scenarios, "nightly")[0]!;
  const scenario = await withMachines(loaded.scenario, host.folder);
  const { compile } = host.engine ?? (await defaultEngine());
  const { system } = await compile(scenario, { clearDeadLocals: clearsDeadLocals(scenario, null) });
  const graph = await reachableGraph(system, { maxStates: request.maxStates, shouldStop: () => host.interrupted() });
  const named = { scenario: scenario.name, graph };
  const text = format.render(named);
  if (out === null) host.out.write(text);
  else writeNamed(out, "--out", text);
  for (const remark of remarksOf(named)) host.err.write(`${remark}\n`);
  return graph.stopReason === null ? EXIT_AS_EXPECTED : EXIT_INCOMPLETE;
}
