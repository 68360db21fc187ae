/** How a trace is to be shown. */
export interface TraceView {
  /** Characters a line may take. */
  readonly width: number;
  readonly color: boolean;
  /** Everything: every step, unchanged fields of the initial state, locals, statistics. */
  readonly full: boolean;
  /** The command that replays this trace. */
  readonly replayCommand: string;
}
