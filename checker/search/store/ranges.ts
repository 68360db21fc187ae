/** In which pieces, and in which order, the entries of a doubled table are moved by several workers. */

export interface Range {
  readonly from: number;
  readonly to: number;
  /** So many ranges must be done before this one. */
  readonly after: number;
}

/** Ranges moved at the same time: several a worker, so that nobody waits long for the last. */
const RANGES = 16;

/**
 * The ranges in which the old slots 0..slots-1 are moved: the upper half, which goes to fresh memory, in RANGES pieces; then
 * the upper half of the rest, which goes where the first half was; and so on; at last the small rest.
 * For 64 slots and pieces of 16: 32..47, 48..63, 16..31, 0..15.
 */
export function planRanges(slots: number, pieceSlots: number = slots / (2 * RANGES)): Range[] {
  const ranges: Range[] = [];
  let end = slots;
  for (; end / 2 >= pieceSlots; end /= 2) {
    const after = ranges.length;
    for (let from = end / 2; from < end; from += pieceSlots) ranges.push({ from, to: from + pieceSlots, after });
  }
  ranges.push({ from: 0, to: end, after: ranges.length });
  return ranges;
}
