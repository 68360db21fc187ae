/** How the figures of the picture look. */
export const style = `
.picture h4 { font-size: 12px; font-weight: 600; margin: 8px 0 2px; }
.picture .mm h4 { font-weight: normal; color: var(--dim); }
.space td { min-width: 4.5em; }
.space .area { background: var(--accent-back); }
.space .gap { border-style: none; }
.space .gone { color: var(--dim); font-style: italic; }
.block { display: flex; gap: 4px; flex-wrap: wrap; margin-bottom: 4px; }
.frame-card { border: 1px solid var(--line); border-radius: 4px; padding: 2px 6px; width: 11.5em; font-size: 12px; }
.frame-card h4 { margin: 0; }
.frame-card.free { opacity: .6; border-style: dashed; }
.frame-card.tail { border-left-style: dotted; background: var(--panel); }
.frame-card.head { border-width: 1px 1px 1px 3px; }
.frame-card .mapping { color: var(--accent); }
.frame-card .flags .value { background: var(--panel); }
.frame-card .flags .value.changed { background: var(--change-back); }
`;
