/** The cases that need a part which this kernel lacks, by part. A case that comes to work is moved out of here into its test: the tests of its file fail until then. */
import { COW_ANON, COW_FILE_RUNS, COW_MTHP_RUNS, COW_NON_ANON, COW_SWAP_RUNS, CASES, each, type SelftestFile } from "./cases.ts";

/** What is lacking. */
export type Part =
  | "swap and reclaim (MADV_PAGEOUT)" | "files and shmem" | "large folios below PMD size (mTHP)" | "hugetlb"
  | "soft-dirty" | "userfaultfd" | "guard regions" | "memory failure" | "KSM" | "page migration (move_pages, mbind)" | "device-private memory"
  | "page tables above the PMD" | "addresses within a page" | "uprobes";

interface Missing {
  readonly file: SelftestFile;
  readonly part: Part;
  readonly cases: readonly string[];
}

const those = (file: SelftestFile, wanted: (name: string) => boolean): string[] => (CASES[file] as readonly string[]).filter(wanted);
const all = (file: SelftestFile, part: Part): Missing => ({ file, part, cases: CASES[file] });

export const MISSING: readonly Missing[] = [
  { file: "khugepaged.c", part: "files and shmem", cases: those("khugepaged.c", (name) => /:(file|shmem)\)$/.test(name)) },
  { file: "khugepaged.c", part: "swap and reclaim (MADV_PAGEOUT)", cases: those("khugepaged.c", (name) => /swap/.test(name)) },
  { file: "khugepaged.c", part: "large folios below PMD size (mTHP)", cases: ["-s order: every case with mTHPs as sources", "khugepaged_mthp_test: collapse to each order"] },

  { file: "split_huge_page_test.c", part: "files and shmem", cases: those("split_huge_page_test.c", (name) => /file_backed|pagecache/.test(name)) },
  all("folio_split_race_test.c", "files and shmem"),

  { file: "cow.c", part: "swap and reclaim (MADV_PAGEOUT)", cases: each(COW_ANON, COW_SWAP_RUNS) },
  { file: "cow.c", part: "large folios below PMD size (mTHP)", cases: each(COW_ANON, COW_MTHP_RUNS) },
  { file: "cow.c", part: "hugetlb", cases: [...each(COW_ANON, ["... with hugetlb"]), ...each(COW_NON_ANON, ["... with memfd hugetlb"])] },
  { file: "cow.c", part: "files and shmem", cases: each(COW_NON_ANON, COW_FILE_RUNS) },

  { file: "transhuge-stress.c", part: "files and shmem", cases: ["-f file"] },
  { file: "mremap_test.c", part: "addresses within a page", cases: those("mremap_test.c", (name) => /Misaligned/.test(name)) },
  { file: "mremap_test.c", part: "page tables above the PMD", cases: those("mremap_test.c", (name) => name.startsWith("2GB")) },
  { file: "mremap_test.c", part: "userfaultfd", cases: ["mremap move multi invalid vmas"] },
  { file: "mremap_dontunmap.c", part: "files and shmem", cases: ["mremap_dontunmap_simple_shmem"] },
  { file: "madv_populate.c", part: "soft-dirty", cases: ["test_softdirty"] },
  { file: "migration.c", part: "page migration (move_pages, mbind)", cases: ["private_anon", "private_anon_thp"] },
  { file: "migration.c", part: "files and shmem", cases: ["shared_anon", "shared_anon_thp"] },
  { file: "migration.c", part: "hugetlb", cases: ["private_anon_htlb", "shared_anon_htlb"] },
  all("memory-failure.c", "memory failure"),
  all("guard-regions.c", "guard regions"),
  { file: "merge.c", part: "uprobes", cases: ["handle_uprobe_upon_merged_vma"] },
  { file: "merge.c", part: "KSM", cases: ["ksm_merge"] },
  { file: "rmap.c", part: "page migration (move_pages, mbind)", cases: ["migrate.anon"] },
  { file: "rmap.c", part: "files and shmem", cases: ["migrate.shm", "migrate.file"] },
  { file: "rmap.c", part: "KSM", cases: ["migrate.ksm", "migrate.ksm_and_mremap"] },
  all("ksm_functional_tests.c", "KSM"),
  { file: "mkdirty.c", part: "page migration (move_pages, mbind)", cases: ["Page migration", "Page migration of THP"] },
  { file: "mkdirty.c", part: "userfaultfd", cases: ["UFFDIO_COPY"] },
  all("soft-dirty.c", "soft-dirty"),
  all("pagemap_ioctl.c", "userfaultfd"),
  all("uffd-unit-tests.c", "userfaultfd"),
  all("hmm-tests.c", "device-private memory"),
];

/** The cases of a file that are listed here. */
export function missingOf(file: SelftestFile): readonly string[] {
  return MISSING.filter((m) => m.file === file).flatMap((m) => m.cases);
}
