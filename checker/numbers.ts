/** Numbers as people read them. */

/** `1344692` as `1,344,692`. */
export function group(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `2170000` as `2.17M`: three significant digits, for rates. */
export function short(n: number): string {
  const units = ["", "k", "M", "G"];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 ? Math.round(n) : n.toPrecision(3)}${units[i]}`;
}

/** Seconds as `0.04 s`, `12.3 s`, `4 min 05 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** Bytes as `512 MiB`. */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toPrecision(3)} ${units[i]}`;
}

/** The expected number of lost states: `none` in exact mode, else like `4e-12`. */
export function odds(expected: number, exact: boolean): string {
  if (exact) return "none";
  if (expected === 0) return "0";
  if (expected < 0.01) return expected.toExponential(0);
  return expected < 100 ? expected.toPrecision(2) : group(Math.round(expected));
}

/** `1 step`, `7 steps`. */
export function count(n: number, noun: string): string {
  return `${group(n)} ${noun}${n === 1 ? "" : "s"}`;
}
