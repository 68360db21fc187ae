/** `thpcheck replay`: shows a recorded trace again, from its string, its file, or a file of results. */
import { existsSync, readFileSync } from "node:fs";
import { defaultEngine } from "../../check/engine.ts";
import { clearsDeadLocals } from "../../check/options.ts";
import { systemShowing } from "../../check/showing.ts";
import { refuseForeign, writeNamed } from "../../files.ts";
import { isPage, pageDocument } from "../../page/document.ts";
import { pageData, type ToldTrace } from "../../page/trace-data.ts";
import { shortPath } from "../../error-sentence.ts";
import { didYouMean } from "../../nearest.ts";
import { toJson } from "../../report/json.ts";
import { lineWidth } from "../../report/output.ts";
import { renderTrace } from "../../report/counterexample.ts";
import { TRACE_FORMATS } from "../../report/traces/index.ts";
import { tracedRun, type FormattedTrace } from "../../report/traces/trace-format.ts";
import { RESULT_FORMAT, type Patch, type Trace } from "../../result.ts";
import { TRACE_STRING_PREFIX, decodeTrace } from "../../trace/codec.ts";
import { checkTrace } from "../../trace/json.ts";
import type { Recipe } from "../../trace/recipe.ts";
import { ReplayMismatch, replay } from "../../trace/replay.ts";
import { UsageError, shortWords } from "../../usage-error.ts";
import { EXIT_AS_EXPECTED, EXIT_USAGE, type Host } from "../host.ts";
import { withMachines } from "../../project/machines.ts";
import { pictureOf } from "../../project/picture.ts";
import { ownFormats } from "../../project/trace-formats.ts";
import { furtherName, replayCommand } from "../../report/replay-command.ts";
import { recordedUnderPolicy } from "../../project/under-policy.ts";
import { matchScenarios, selectScenarios, type Selection } from "../../project/select.ts";

export interface ReplayRequest {
  /** A trace string or the path of a file. */
  readonly trace: string;
  /** Which trace of a file of results. */
  readonly scenario: string | null;
  /** The scenario module, where the configuration does not list it. */
  readonly from: string | null;
  /** The patch to load the program under; null: the one that the trace carries, if any. */
  readonly patch: Patch | null;
  /** "pretty", "json", one of TRACE_FORMATS, or one of the project's own. */
  readonly format: string;
  readonly full: boolean;
  /** The file that gets the trace as a page; null: none. */
  readonly html: string | null;
}

/** Writes the trace and returns the exit code. Throws a UsageError for a trace that cannot be read or does not apply. */
export async function runReplay(request: ReplayRequest, host: Host): Promise<number> {
  if (request.html !== null) refuseForeign(request.html, "--html", isPage, "page of thpcheck");
  const format = await formatNamed(request.format, host.folder);
  const recipe = readRecipe(request.trace, request.scenario);
  const patch = request.patch ?? recipe.patch ?? null;
  const { scenarios } = await selectRecorded(recipe.scenario, request.from, host.folder, patch);
  const loaded = matchScenarios(recipe.scenario, scenarios, "nightly")[0]!;
  const { compile } = host.engine ?? (await defaultEngine());
  const scenario = await withMachines(loaded.scenario, host.folder);
  const clearDeadLocals = clearsDeadLocals(scenario, null);
  const { system: plain, source } = await compile(scenario, { clearDeadLocals });
  const { storyOf } = await import("../../trace/story.ts");
  const { withPlaceOfWrite } = await import("../../trace/place-of-write.ts");
  const system = await systemShowing(scenario, recipe.property, plain);
  try {
    const { name: called, config = {}, policy } = scenario;
    const plainly = replay({ system, scenario: called, programHash: source?.programHash ?? "", config, policy, patch }, recipe);
    const replayed = withPlaceOfWrite(scenario, system, clearDeadLocals, plainly);
    const command = replayCommand(replayed.trace, replayed.actors, loaded.from);
    const view = { width: lineWidth(host.out), color: host.color, full: request.full, replayCommand: command };
    const isText = request.format === "pretty";
    const story = isText && request.full && request.html === null ? null : storyOf(scenario, replayed);
    const told = { scenario, system, replayed, story, replay: command };
    if (format !== null) host.out.write(await format({ ...told, file: shortPath(loaded.file) }));
    else host.out.write(isText ? renderTrace(replayed, view, story) : toJson(replayed));
    if (request.html === null) return EXIT_AS_EXPECTED;
    await writePage(request.html, told, host.folder);
    if (isText) host.out.write(`\npage: ${request.html}\n`);
    return EXIT_AS_EXPECTED;
  } catch (e) {
    if (!(e instanceof ReplayMismatch)) throw e;
    host.err.write(`thpcheck: ${scenario.name}: ${shortWords(e.message)}\n`);
    return EXIT_USAGE;
  }
}

