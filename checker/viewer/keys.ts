/** What keys do. In a text field they write. */

export type Action = "next" | "back" | "first" | "last" | "nextSwitch" | "lastSwitch" | "search" | "folds";

const ACTIONS: Readonly<Record<string, Action>> = {
  ArrowRight: "next", ArrowDown: "next", ArrowLeft: "back", ArrowUp: "back", Home: "first", End: "last",
  PageDown: "nextSwitch", PageUp: "lastSwitch", "/": "search", f: "folds",
};

/** In words, for the page. */
export const KEYS_IN_WORDS = "← → step, Page Up/Down thread switch, Home/End, / search, f folds";

export function actionOf(e: KeyboardEvent): Action | null {
  if (e.ctrlKey || e.metaKey || e.altKey) return null;
  const { target } = e;
  const writes = target instanceof HTMLInputElement && target.type !== "range";
  // The slider knows the arrow keys itself.
  if (writes || target instanceof HTMLInputElement && e.key !== "/" && e.key !== "f") return null;
  return ACTIONS[e.key] ?? null;
}
