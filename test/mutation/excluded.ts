/** Parts of `impl/` that are not mutated, and why. What is not listed is mutated, also where nothing reaches it. */
export interface Excluded {
  /** How the path begins. */
  readonly path: string;
  /** One function of it; all of it unless given. */
  readonly routine?: string;
  readonly why: string;
}

export const EXCLUDED: readonly Excluded[] = [
  {
    path: "impl/abstraction/",
    why: "says how the states of the specification's machines are read from the kernel's data: part of the judge",
  },
  { path: "impl/user-memory.ts", why: "the promise about what loads return: part of the judge" },
  {
    path: "impl/pins.ts",
    why: "the promise about what get_user_pages() hands out, and the notes of who has what pinned: part of the judge",
  },
  { path: "impl/lost-function.ts", why: "judges whether a call that gives up had a cause: part of the judge" },
  {
    path: "impl/khugepaged/visible-cause.ts",
    why: "judges whether a collapse that stops had a cause, by tests of its own: part of the judge",
  },
  { path: "impl/khugepaged/announce.ts", why: "announces events and keeps ghost fields for the specification" },
  { path: "impl/bug.ts", why: "the assertion itself" },
  { path: "impl/entry/boot.ts", why: "what there is before the first step of a scenario: its set-up, not the kernel's code" },
  { path: "impl/mm-types.ts", why: "the layout of the state: data, no routine" },
  { path: "impl/structs/", why: "the layout of the state: data, no routine" },
  { path: "impl/config/", why: "bounds, switches and knobs of scenarios: evaluated while a scenario is set up" },
  { path: "impl/errno.ts", why: "constants" },
  { path: "impl/vm-fault.ts", why: "constants" },
  { path: "impl/khugepaged/scan-result.ts", why: "constants" },
  { path: "impl/entry/carry-out.ts", why: "tells the calls of the table apart, for programs of calls and for pairs of them" },
  { path: "impl/entry/sequential.ts", why: "runs programs of system calls for `thpcheck conform`; no scenario is made of it" },
  { path: "impl/policy/", why: "the table of reservation policies: data" },
  {
    path: "impl/thp-reservation/rfc-2018",
    why: "the patch of 2018 with its defects: scenarios of it are expected to be violated, so there is no promise for a mutant to " +
      "break",
  },
  { path: "impl/page-alloc.ts", routine: "freePages", why: "nothing but the patch of 2018 calls it" },
];

export function isExcluded(file: string, routine: string): boolean {
  return EXCLUDED.some((e) => file.startsWith(e.path) && (e.routine === undefined || e.routine === routine));
}