/**
 * What writes a trace in the format of that name; null: it is one of those for everything, "pretty" and "json". Throws a UsageError
 * where there is none.
 */
async function formatNamed(name: string, folder: string): Promise<((told: FormattedTrace) => string | Promise<string>) | null> {
  if (name === "pretty" || name === "json") return null;
  if (Object.hasOwn(TRACE_FORMATS, name)) return (await TRACE_FORMATS[name]!()).render;
  const own = await ownFormats(folder);
  const load = own.get(name);
  if (load !== undefined) {
    const render = await load();
    return (told) => render(tracedRun(told));
  }
  const names = ["pretty", "json", ...Object.keys(TRACE_FORMATS), ...own.keys()];
  throw new UsageError(`--format ${name}: there is no such format.${didYouMean(name, names)} Formats are ${names.join(", ")}`);
}

async function writePage(file: string, told: ToldTrace, folder: string): Promise<void> {
  writeNamed(file, "--html", await pageDocument(pageData(told), await pictureOf(told.scenario, folder)));
}

/**
 * The scenario of that name, as the patch has it; of the module `from`, where it is given. Throws a UsageError where there is none.
 */
export async function selectRecorded(name: string, from: string | null, folder: string, patch: Patch | null): Promise<Selection> {
  try {
    return await selectScenarios(from === null ? [name] : [from], "nightly", folder, patch);
  } catch (e) {
    const other = e instanceof UsageError && from === null ? await recordedUnderPolicy(name, "nightly", folder, patch) : null;
    if (other === null) throw e;
    return other;
  }
}

/** Reads a trace in any of its forms. Throws a UsageError that says what is wrong with it. */
export function readRecipe(given: string, scenario: string | null): Recipe {
  if (given.startsWith(TRACE_STRING_PREFIX) && !existsSync(given)) return decodeTrace(given.trim());
  let text: string;
  try {
    text = readFileSync(given, "utf8").trim();
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "ENAMETOOLONG") throw new UsageError(`${given} cannot be read (${code})`);
    const shown = given.length > 80 ? `${given.slice(0, 77)}...` : given;
    throw new UsageError(`${shown} is neither a file nor a trace string; a trace string starts with "tc1."`);
  }
  if (text.startsWith(TRACE_STRING_PREFIX)) return decodeTrace(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new UsageError(`${given} holds neither a trace string nor JSON (${(e as Error).message})`);
  }
  return (value as { format?: unknown } | null)?.format === RESULT_FORMAT ? fromResults(value, given, scenario) : checkTrace(value, given);
}

interface RecordedViolation {
  readonly property?: unknown;
  readonly trace?: unknown;
}
interface RecordedResult {
  readonly scenario?: unknown;
  readonly violation?: RecordedViolation | null;
  readonly further?: unknown;
}

function fromResults(value: unknown, file: string, scenario: string | null): Trace {
  const results = (value as { results?: unknown }).results;
  if (!Array.isArray(results)) throw new UsageError(`${file} is not a valid file of results: results must be an array`);
  const traces = (results as (RecordedResult | null)[]).flatMap((r) => {
    const name = String(r?.scenario);
    const first = r?.violation?.trace ? [{ name, trace: r.violation.trace }] : [];
    const further = Array.isArray(r?.further) ? r.further as (RecordedViolation | null)[] : [];
    return [...first, ...further.flatMap((v) => (v?.trace ? [{ name: furtherName(name, String(v.property)), trace: v.trace }] : []))];
  });
  const names = traces.map((t) => t.name);
  const chosen = scenario === null ? (traces.length === 1 ? traces[0] : undefined) : traces.find((t) => t.name === scenario);
  if (chosen !== undefined) return checkTrace(chosen.trace, `${file}, scenario ${chosen.name}`);
  if (traces.length === 0) throw new UsageError(`${file} holds no trace: none of its results is a violation`);
  const problem = scenario === null ? "several traces; choose with --scenario, one of" : `no trace of ${scenario}, only of`;
  throw new UsageError(`${file} holds ${problem} ${names.join(", ")}`);
}
