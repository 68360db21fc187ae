/**
 * A process at full size: 512 pages per huge page, 1 GiB of memory, THP off; it stores once to each page, so each store
 * is a page fault. Prints `{ count, seconds }`: the faults and what they took, start-up and compiling left out. V8
 * compiles what has run often, so that the first faults happen in another area, of 32 MiB, before the clock starts.
 */
import "../../checker/compile/register.ts";

// Only what is loaded after the line above is compiled.
const { MAP_FIXED } = await import("../../impl/mmap.ts");
const { ENABLED_NEVER } = await import("../../impl/config/knobs.ts");
const { RW, SequentialKernel } = await import("../impl/sequential-kernel.ts");

const PAGES_PER_HUGE_PAGE = 512;
const HUGE_RANGES = 512;
const PAGES = PAGES_PER_HUGE_PAGE * HUGE_RANGES;
const WARM_UP_RANGES = 16;
const WARM_UP_PAGES = PAGES_PER_HUGE_PAGE * WARM_UP_RANGES;

const kernel = new SequentialKernel({
  pagesPerHugePage: PAGES_PER_HUGE_PAGE, hugeRanges: HUGE_RANGES + WARM_UP_RANGES, frames: PAGES + WARM_UP_PAGES + PAGES_PER_HUGE_PAGE, mms: 1, cpus: 1,
  enabled: ENABLED_NEVER, refcountMax: 2 * PAGES_PER_HUGE_PAGE, pageTables: HUGE_RANGES + WARM_UP_RANGES,
});
const mapped = kernel.mmap(0, 0, PAGES, RW, MAP_FIXED);
if (mapped !== 0) throw new Error(`mmap of ${PAGES} pages: ${mapped}`);
if (kernel.mmap(0, PAGES, WARM_UP_PAGES, RW, MAP_FIXED) !== PAGES || kernel.touch(0, PAGES, WARM_UP_PAGES, 1) !== WARM_UP_PAGES) throw new Error("the first faults failed");
const before = kernel.vmstat("pgfault");
const start = performance.now();
const touched = kernel.touch(0, 0, PAGES, 1);
const seconds = (performance.now() - start) / 1000;
const faults = kernel.vmstat("pgfault") - before;
if (touched !== PAGES || faults !== PAGES) throw new Error(`${touched} pages stored to, ${faults} faults; both must be ${PAGES}`);
process.stdout.write(`${JSON.stringify({ count: faults, seconds })}\n`);
