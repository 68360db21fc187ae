/** Trace files: reading with a check of the form, so that a damaged file is refused with the place of the damage. */
import { TRACE_FORMAT, TRACE_VERSION, type PropertyRef, type Trace, type TraceStep } from "../result.ts";
import { UsageError } from "../usage-error.ts";

const KINDS: readonly PropertyRef["kind"][] = ["always", "step", "finally", "sometimes", "deadlock", "fault", "recurring",
  "eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress"];

/** What a value is, for a message: `7`, `"abc"`, `an array`, `nothing`. */
function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** Checks of a value read from JSON; each failure names the file and the path inside it. */
class Checked {
  readonly #where: string;
  constructor(where: string) { this.#where = where; }

  fail(path: string, wanted: string, value: unknown): never {
    throw new UsageError(`${this.#where} is not a valid trace: ${path} must be ${wanted}, found ${describe(value)}`);
  }
  object(value: unknown, path: string): Readonly<Record<string, unknown>> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.fail(path, "an object", value);
    return value as Record<string, unknown>;
  }
  string(value: unknown, path: string): string {
    return typeof value === "string" ? value : this.fail(path, "a string", value);
  }
  natural(value: unknown, path: string): number {
    const isNatural = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
    return isNatural ? value : this.fail(path, "an integer from 0 upward", value);
  }
  array<T>(value: unknown, path: string, element: (value: unknown, path: string) => T): T[] {
    return Array.isArray(value) ? value.map((v, i) => element(v, `${path}[${i}]`)) : this.fail(path, "an array", value);
  }
  literal<T>(value: unknown, path: string, wanted: T): T {
    return value === wanted ? wanted : this.fail(path, JSON.stringify(wanted), value);
  }
}

/** Checks that `value` is a trace. `where` names its origin in messages. Throws a UsageError that says what is wrong. */
export function checkTrace(value: unknown, where: string): Trace {
  const c = new Checked(where);
  const o = c.object(value, "the file");
  const naturals = (v: unknown, path: string): number[] => c.array(v, path, (n, p) => c.natural(n, p));
  const step = (v: unknown, path: string): TraceStep => {
    const s = c.object(v, path);
    return {
      actor: c.string(s["actor"], `${path}.actor`),
      label: c.string(s["label"], `${path}.label`),
      choices: naturals(s["choices"], `${path}.choices`),
    };
  };
  c.literal(o["format"], "format", TRACE_FORMAT);
  if (o["version"] !== TRACE_VERSION) {
    throw new UsageError(`${where} is a trace of version ${describe(o["version"])}; this thpcheck reads version ${TRACE_VERSION}`);
  }
  const property = c.object(o["property"], "property");
  const kind = KINDS.find((k) => k === property["kind"]) ?? c.fail("property.kind", `one of ${KINDS.join(", ")}`, property["kind"]);
  const patch = o["patch"] === null ? null : c.object(o["patch"], "patch");
  const steps = c.array(o["steps"], "steps", step);
  const loop = o["loop"] === null ? null : c.natural(o["loop"], "loop");
  if (loop !== null && loop > steps.length) c.fail("loop", `a state of the trace, 0..${steps.length}`, loop);
  return {
    format: TRACE_FORMAT,
    version: TRACE_VERSION,
    scenario: c.string(o["scenario"], "scenario"),
    programHash: c.string(o["programHash"], "programHash"),
    config: c.object(o["config"], "config"),
    policy: o["policy"] === null ? null : c.string(o["policy"], "policy"),
    patch: patch === null ? null : { name: c.string(patch["name"], "patch.name"), text: c.string(patch["text"], "patch.text") },
    memoryModel: c.literal(o["memoryModel"], "memoryModel", "sc"),
    seed: c.natural(o["seed"], "seed"),
    property: { kind, name: c.string(property["name"], "property.name") },
    initial: naturals(o["initial"], "initial"),
    steps,
    loop,
  };
}

/** A trace as the text of its file. */
export function writeTrace(trace: Trace): string {
  return `${JSON.stringify(trace, null, 2)}\n`;
}
