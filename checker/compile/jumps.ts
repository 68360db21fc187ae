/** Where `break` and `continue` go, while a routine is lowered. */

/** A statement with yields in it that a `break` or `continue` may name. */
export interface Target {
  readonly labels: readonly string[];
  readonly breakTo: number;
  /** Null for a switch or a labelled block, which `continue` passes through. */
  readonly continueTo: number | null;
  /** Whether a plain `break` ends here. */
  readonly plain: boolean;
}

/** What a statement without yields stands in, of the statements that are left as they are: jumps to these stay too. */
export interface Inside { readonly labels: readonly string[]; readonly plainBreak: boolean; readonly plainContinue: boolean }
