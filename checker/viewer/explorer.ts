/** The explorer: the same page, of a run that is made step by step. */
import { h, type JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Explored, Goal, NextStep, WalkedPath, Way } from "../page/explored.ts";
import type { Picture } from "../page/picture.ts";
import { App } from "./app.ts";
import { go, stateAt, stateOf } from "./server.ts";

/** A trace string at the end of the page's address. */
const traceOfAddress = (): string | null => /^#(tc1\.[^&]+)/.exec(location.hash)?.[1] ?? null;

export function Explorer({ picture, start }: { readonly picture: Picture | null; readonly start: string | null }): JSX.Element {
  const [state, setState] = useState<Explored | null>(null);
  const [says, setSays] = useState("");
  const [isBusy, setBusy] = useState(true);
  const [wanted, setWanted] = useState<Wanted>({ kind: "broken", name: "", seed: 0 });
  const load = async (answer: Promise<Explored | null>, sentence = ""): Promise<void> => {
    setBusy(true);
    try {
      const next = await answer;
      if (next !== null) {
        // The step in the address was one of the run before: of a new one, the last is looked at.
        history.replaceState(null, "", location.pathname);
        setState(next);
      }
      setSays(sentence);
    } catch (e) {
      setSays(e instanceof Error ? e.message : String(e));
    }
    setBusy(false);
  };
  const seek = async (goal: Goal, way: Way, seed: number): Promise<void> => {
    if (state === null) return;
    setSays("looking for it ...");
    let sentence = "";
    await load(go(state.path, goal, way, seed).then((a) => { sentence = a.says; return a.state; }));
    setSays((said) => (said === "" ? sentence : said));
  };
  useEffect(() => {
    const trace = traceOfAddress() ?? start;
    void load(trace === null ? stateAt({ initial: [], steps: [] }) : stateOf(trace));
  }, []);
  if (state === null) return h("p", { role: "status" }, says === "" ? "loading ..." : says);
  const panel = (selected: number): JSX.Element => h(Panel, {
    state, selected, says, isBusy, wanted, setWanted,
    to: (path) => { void load(stateAt(path)); }, seek: (goal, way, seed) => { void seek(goal, way, seed); },
  });
  // Another run is another page: what was folded and selected was of the one before.
  return h(App, { key: state.link, page: state.page, picture, panel });
}

/** What is looked for. */
interface Wanted {
  readonly kind: Kind;
  readonly name: string;
  /** Of the next walk. */
  readonly seed: number;
}

interface PanelProps {
  readonly state: Explored;
  readonly selected: number;
  /** What the server said last. */
  readonly says: string;
  readonly isBusy: boolean;
  readonly wanted: Wanted;
  readonly setWanted: (wanted: Wanted) => void;
  readonly to: (path: WalkedPath) => void;
  readonly seek: (goal: Goal, way: Way, seed: number) => void;
}

function Panel(props: PanelProps): JSX.Element {
  const { state, selected, says, isBusy, to } = props;
  const { path } = state;
  const until = (n: number): WalkedPath => ({ initial: path.initial, steps: path.steps.slice(0, n) });
  return h("section", { class: "explorer", "aria-busy": String(isBusy) },
    h("div", { class: "next" },
      selected === path.steps.length ? h(Next, props)
        : h("button", { type: "button", class: "from-here", onClick: () => { to(until(selected)); } }, `go on from step ${selected}`)),
    h("div", {}, h("button", {
      type: "button", class: "undo", disabled: path.steps.length === 0, onClick: () => { to(until(path.steps.length - 1)); },
    }, "take back the last step"), h(Seek, props)),
    h("p", { class: "says", role: "status" }, says),
    h("p", { class: "dim" }, "share: ", h("code", { class: "link" }, state.link)));
}

/** A button for each step that can be taken. */
function Next({ state: { page, path, next, initials }, isBusy, to }: PanelProps): JSX.Element {
  const { actors } = page.program;
  const take = ({ actor, choices }: NextStep): void => { to({ initial: path.initial, steps: [...path.steps, { actor, choices }] }); };
  return h("div", {},
    initials.length < 2 ? null : h("div", {}, "initial states: ", initials.map((i) => h("button", {
      type: "button", class: "initial", disabled: isBusy, onClick: () => { to({ initial: i.choices, steps: [] }); },
    }, i.words.join(", ")))),
    next.length === 0 ? h("p", { class: "dim" }, "No step can be taken.") : next.map((step) => h("button", {
      type: "button", class: `take${step.fault === null ? "" : " alarm"}`, disabled: isBusy, title: step.fault ?? undefined,
      onClick: () => { take(step); },
    }, h("b", {}, actors[step.actor]), ` ${step.label}`, step.words.map((w) => ` [${w}]`))));
}

const KINDS = { broken: "a broken promise", promise: "promise", witness: "witness", label: "label", field: "a change of field" } as const;
type Kind = keyof typeof KINDS;

/** Goes on until something shows. */
function Seek({ state, isBusy, seek, wanted, setWanted }: PanelProps): JSX.Element {
  const { kind, name, seed } = wanted;
  const names = kind === "promise" ? state.promises : kind === "witness" ? state.witnesses : null;
  const chosen = names === null ? name : names.includes(name) ? name : names[0] ?? "";
  const goal: Goal = kind === "broken" ? { kind } : { kind, name: chosen };
  const start = (way: Way): void => {
    seek(goal, way, seed);
    if (way === "walk") setWanted({ ...wanted, seed: seed + 1 });
  };
  const disabled = isBusy || (kind !== "broken" && chosen === "");
  return h("span", { class: "seek" }, " go to ",
    h("select", {
      "aria-label": "what to look for", value: kind,
      onChange: (e: Event) => { setWanted({ ...wanted, kind: (e.currentTarget as HTMLSelectElement).value as Kind }); },
    }, Object.entries(KINDS).map(([value, words]) => h("option", { value }, words))),
    kind === "broken" ? null : h(Name, { names, chosen, set: (text) => { setWanted({ ...wanted, name: text }); } }),
    h("button", { type: "button", disabled, onClick: () => { start("nearest"); } }, "nearest"),
    h("button", { type: "button", disabled, title: `seed ${seed}`, onClick: () => { start("walk"); } }, "run by chance"));
}

function Name({ names, chosen, set }: { names: readonly string[] | null; chosen: string; set: (name: string) => void }): JSX.Element {
  const read = (e: Event): void => { set((e.currentTarget as HTMLInputElement | HTMLSelectElement).value); };
  if (names === null) return h("input", { type: "text", "aria-label": "its name", value: chosen, onInput: read });
  return h("select", { "aria-label": "its name", value: chosen, onChange: read }, names.map((name) => h("option", { value: name }, name)));
}
