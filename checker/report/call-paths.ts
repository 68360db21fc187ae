/**
 * The calls that steps are in: how a stretch of steps is divided into them, and how they are named.
 *
 * A thread's routine makes calls, `sysMadvise(0, 2, MADV_DONTNEED)`; each is named in full where it begins. Further in, a
 * path has the routines between it and the steps, as far as they are the same for all of them: `doMadvise > zapPageRange`.
 */
import { count } from "../numbers.ts";
import type { StoryStep } from "../result.ts";
import { callKey } from "../trace/call-times.ts";

/** The call in words; the routine alone where the source cannot be had. */
function callText(step: StoryStep): string | null {
  return step.call ?? step.stack[1]?.routine ?? null;
}

const keyOfCall = ({ stack }: StoryStep): string | null => callKey(stack);

/** Frame by frame, what tells one call from another: the routine, and from where it calls the next. */
const frameKeys = ({ stack }: StoryStep): string[] => stack.map((f, n) => (n === stack.length - 1 ? f.routine : `${f.routine} ${f.line}`));

/**
 * A stretch in parts: as one at depth 0, call by call of the thread's routine at depth 1; each depth more divides the parts
 * again, by the outermost calls in which their steps differ.
 */
export function divided(steps: readonly StoryStep[], depth: number): StoryStep[][] {
  if (depth === 0) return [[...steps]];
  return runs(steps, keyOfCall).flatMap((part) => dividedFurther(part, depth - 1));
}

function dividedFurther(steps: StoryStep[], depth: number): StoryStep[][] {
  if (depth === 0 || steps.length === 1) return [steps];
  const keys = steps.map(frameKeys);
  const same = keys[0]!.findIndex((key, n) => keys.some((other) => other[n] !== key));
  if (same < 0) return [steps];
  const parts = runs(steps, (s) => frameKeys(s).slice(0, same + 1).join(" > "));
  return parts.flatMap((part) => dividedFurther(part, depth - 1));
}

/** Runs of neighbours with the same key. */
function runs(steps: readonly StoryStep[], keyOf: (step: StoryStep) => string | null): StoryStep[][] {
  const found: StoryStep[][] = [];
  steps.forEach((step, n) => {
    if (n > 0 && keyOf(step) === keyOf(steps[n - 1]!)) found.at(-1)!.push(step);
    else found.push([step]);
  });
  return found;
}

/** Names calls and paths, each call in full when it comes up first. */
export class CallPaths {
  /** The call that each actor was last seen in. */
  readonly #current = new Map<string, string | null>();

  /** The text of the call that the step is in, if the actor was not in it before. */
  newCall(actor: string, step: StoryStep): string | null {
    const key = callKey(step.stack);
    if (this.#current.get(actor) === key) return null;
    this.#current.set(actor, key);
    return key === null ? null : callText(step);
  }

  /** Where these steps of one actor are: `store(0, 2) > userStore > hardwareTranslate, doUserAddrFault`. */
  path(actor: string, steps: readonly StoryStep[]): string {
    const calls = runs(steps, keyOfCall);
    if (calls.length > 1) return this.#several(actor, calls);
    const call = this.newCall(actor, steps[0]!);
    const stacks = steps.map((s) => s.stack.slice(s.stack.length < 2 ? 0 : 2).map((f) => f.routine));
    const common = stacks.reduce((a, b) => a.slice(0, a.findIndex((x, i) => x !== b[i]) >>> 0));
    const below = [...new Set(stacks.map((s) => s[common.length]).filter((r) => r !== undefined))];
    const middle = common.length <= 2 ? common : ["...", ...common.slice(-2)];
    const path = [...(call === null ? [] : [call]), ...middle, ...(below.length === 0 ? [] : [some(below)])].join(" > ");
    return path === "" ? steps[0]!.stack[1]?.routine ?? count(steps.length, "step") : path;
  }

  #several(actor: string, calls: readonly StoryStep[][]): string {
    const texts = calls.map(([first]) => callText(first!) ?? first!.stack[0]?.routine ?? "");
    const isKnown = this.#current.has(actor) && this.#current.get(actor) === callKey(calls[0]![0]!.stack);
    this.newCall(actor, calls.at(-1)![0]!);
    return some(isKnown ? ["...", ...texts.slice(1)] : texts);
  }
}

/** All of them, or the first two and the last. */
function some(words: readonly string[]): string {
  return words.length <= 3 ? words.join(", ") : `${words.slice(0, 2).join(", ")} ... ${words.at(-1)!}`;
}
