/**
 * Releases of Linux: major.minor.patch, and 2.6.x.patch before 3.0. A series is what comes before the patch: 6.18.
 *
 * Known are the series from 2.6.38, the first with transparent huge pages, to 7.3. The newest patch is known of some of
 * them only: releases that were looked at. A distribution's kernel has the number of the release that it started from,
 * and more changes than that release.
 */

/** A release that is known. */
export interface LinuxRelease {
  /** "6.18", or "2.6.38". */
  readonly series: string;
  /** Place of the series in time; the first is 0. */
  readonly age: number;
  /** Infinity: the newest of the series, where nothing more is known of it. */
  readonly patch: number;
}

/** Major version (2.6 counts as one), its first and last minor version. */
const MAJORS: readonly (readonly [major: string, first: number, last: number])[] = [
  ["2.6", 38, 39], ["3", 0, 19], ["4", 0, 20], ["5", 0, 19], ["6", 0, 19], ["7", 0, 3],
];
const SERIES: readonly string[] = MAJORS.flatMap(([major, first, last]) => {
  return Array.from({ length: last - first + 1 }, (_, i) => `${major}.${first + i}`);
});
const [OLDEST, NEWEST] = [SERIES[0]!, SERIES.at(-1)!];

/** The newest patch of a series that is known. */
const NEWEST_PATCH: Readonly<Record<string, number>> = {
  "6.1": 192, "6.12": 117, "6.16": 12, "6.18": 44, "6.19": 14, "7.0": 13, "7.1": 13, "7.2": 13, "7.3": 4,
};

/**
 * The release that a text names: "6.18.44", or "6.18" for the newest that is known of 6.18.
 * Throws a RangeError in words: not of this form, before 2.6.38, after 7.3, a series or patch that is not known.
 */
export function linuxRelease(text: string): LinuxRelease {
  const numbers = /^\d{1,3}(\.\d{1,3}){1,3}$/.test(text) ? text.split(".").map(Number) : [];
  const parts = numbers[0] === 2 && numbers[1] === 6 ? 3 : 2;
  if (numbers.length < parts || numbers.length > parts + 1) {
    throw new RangeError(`linux ${JSON.stringify(text)}: a release is major.minor or major.minor.patch, as "6.18" or "6.18.44"`);
  }
  const series = numbers.slice(0, parts).join(".");
  const age = SERIES.indexOf(series);
  if (age < 0) throw new RangeError(`linux ${JSON.stringify(text)}: ${whyNoSeries(numbers)}`);
  const newest = NEWEST_PATCH[series] ?? Infinity;
  const patch = numbers[parts] ?? newest;
  if (patch > newest) throw new RangeError(`linux ${JSON.stringify(text)}: the newest ${series} that is known is ${series}.${newest}`);
  return { series, age, patch };
}

function whyNoSeries(numbers: readonly number[]): string {
  const [major, minor] = [numbers[0]!, numbers[1]!];
  const known = MAJORS.find(([m]) => m === String(major));
  if (major < 3) return `transparent huge pages came with ${OLDEST}`;
  if (known === undefined || known === MAJORS.at(-1)) return `the newest series that is known is ${NEWEST}`;
  return `there is no ${major}.${minor}; the last ${major} was ${known[0]}.${known[2]}`;
}

/**
 * What `uname -r` says, as a release: "6.12.74+deb13-cloud-amd64" is 6.12.74. A kernel that is newer than all that are
 * known counts as the newest that is known of its series, or of all. Throws a RangeError for one that is too old, and
 * for a text that does not begin with a release.
 */
export function hostRelease(uname: string): LinuxRelease {
  const numbers = (/^\d+(\.\d+)+/.exec(uname)?.[0] ?? "").split(".").map(Number);
  const parts = numbers[0] === 2 ? 3 : 2;
  const series = numbers.slice(0, parts).join(".");
  const [lastMajor, , lastMinor] = MAJORS.at(-1)!;
  const isNewer = numbers[0]! > Number(lastMajor) || (numbers[0] === Number(lastMajor) && numbers[1]! > lastMinor);
  if (isNewer) return linuxRelease(NEWEST);
  const patch = numbers[parts];
  return linuxRelease(patch === undefined || patch > (NEWEST_PATCH[series] ?? 999) ? series || uname : `${series}.${patch}`);
}

/**
 * Is a change that these releases took first in a release? "6.12" is in 6.12 and all series after it; "6.6.70" is in
 * 6.6.70 and later ones of 6.6 alone.
 */
export function contains(release: LinuxRelease, firsts: readonly string[]): boolean {
  return firsts.some((first) => {
    const parts = first.split(".");
    const series = SERIES.includes(first) ? first : parts.slice(0, -1).join(".");
    if (series === first) return release.age >= SERIES.indexOf(series);
    return release.series === series && release.patch >= Number(parts.at(-1));
  });
}

/** Throws a RangeError for a first release that is none: rows are checked by their test. */
export function ageOf(first: string): { readonly age: number; readonly patch: number } {
  const isSeries = SERIES.includes(first);
  const series = isSeries ? first : first.split(".").slice(0, -1).join(".");
  const age = SERIES.indexOf(series);
  if (age < 0) throw new RangeError(`${first} is no release that is known`);
  return { age, patch: isSeries ? 0 : Number(first.split(".").at(-1)) };
}
