/**
 * A counterexample as text: the steps that matter to the broken promise (`slice-view.ts`), or with `--full` all of it
 * (`full-trace.ts`).
 */
import type { ReplayedTrace, TraceStory } from "../result.ts";
import { renderFull } from "./full-trace.ts";
import { renderSlice } from "./slice-view.ts";
import type { TraceView } from "./trace-view.ts";

/** The view as text, ending with a newline. `story`: null where nobody saw the accesses of the steps (`trace/story.ts`). */
export function renderTrace(t: ReplayedTrace, view: TraceView, story: TraceStory | null = null): string {
  return view.full ? renderFull(t, view) : renderSlice(t, story, view);
}
