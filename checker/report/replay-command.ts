/** The command line that replays a trace. */
import { encodeTrace } from "../trace/codec.ts";
import type { Trace } from "../result.ts";

/** Longer strings are a burden to copy, and some shells and mailers cut them. */
export const TRACE_STRING_MAX = 1500;

/** `word` as a POSIX shell reads it back. */
export function shellQuote(word: string): string {
  return /^[\w.,@+=:/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const option = (name: string, value: string | null): string => (value === null ? "" : ` ${name} ${shellQuote(value)}`);

/** `from`: the scenario file that the person named; null when the configuration finds the scenario. */
export function replayCommand(trace: Trace, actors: readonly string[], from: string | null): string {
  const text = encodeTrace(trace, actors);
  return `npx thpcheck replay ${shellQuote(text)}${option("--from", from)}${option("--patch", trace.patch?.name ?? null)}`;
}

/** How a further violation of a scenario is called (`ScenarioResult.further`), by its promise. */
export const furtherName = (scenario: string, promise: string): string => `${scenario}: ${promise}`;

/** Replays from a result file, for traces too long for a command line. `scenario`: or a further violation of one, by its name. */
export function replayFromFile(file: string, scenario: string, from: string | null): string {
  return `npx thpcheck replay ${shellQuote(file)} --scenario ${shellQuote(scenario)}${option("--from", from)}`;
}
