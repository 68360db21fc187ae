/** The selected step as part of the page's address, `#step=12`. */

export function stepOfLink(hash: string, steps: number): number | null {
  const n = Number(/^#step=(\d+)$/.exec(hash)?.[1] ?? NaN);
  return Number.isInteger(n) && n <= steps ? n : null;
}

export const linkOfStep = (n: number): string => `#step=${n}`;
