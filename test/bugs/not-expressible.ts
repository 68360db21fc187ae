/** Bugs of Linux that `impl/` cannot show yet, because it lacks the part that they live in. No other reason is allowed. */

export interface NotExpressible {
  readonly id: string;
  /** The part that impl/ lacks. */
  readonly needs: string;
}

export const NOT_EXPRESSIBLE: readonly NotExpressible[] = [
];
