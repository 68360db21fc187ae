/** The form of a configuration, of its commands, and of the machines that it hands out. */
import * as v from "valibot";
import { anyFunction, objectOf, plainFunction, problemOf, recordOf, text } from "./form.ts";
import { isRecord } from "./value-in-words.ts";
import { outsideCalls, refinement } from "./scenario-form.ts";

const command = objectOf({
  name: v.pipe(text("a word"), v.regex(/^[A-Za-z][\w-]*$/, "a word of letters, digits and -")),
  description: text("a text of one line"), register: plainFunction("a plain function"),
}, "{ name, description, register }");

const config = objectOf({
  scenarios: v.array(text("a glob"), "an array of globs"),
  refine: v.optional(anyFunction("a function of a scenario")),
  calls: v.optional(anyFunction("a function of a scenario")),
  picture: v.optional(anyFunction("a function of a scenario")),
  traceFormats: v.optional(recordOf(anyFunction("a function that loads a format"), "a record of functions")),
  commands: v.optional(v.array(command, "an array of commands")),
  lists: v.optional(recordOf(anyFunction("a function that gives rows"), "a record of functions")),
}, "defineConfig({ scenarios: [globs] })");

const machines = v.array(refinement, "an array of machines");
const rows = v.pipe(
  v.array(v.array(v.string("a text"), "an array of texts"), "an array of rows"),
  v.minLength(1, "at least a row of headings"),
);

/** What is wrong with a configuration, as the end of a sentence; null: nothing. */
export function configProblem(value: unknown): string | null {
  const problem = problemOf(config, value);
  if (problem !== null) return problem;
  const names = ((value as { commands?: readonly { readonly name: string }[] }).commands ?? []).map((c) => c.name);
  const taken = names.find((n) => OWN_COMMANDS.includes(n));
  if (taken !== undefined) return `a command may not be named ${JSON.stringify(taken)}`;
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  return twice === undefined ? null : `two commands are named ${JSON.stringify(twice)}`;
}

/** Commands that every project has. */
export const OWN_COMMANDS: readonly string[] = ["check", "list", "replay", "explore", "state-graph", "reach", "help"];

/** The same of what `refine` gave. */
export function machinesProblem(value: unknown): string | null {
  return problemOf(machines, value);
}

/** The same of what `calls` gave. */
export function callsProblem(value: unknown): string | null {
  return problemOf(outsideCalls, value);
}

/** The same of what a list gave. */
export function rowsProblem(value: unknown): string | null {
  return isRecord(value) ? "it must be an array of rows, found a record" : problemOf(rows, value);
}
