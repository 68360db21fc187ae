/**
 * SARIF 2.1.0, for code scanning: a result for each case that fails, at the line where its promise broke, with the trace as a code
 * flow: a thread flow for each thread, whose steps say their place in the order of all. What leaves nothing known is a result as
 * well as a notification: readers that look at results alone would take it for a pass.
 */
import type * as Sarif from "sarif";
import { isJson } from "../../files.ts";
import type { TraceRow } from "../../result.ts";
import type { ReportedRun, ResultFormat } from "./reported-run.ts";
import { placeOf, type Place } from "./place.ts";
import { casesOf, type RunCase } from "./run-case.ts";

const TOOL = "thpcheck";
const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

export const sarif: ResultFormat = {
  what: "SARIF file of thpcheck",
  render(run: ReportedRun): string {
    return `${JSON.stringify(logOf(run), null, 2)}\n`;
  },
  isOurs: (text) => isJson(text, (value) => (value as Partial<Sarif.Log>).runs?.[0]?.tool.driver.name === TOOL),
};

function logOf(run: ReportedRun): Sarif.Log {
  const cases = casesOf(run);
  const bad = cases.filter((c) => c.outcome === "fail" || c.outcome === "error");
  const errors = bad.filter((c) => c.outcome === "error");
  const names = [...new Set(bad.map((c) => c.rule))];
  const rules = names.map((name): Sarif.ReportingDescriptor => ({ id: ruleId(name), name, shortDescription: { text: name } }));
  return {
    $schema: SCHEMA, version: "2.1.0",
    runs: [{
      tool: { driver: { name: TOOL, rules } },
      columnKind: "utf16CodeUnits",
      invocations: [{
        executionSuccessful: errors.length === 0,
        toolExecutionNotifications: errors.map((c) => ({ level: "error", message: { text: `${c.name}: ${c.message}` } })),
        ...(run.end === null ? {} : { exitCode: run.end.exitCode }),
      }],
      results: bad.map((c) => resultOf(c, run.head.folder)),
    }],
  };
}

/** Promises have names with blanks; rules are named without. */
const ruleId = (name: string): string => `thpcheck/${name.toLowerCase().replaceAll(/[^a-z0-9.]+/g, "-").replaceAll(/^-|-$/g, "")}`;

function resultOf(c: RunCase, folder: string): Sarif.Result {
  const says = `${c.name}: ${c.message}`;
  const flow = c.trace === null ? [] : [{ threadFlows: threadFlows(c.trace.rows, c.trace.actors, folder) }];
  return {
    ruleId: ruleId(c.rule), level: "error", message: { text: c.detail === "" ? says : `${says}\n\n${c.detail}` },
    ...(c.place === null ? {} : { locations: [locationOf(c.place)] }),
    partialFingerprints: { "scenarioAndPromise/v1": `${c.module}:${c.name}:${c.rule}` },
    ...(flow.length === 0 ? {} : { codeFlows: flow }),
  };
}

function threadFlows(rows: readonly TraceRow[], actors: readonly string[], folder: string): Sarif.ThreadFlow[] {
  return actors.flatMap((actor): Sarif.ThreadFlow[] => {
    const own = rows.filter((r) => r.actor === actor);
    if (own.length === 0) return [];
    return [{ id: actor, message: { text: actor }, locations: own.map((r) => stepOf(r, folder)) }];
  });
}

function stepOf(row: TraceRow, folder: string): Sarif.ThreadFlowLocation {
  const changes = row.changes.map((c) => `${c.name}: ${c.before} -> ${c.after}`);
  const text = [`${row.index} ${row.actor}: ${row.label ?? "ends"}`, ...row.choices, ...changes].join("; ");
  const at = row.source === null ? {} : locationOf(placeOf(row.source, folder));
  return { executionOrder: row.index, location: { ...at, message: { text } } };
}

function locationOf({ file, line }: Place): Sarif.Location {
  const isAbsolute = /^(\/|\w:\/)/.test(file);
  const uri = file.split("/").map(encodeURIComponent).join("/");
  const artifactLocation = isAbsolute ? { uri: `file://${uri.startsWith("/") ? "" : "/"}${uri}` } : { uri, uriBaseId: "%SRCROOT%" };
  return { physicalLocation: { artifactLocation, region: { startLine: line } } };
}
