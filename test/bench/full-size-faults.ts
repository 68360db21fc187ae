/**
 * A process at full size: 512 pages per huge page, 1 GiB of memory, THP off; it stores once to each page, so each store
 * is a page fault. Prints `{ count, seconds }`: the faults and what they took, start-up
 * and compiling left out.
 */
import "../../checker/program/register.ts";

// Only what is loaded after the line above is compiled.
const { MAP_FIXED } = await import("../../impl/mmap.ts");
const { ENABLED_NEVER } = await import("../../impl/param.ts");
const { RW, SequentialKernel } = await import("../impl/sequential-kernel.ts");

const PAGES_PER_HUGE_PAGE = 512;
const HUGE_RANGES = 512;
const PAGES = PAGES_PER_HUGE_PAGE * HUGE_RANGES;

const kernel = new SequentialKernel({
  pagesPerHugePage: PAGES_PER_HUGE_PAGE, hugeRanges: HUGE_RANGES, frames: PAGES + PAGES_PER_HUGE_PAGE, mms: 1, cpus: 1,
  enabled: ENABLED_NEVER, refcountMax: 2 * PAGES_PER_HUGE_PAGE, pageTables: HUGE_RANGES,
});
const mapped = kernel.mmap(0, 0, PAGES, RW, MAP_FIXED);
if (mapped !== 0) throw new Error(`mmap of ${PAGES} pages: ${mapped}`);
const before = kernel.vmstat("pgfault");
const start = performance.now();
const touched = kernel.touch(0, 0, PAGES, 1);
const seconds = (performance.now() - start) / 1000;
const faults = kernel.vmstat("pgfault") - before;
if (touched !== PAGES || faults !== PAGES) throw new Error(`${touched} pages stored to, ${faults} faults; both must be ${PAGES}`);
process.stdout.write(`${JSON.stringify({ count: faults, seconds })}\n`);
