/**
 * The specification explored on its own: products of machines under all orders of events. `thpcheck check spec/models.ts`.
 *
 * Beside its invariants each product is held to two things that a specification can get wrong: no state without a way on
 * (deadlock), and no state of a machine that no sequence of events reaches (witnesses).
 */
import { holds, scenario, violated, type ModelScenario } from "../checker/scenario.ts";

/** `product`: its name in `products.ts`, which is loaded when the scenario is checked. */
function model(product: string): ModelScenario<Record<never, never>>["model"] {
  return { structs: {}, actors: [], system: { module: new URL("./products.ts", import.meta.url).href, data: { product } } };
}

export default [
  scenario({
    name: "spec-folio", tier: "quick", model: model("folio"),
    why: "Two frames, two processes: mappings, pins and references of a folio agree through allocation, fork, split and free.",
    endless: true, expect: holds({ states: 9486 }),
  }),
  scenario({
    name: "spec-folio-2", tier: "full", model: model("folio-2"),
    why: "The same for four pages, which are one huge page after the other or four single ones.",
    endless: true, expect: holds({ states: 976_144 }),
  }),
  scenario({
    name: "spec-split-queue", tier: "quick", model: model("split-queue"),
    why: "A folio leaves the split queue before it is split or freed.",
    endless: true, expect: holds({ states: 8029 }),
  }),
  scenario({
    name: "spec-page-table", tier: "quick", model: model("page-table"),
    why: "Huge PMDs stay inside VMA bounds, each table has one owner; two ranges of four pages.",
    endless: true, expect: holds({ states: 37_273 }),
  }),
  scenario({
    name: "spec-collapse", tier: "quick", model: model("collapse"),
    why: "However two collapses meet, one of them takes the table out, and none succeeds without the huge page.",
    endless: true, expect: holds({ states: 211_181 }),
  }),
  scenario({
    name: "spec-collapse-windows", tier: "full", model: model("collapse-windows"),
    why: "The same where khugepaged also goes from window to window of a range: the table comes back with the folio in it.",
    endless: true, expect: holds({ states: 466_805 }),
  }),
  scenario({
    name: "spec-reservation", tier: "full", model: model("reservation"),
    why:
      "Two processes, two ranges each: NR_THP_RESERVED equals the unused pages, whatever is handed out, given back, " +
      "released and promoted.",
    endless: true, expect: holds({ states: 456_976 }),
  }),
  scenario({
    name: "spec-reservation-first-proposal", tier: "quick", model: model("reservation-first-proposal"),
    why: "The proposal of 2018: a hand-out that is aborted is not counted back, and a page on its way can be handed out again.",
    expect: violated("R3 NR_THP_RESERVED balance", { length: 3 }),
  }),
  scenario({
    name: "spec-refcount-2011", tier: "quick", model: model("refcount-2011"),
    why: "The scheme of 2011: a split hands every pin of a tail on, whatever getters and putters are under way.",
    endless: true, expect: holds({ states: 505 }),
  }),
  scenario({
    name: "spec-queue", tier: "quick", model: model("queue"),
    why: "Seven members of the split queue, each on its own: what XState's explorer is compared with.",
    endless: true, expect: holds({ states: 16_384 }),
  }),
  scenario({
    name: "spec-swap-entry", tier: "quick", model: model("swap-entry"),
    why: "Four slots of the swap area, two processes.",
    endless: true, expect: holds({ states: 1296 }),
  }),
  scenario({
    name: "spec-tlb", tier: "quick", model: model("tlb"),
    why: "Two CPUs, two ranges: never a small and a huge translation of one address.",
    endless: true, expect: holds({ states: 625 }),
  }),
];
