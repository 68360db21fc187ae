/** What can go wrong in a step of the program under check. */

/** The rule that a faulty step broke; each is a property that no scenario has to declare. */
export type FaultRule =
  | "assertion" // vmBugOn and the like
  | "range" // a store that does not fit its field, an index outside its table
  | "lock-ownership" // released by another than its owner, or taken twice
  | "lock-held-at-exit"
  | "sleep-in-atomic"
  | "choose-from-nothing"
  | "endless-step" // a loop without a yield that does not end
  | "exception" // any other JavaScript error: a mistake in the routine
  | "atomicity"
  | "data-race"
  | "lock-order";

/** A step that went wrong. It is a finding about the program under check, not an error of the checker. */
export class StepFault extends Error {
  readonly rule: FaultRule;
  /** `file:line`, or null. */
  readonly source: string | null;
  constructor(rule: FaultRule, message: string, source: string | null = null) {
    super(message);
    this.name = "StepFault";
    this.rule = rule;
    this.source = source;
  }
}
