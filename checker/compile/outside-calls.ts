/**
 * Calls from the outside, such as system calls: whether one ever succeeds is written down where it returns, in a byte for each
 * place and actor. A byte tells of some step of some run, never of the state: it is no part of it, and decides nothing.
 */
import type { OutsideCall } from "../scenario.ts";
import { CALL_FAILED, CALL_SUCCEEDED } from "../system.ts";
import type { RecordShapes, SourceFunction } from "./record-shape.ts";

interface Row { readonly routine: string; readonly site: number; readonly callee: string }

export class OutsideCallRows {
  readonly #failureOf: ReadonlyMap<string, number | null>;
  readonly #actors: number;
  readonly rows: Row[] = [];

  constructor(calls: readonly OutsideCall[], actors: number, shapes: RecordShapes) {
    this.#failureOf = new Map(calls.flatMap(({ run, failure = null }) => {
      const source = shapes.sourceOf(run);
      return source === null ? [] : [[nameOf(source), failure] as const];
    }));
    this.#actors = actors;
  }

  /** Text of the statement behind a call of `called`, whose result is in `$R`; empty where it is no call from the outside. */
  returned(called: SourceFunction & { readonly label: string }, routine: string, site: number): string {
    const failure = this.#failureOf.get(nameOf(called));
    if (failure === undefined) return "";
    const row = this.rows.push({ routine, site, callee: called.label }) - 1;
    const failed = `$R < 0 || $R === false${failure === null ? "" : ` || $R === ${failure}`}`;
    return `$calls[${row * this.#actors} + $me] |= ${failed} ? ${CALL_FAILED} : ${CALL_SUCCEEDED};`;
  }

  /** Text of the declaration of the bytes. */
  declaration(): string {
    return `const $calls = new Uint8Array(${this.rows.length * this.#actors});`;
  }
}

/** By name and not by identity: under a patch a module is loaded once more, and its functions may have moved. */
function nameOf({ module, node }: SourceFunction): string {
  return `${module.url.replace(/\?.*$/, "")} ${"id" in node && node.id != null ? node.id.name : node.start}`;
}
