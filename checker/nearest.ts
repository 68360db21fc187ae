/** "Did you mean ...": the names that a mistyped one is closest to. */

/** Edits (insert, remove, replace, swap neighbours) that turn `a` into `b`; the optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replace, previous[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, older[j - 2]! + 1);
    }
    older = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** Up to `most` names near to `wanted`, nearest first: few edits away, or containing it. */
export function nearest(wanted: string, names: readonly string[], most = 3): string[] {
  const w = wanted.toLowerCase();
  return names
    .map((name) => ({ name, distance: w.length >= 3 && name.toLowerCase().includes(w) ? 0.5 : editDistance(w, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(2, Math.floor(Math.min(w.length, name.length) / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name);
}

/** ` Did you mean "a" or "b"?`, or nothing. */
export function didYouMean(wanted: string, names: readonly string[]): string {
  const near = nearest(wanted, names).map((n) => JSON.stringify(n));
  return near.length === 0 ? "" : ` Did you mean ${near.length === 1 ? near[0] : `${near.slice(0, -1).join(", ")} or ${near.at(-1)}`}?`;
}
