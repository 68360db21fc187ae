/** `thpcheck explore`: a page in the browser in which a person takes the steps of a scenario. */
import { defaultEngine } from "../../check/engine.ts";
import { clearsDeadLocals } from "../../check/options.ts";
import { serve, type Serving } from "../../explorer/server.ts";
import { Session } from "../../explorer/session.ts";
import { reasonOf } from "../../files.ts";
import { explorerDocument } from "../../page/document.ts";
import { withMachines } from "../../project/machines.ts";
import { pictureOf } from "../../project/picture.ts";
import { matchScenarios } from "../../project/select.ts";
import type { Patch } from "../../result.ts";
import { decodeTrace, TRACE_STRING_PREFIX } from "../../trace/codec.ts";
import { UsageError } from "../../usage-error.ts";
import { EXIT_AS_EXPECTED, type Host } from "../host.ts";
import { onInterruption } from "../interruption.ts";
import { selectRecorded } from "./replay.ts";

export interface ExploreRequest {
  /** A scenario by name, its file, or a trace string at whose end to begin. */
  readonly what: string;
  /** The scenario's module, where the configuration does not list it. */
  readonly from: string | null;
  readonly patch: Patch | null;
  /** 0: any that is free. */
  readonly port: number;
}

/** Serves until Ctrl-C, or until the page is closed. Throws a UsageError for a scenario that there is not, and a port that is taken. */
export async function runExplore(request: ExploreRequest, host: Host): Promise<number> {
  const isTrace = request.what.startsWith(TRACE_STRING_PREFIX);
  const name = isTrace ? decodeTrace(request.what).scenario : request.what;
  const { scenarios } = await selectRecorded(name, request.from, host.folder, request.patch);
  const loaded = scenarios.length === 1 ? scenarios[0]! : matchScenarios(name, scenarios, "nightly")[0]!;
  const scenario = await withMachines(loaded.scenario, host.folder);
  const { compile } = host.engine ?? (await defaultEngine());
  const { system, source } = await compile(scenario, { clearDeadLocals: clearsDeadLocals(scenario, null) });
  const session = new Session({
    system, scenario: scenario.name, programHash: source?.programHash ?? "", policy: scenario.policy, config: scenario.config ?? {},
    patch: request.patch, program: scenario, from: loaded.from,
  });
  // A trace that does not fit is refused before there is a page.
  session.at(isTrace ? session.pathOf(decodeTrace(request.what)) : { initial: [], steps: [] });
  const page = await explorerDocument(scenario.name, await pictureOf(scenario, host.folder), isTrace ? request.what : null);
  const serving = await listen({ session, page, port: request.port });
  host.out.write(`${scenario.name}: ${serving.url}\nopen it in a browser; it ends with Ctrl-C, or when the page is closed\n`);
  const forget = onInterruption(() => { serving.stop(); });
  await serving.ended;
  forget();
  return EXIT_AS_EXPECTED;
}

async function listen(parts: Parameters<typeof serve>[0]): Promise<Serving> {
  try {
    return await serve(parts);
  } catch (e) {
    throw new UsageError(`--port ${parts.port}: there can be no server (${reasonOf(e)})`);
  }
}
