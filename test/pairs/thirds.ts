/**
 * What the third does. "reference", "pin": it drops one, which it has when the two sides begin. "translation": its CPU runs
 * the process, and has cached the translations of the first two pages; it does nothing with them.
 */
export const THIRDS = ["none", "reference", "pin", "translation"] as const;
export type Third = (typeof THIRDS)[number];
/** The number of each: its place. */
export const THIRD = Object.fromEntries(THIRDS.map((name, n) => [name, n])) as Readonly<Record<Third, number>>;
