/**
 * Which calls of two threads are under way at the same time: what one does there may matter to the other. What a thread did
 * in calls that were over before the other's began is how the scenario was set up.
 */
import type { SourceFrame } from "../system.ts";

/** What tells a call of the thread's own routine from the one before: from where it is made, and of what. Null: in none. */
export function callKey(stack: readonly SourceFrame[]): string | null {
  return stack.length < 2 ? null : `${stack[0]!.line} ${stack[1]!.routine}`;
}

export class CallTimes {
  /** The call that each actor was last seen in, and the step since when it is. */
  readonly #current = new Map<string, { readonly key: string | null; readonly since: number }>();

  /** `actor` takes a step in these routines, the outermost first. */
  takes(actor: string, step: number, stack: readonly SourceFrame[]): void {
    const key = callKey(stack);
    if (this.#current.get(actor)?.key !== key) this.#current.set(actor, { key, since: step });
  }

  /** Whether the present call of `actor` had begun when `other` took that step, or `other` is still in the call in which it did. */
  areConcurrent(actor: string, other: string, step: number): boolean {
    return [actor, other].some((a) => (this.#current.get(a)?.since ?? Infinity) <= step);
  }
}
