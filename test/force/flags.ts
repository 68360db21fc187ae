/** What `thpcheck force` is asked for besides pairs, or a trace. */
export interface ForceFlags {
  readonly kernel?: string;
  readonly schedule?: string;
  readonly anchors?: boolean;
  readonly record?: boolean;
  readonly recorded?: boolean;
  readonly least: number;
  /** Guests side by side, each with pairs of its own. */
  readonly guests: number;
  readonly show?: boolean;
  readonly traces?: boolean;
  readonly witness?: string;
  readonly scenario?: string;
  readonly from?: string;
}
