/** A page: the steps on one side, the selected step and memory on the other. */
import { h, type JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PageData } from "../page/data.ts";
import type { Picture } from "../page/picture.ts";
import { allCalls, callsAround, stretchesOf, type Stretch } from "./call-tree.ts";
import { actionOf, KEYS_IN_WORDS, type Action } from "./keys.ts";
import { Lanes } from "./lanes.ts";
import { linkOfStep, stepOfLink } from "./link.ts";
import { MemoryView } from "./memory-view.ts";
import { Moment, storyOf } from "./moment.ts";
import { nextFound, stepsFound } from "./search.ts";
import { States } from "./states.ts";
import { Lines, StepView } from "./step-view.ts";
import { ThemeButton } from "./theme.ts";

/** Steps of this rank and those before are not folded at first: where threads meet, and how it came to that. */
const RANK_SHOWN = 3;

export interface AppProps {
  readonly page: PageData;
  readonly picture: Picture | null;
  /** Above the selected step, of which it is told the number. */
  readonly panel?: (selected: number) => JSX.Element;
}

export function App({ page, picture, panel }: AppProps): JSX.Element {
  const { steps } = page.trace;
  const story = useMemo(() => storyOf(page, new States(page.trace)), [page]);
  const stretches = useMemo(() => stretchesOf(steps), [steps]);
  const [selected, setSelected] = useState(() => stepOfLink(location.hash, steps.length) ?? steps.length);
  const folding = useFolding(stretches, () => [selected, ...steps.flatMap((s, n) => (s.rank <= RANK_SHOWN ? [n + 1] : []))]);
  const [words, setWords] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const found = useMemo(() => stepsFound(page, words), [page, words]);
  const moment = useMemo(() => new Moment(story, selected), [story, selected]);

  const select = (n: number): void => {
    const step = Math.min(steps.length, Math.max(0, n));
    setSelected(step);
    folding.reveal(step);
    history.replaceState(null, "", linkOfStep(step));
  };
  const act = (action: Action): void => {
    if (action === "search") field.current?.focus();
    else if (action === "folds") folding.toggleAll();
    else select(stepAfter(action, selected, page));
  };
  useKeys(act);
  useEffect(() => {
    const follow = (): void => { select(stepOfLink(location.hash, steps.length) ?? selected); };
    addEventListener("hashchange", follow);
    return () => { removeEventListener("hashchange", follow); };
  });
  useEffect(() => { document.getElementById(`row-${selected}`)?.scrollIntoView({ block: "nearest" }); }, [selected, folding.open]);

  const search = {
    words, found, field, set: setWords,
    next: (back: boolean) => { const n = nextFound(found, selected, back); if (n !== null) select(n); },
  };
  return h("div", { class: "page" },
    h("header", {}, h(Head, { page }), h(Controls, { steps: steps.length, selected, select, toggleAll: folding.toggleAll, search })),
    h("main", {},
      h(Lanes, { page, stretches, selected, open: folding.open, found: new Set(found), select, toggle: folding.toggle }),
      h("div", { class: "detail" }, panel?.(selected), h(StepView, { page, step: selected }), h(MemoryView, { moment, picture }))));
}

interface Folding {
  readonly open: ReadonlySet<string>;
  readonly toggle: (call: string) => void;
  readonly toggleAll: () => void;
  /** Opens the calls that hold the step. */
  readonly reveal: (step: number) => void;
}

/** `shown`: the steps whose calls are open at first. */
function useFolding(stretches: readonly Stretch[], shown: () => readonly number[]): Folding {
  const around = (steps: readonly number[]): Set<string> => callsAround(stretches, new Set(steps));
  const [open, setOpen] = useState<ReadonlySet<string>>(() => around(shown()));
  const all = useMemo(() => allCalls(stretches), [stretches]);
  return {
    open,
    toggle: (call) => { setOpen((was) => (was.has(call) ? new Set([...was].filter((k) => k !== call)) : new Set([...was, call]))); },
    toggleAll: () => { setOpen((was) => (was.size === all.size ? around(shown()) : all)); },
    reveal: (step) => {
      const needed = [...around([step])];
      setOpen((was) => (needed.every((k) => was.has(k)) ? was : new Set([...was, ...needed])));
    },
  };
}

/** From the first time that the page is drawn: a key that is pressed at once counts. */
function useKeys(act: (action: Action) => void): void {
  useLayoutEffect(() => {
    const hear = (e: KeyboardEvent): void => {
      const action = actionOf(e);
      if (action === null) return;
      e.preventDefault();
      act(action);
    };
    addEventListener("keydown", hear);
    return () => { removeEventListener("keydown", hear); };
  });
}

function stepAfter(action: Exclude<Action, "search" | "folds">, from: number, { trace: { steps } }: PageData): number {
  const switches = steps.flatMap((s, n) => (s.switched === null ? [] : [n + 1]));
  switch (action) {
    case "next": return from + 1;
    case "back": return from - 1;
    case "first": return 0;
    case "last": return steps.length;
    case "nextSwitch": return switches.find((n) => n > from) ?? steps.length;
    case "lastSwitch": return switches.findLast((n) => n < from) ?? 0;
  }
}

function Head({ page: { program, trace } }: { readonly page: PageData }): JSX.Element {
  return h("details", { class: "head", open: true },
    h("summary", {}, h("h1", {}, program.scenario), h("span", { class: "dim" }, ` ${trace.steps.length} steps`)),
    h(Lines, { lines: trace.verdict }),
    trace.replay === null ? null : h("p", { class: "replay" }, h("code", {}, trace.replay)));
}

interface Search {
  readonly words: string;
  readonly found: readonly number[];
  readonly field: { readonly current: HTMLInputElement | null };
  readonly set: (words: string) => void;
  readonly next: (back: boolean) => void;
}
interface ControlsProps {
  readonly steps: number;
  readonly selected: number;
  readonly select: (n: number) => void;
  readonly toggleAll: () => void;
  readonly search: Search;
}

function Controls({ steps, selected, select, toggleAll, search }: ControlsProps): JSX.Element {
  const button = (text: string, label: string, n: number): JSX.Element => h("button", {
    type: "button", "aria-label": label, title: label, disabled: n < 0 || n > steps, onClick: () => { select(n); },
  }, text);
  return h("div", { class: "controls", title: KEYS_IN_WORDS },
    button("◀", "step back", selected - 1), button("▶", "step forward", selected + 1),
    h("input", {
      type: "range", min: 0, max: steps, value: selected, "aria-label": "step",
      onInput: (e: Event) => { select(Number((e.currentTarget as HTMLInputElement).value)); },
    }),
    h("output", {}, `${selected} of ${steps}`),
    h("input", {
      type: "search", ref: search.field, value: search.words, placeholder: "search: label, function, value",
      "aria-label": "search in the steps",
      onInput: (e: Event) => { search.set((e.currentTarget as HTMLInputElement).value); },
      onKeyDown: (e: KeyboardEvent) => {
        if (e.key === "Enter") search.next(e.shiftKey);
        if (e.key === "Escape") (e.currentTarget as HTMLInputElement).blur();
      },
    }),
    search.words === "" ? null : h("span", { class: "dim found-count", role: "status" }, `${search.found.length} found`),
    h("button", { type: "button", onClick: toggleAll }, "folds"), h(ThemeButton, {}));
}
