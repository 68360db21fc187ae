/** The form of what a page asks the explorer's server. */
import * as v from "valibot";
import { objectOf, problemOf, text, whole } from "../form.ts";
import type { Goal, WalkedPath, Way } from "../page/explored.ts";
import { UsageError } from "../usage-error.ts";

/** Far above any path that a person walks. */
const STEPS_MAX = 100_000;
const CHOICES_MAX = 1000;

const choice = whole(0, 2 ** 31, "a choice, from 0 upward");
const choices = v.pipe(v.array(choice, "an array of choices"), v.maxLength(CHOICES_MAX, `at most ${CHOICES_MAX} choices`));
const step = objectOf({ actor: whole(0, 1000, "the number of an actor"), choices }, "{ actor, choices }");
const path = objectOf({
  initial: choices, steps: v.pipe(v.array(step, "an array of steps"), v.maxLength(STEPS_MAX, `at most ${STEPS_MAX} steps`)),
}, "{ initial, steps }");
const kind = v.picklist(["promise", "witness", "label", "field"], "a kind of goal");
const named = objectOf({ kind, name: text("a name") }, "{ kind, name }");
const broken = objectOf({ kind: v.literal("broken", '"broken"') }, "{ kind }");

const traceRequest = objectOf({ trace: text("a trace string") }, "{ trace }");
const stateRequest = v.union([objectOf({ path }, "{ path }"), traceRequest], "{ path } or { trace }");
const goRequest = objectOf({
  path, goal: v.union([named, broken], '{ kind, name } or { kind: "broken" }'), way: v.picklist(["walk", "nearest"], '"walk" or "nearest"'),
  seed: whole(0, 0xffff_ffff, "a seed"),
}, "{ path, goal, way, seed }");

export type StateRequest = { readonly path: WalkedPath } | { readonly trace: string };
export interface GoRequest {
  readonly path: WalkedPath;
  readonly goal: Goal;
  readonly way: Way;
  readonly seed: number;
}

/** Throws a UsageError that says what is wrong with it. */
export function stateRequestOf(value: unknown): StateRequest {
  return checked(stateRequest, value) as StateRequest;
}

/** The same. */
export function goRequestOf(value: unknown): GoRequest {
  return checked(goRequest, value) as GoRequest;
}

function checked(form: v.GenericSchema, value: unknown): unknown {
  const problem = problemOf(form, value);
  if (problem !== null) throw new UsageError(`the request is wrong: ${problem}`);
  return value;
}
