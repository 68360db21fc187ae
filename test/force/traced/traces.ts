/** Runs of scenarios that kernels are asked for by `thpcheck force --traces`: the way to what each shows. */
export interface NamedRun {
  readonly scenario: string;
  /** Null: to what breaks a promise. */
  readonly witness: string | null;
}

export const TRACES: readonly NamedRun[] = [
  { scenario: "lazyfree-collapse", witness: "refused, and the page still waits" },
  { scenario: "lazyfree-collapse", witness: "collapsed" },
  { scenario: "collapse-free", witness: "a collapse succeeds" },
  { scenario: "discard-munmap", witness: "munmap has the area before the flush" },
  { scenario: "collapse-dontneed-page", witness: "the huge page is split" },
  { scenario: "collapse-dontneed-read", witness: "a collapse succeeds" },
  { scenario: "collapse-dontneed-read", witness: "the huge zero page, before the report" },
  { scenario: "collapse-fault-failures", witness: "a collapse succeeds" },
  { scenario: "huge-zap-first-fault", witness: "a huge page" },
  { scenario: "huge-first-faults", witness: "a huge page" },
  { scenario: "huge-zero-write", witness: "it is mapped" },
  { scenario: "huge-zero-write", witness: "a huge page has taken its place" },
  { scenario: "pageout-dontneed", witness: "split" },
  { scenario: "pageout-collapse", witness: "split" },
  { scenario: "pageout-collapse", witness: "collapsed" },
  { scenario: "reclaim-advised-dontneed-split", witness: "it is discarded" },
  // Of three threads.
  { scenario: "collapse-munmap", witness: "a collapse succeeds" },
  { scenario: "collapse-munmap-half", witness: "the area is half" },
  { scenario: "collapse-mremap", witness: "the huge page has moved" },
  // Before 7.3.2, and before 6.18.44.
  { scenario: "reclaim-advised-dontneed-discard", witness: null },
];
