/*
 * What the kernel says of the test areas: smaps for the areas, PAGEMAP_SCAN and pagemap for the entries, kpageflags and
 * kpagecount for the pages behind them. Nothing here changes an accessed bit or brings a page in.
 *
 * Frames get numbers in the order in which they are first met, 512 in a row for a huge page, so that two machines
 * with different frames give the same report.
 */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PAGE_PRESENT = 1, PAGE_ZERO = 2, PAGE_HUGE = 4, PAGE_LARGE = 8, PAGE_ANON = 16, PAGE_EXCLUSIVE = 32, PAGE_SWAPBACKED = 64, PAGE_SAME = 128, PAGE_MAPPED_ONCE = 256,
	PAGE_SWAPPED = 512,
};
/*
 * include/uapi/linux/kernel-page-flags.h, and behind bit 32 the kernel's own: PG_owner_2 of an anonymous page is
 * PG_anon_exclusive. A tail page shows the bit of its head, which says something of huge mappings only.
 */
#define KPF(bit) (1ull << (bit))
#define KPF_ANON KPF(12)
#define KPF_SWAPBACKED KPF(14)
#define KPF_COMPOUND_HEAD KPF(15)
#define KPF_COMPOUND_TAIL KPF(16)
#define KPF_THP KPF(22)
#define KPF_OWNER_2 KPF(34)
/* Documentation/admin-guide/mm/pagemap.rst */
#define PM_PRESENT (1ull << 63)
#define PM_SWAP (1ull << 62)
#define PM_SOFT_DIRTY (1ull << 55)
#define PM_MMAP_EXCLUSIVE (1ull << 56)
#define PM_PFN ((1ull << 55) - 1)

/* include/uapi/linux/fs.h, since 6.7 */
struct scan { uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask, return_mask; };
struct region { uint64_t start, end, categories; };
#define PAGEMAP_SCAN_IOCTL _IOWR('f', 16, struct scan)
#define SCAN_WRITTEN (1ull << 1)
#define SCAN_PFNZERO (1ull << 5)
#define SCAN_HUGE (1ull << 6)

struct area { long start, end; bool readable; };
/* Of the agent alone: its processes have no use for them, and fork would copy them. */
static struct tables {
	uint64_t entry[AREA_PAGES], pfn[AREA_PAGES], flags[AREA_PAGES], count[AREA_PAGES];
	uint64_t before[PROCESSES][AREA_PAGES];
	uint8_t scanned[AREA_PAGES];
	bool readable[PROCESSES][AREA_PAGES];
	struct region regions[AREA_PAGES];
	char smaps[1 << 20];
	struct { uint64_t frame; uint32_t generation; uint32_t number; } frames[1 << 16];
	struct area areas[1024];
} *t;
static int kpageflags, kpagecount;
static int pagemap[PROCESSES], smaps[PROCESSES];
static uint32_t generation, numbers;

void snapshot_init(void)
{
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		die("no memory");
	madvise(t, (sizeof(*t) + PAGE - 1) & ~(PAGE - 1), MADV_DONTFORK);
	kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	kpagecount = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	if (kpageflags < 0 || kpagecount < 0)
		die("/proc/kpageflags and /proc/kpagecount cannot be opened: %s", strerror(errno));
}

static bool with_folios;
void snapshot_with_folios(void) { with_folios = true; }

void snapshot_begin(void)
{
	with_folios = false;
	memset(t->before, 0, sizeof(t->before));
}

void snapshot_opened(int process, pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pagemap[process] = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps[process] = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap[process] < 0 || smaps[process] < 0)
		die("/proc/%d cannot be read: %s", pid, strerror(errno));
}

void snapshot_closed(int process)
{
	close(pagemap[process]);
	close(smaps[process]);
	memset(t->before[process], 0, sizeof(t->before[process]));
}

/* The folio of which a frame is a part: it lies in its aligned block of 512. */
static struct { uint64_t head, pages; } folio;
static void find_folio(uint64_t pfn)
{
	static uint64_t block[HPAGE];
	uint64_t first = pfn & ~(uint64_t)(HPAGE - 1), at = pfn - first;
	if (pread(kpageflags, block, sizeof(block), (off_t)(first * 8)) != sizeof(block))
		die("the frames from %llu on have no flags: %s", (unsigned long long)first, strerror(errno));
	while (at > 0 && !(block[at] & KPF_COMPOUND_HEAD))
		at--;
	folio.head = first + at;
	for (folio.pages = 1; at + folio.pages < HPAGE && block[at + folio.pages] & KPF_COMPOUND_TAIL;)
		folio.pages++;
}

/* The number of a frame in this snapshot; as many in a row as the folio has pages. */
static uint32_t number_of(uint64_t pfn, bool large)
{
	if (large && (pfn < folio.head || pfn >= folio.head + folio.pages))
		find_folio(pfn);
	uint64_t frame = large ? folio.head : pfn;
	uint32_t i = (uint32_t)(frame * 0x9e3779b97f4a7c15ull >> 48);
	const uint32_t mask = sizeof(t->frames) / sizeof(t->frames[0]) - 1;
	while (t->frames[i].generation == generation && t->frames[i].frame != frame)
		i = (i + 1) & mask;
	if (t->frames[i].generation != generation) {
		t->frames[i].frame = frame;
		t->frames[i].generation = generation;
		t->frames[i].number = numbers;
		numbers += large ? (uint32_t)folio.pages : 1;
	}
	return t->frames[i].number + (uint32_t)(pfn - frame);
}

/* Reads 8 bytes for each page first..end-1, whose frames may lie anywhere. */
static void read_of_frames(int fd, uint64_t *to, long first, long end)
{
	for (long i = first; i < end;) {
		long n = 1;
		while (i + n < end && t->pfn[i] && t->pfn[i + n] == t->pfn[i] + (uint64_t)n)
			n++;
		to[i] = 0;
		if (t->pfn[i] && pread(fd, to + i, (size_t)n * 8, (off_t)(t->pfn[i] * 8)) != n * 8)
			die("the frame %llu has no flags: %s", (unsigned long long)t->pfn[i], strerror(errno));
		i += n;
	}
}

static long field(const char *from, const char *to, const char *name)
{
	const char *found = memmem(from, (size_t)(to - from), name, strlen(name));
	return found ? strtol(found + strlen(name), NULL, 10) : -1;
}

/* Reports the areas and remembers where they are. @returns how many */
static int areas(int process)
{
	size_t length = 0;
	for (ssize_t n; (n = pread(smaps[process], t->smaps + length, sizeof(t->smaps) - 1 - length, (off_t)length)) > 0;)
		length += (size_t)n;
	t->smaps[length] = 0;
	int count = 0;
	for (char *at = t->smaps; at && *at;) {
		unsigned long start, end;
		char perms[8];
		if (sscanf(at, "%lx-%lx %7s", &start, &end, perms) != 3)
			die("smaps of process %d cannot be understood", process);
		char *flags = strstr(at, "\nVmFlags:");
		char *next = flags ? strchr(flags + 1, '\n') : NULL;
		if (!next)
			die("smaps of process %d has an area without VmFlags", process);
		if (start >= AREA_BASE && start < AREA_BASE + AREA_PAGES * PAGE) {
			long first = (long)((start - AREA_BASE) / PAGE), last = (long)((end - AREA_BASE) / PAGE);
			*next = 0;
			out("v %d %ld %ld %d %d %d %d %d %ld %ld %ld %ld %ld %ld\n", process, first, last,
			    (perms[0] == 'r') | (perms[1] == 'w') << 1, strstr(flags, " hg") != NULL, strstr(flags, " nh") != NULL, strstr(flags, " dc") != NULL, strstr(flags, " wf") != NULL,
			    field(at, flags, "\nRss:") / 4, field(at, flags, "\nAnonymous:") / 4, field(at, flags, "\nAnonHugePages:") / 4,
			    field(at, flags, "\nLazyFree:") / 4, field(at, flags, "\nSwap:") / 4, field(at, flags, "\nTHPeligible:"));
			if (count == sizeof(t->areas) / sizeof(t->areas[0]))
				die("process %d has too many areas", process);
			t->areas[count++] = (struct area){ first, last, perms[0] == 'r' || perms[1] == 'w' };
		}
		at = next + 1;
	}
	return count;
}

/* Which pages are mapped huge, and which by the zero page. */
static void scan(int process)
{
	memset(t->scanned, 0, sizeof(t->scanned));
	struct scan s = {
		.size = sizeof(s), .start = AREA_BASE, .end = AREA_BASE + AREA_PAGES * PAGE, .vec = (uint64_t)(uintptr_t)t->regions, .vec_len = AREA_PAGES,
		.category_anyof_mask = SCAN_PFNZERO | SCAN_HUGE, .return_mask = SCAN_PFNZERO | SCAN_HUGE,
	};
	int n = ioctl(pagemap[process], PAGEMAP_SCAN_IOCTL, &s);
	if (n < 0)
		die("PAGEMAP_SCAN fails: %s (it is there since Linux 6.7)", strerror(errno));
	for (int i = 0; i < n; i++)
		for (uint64_t a = t->regions[i].start; a < t->regions[i].end; a += PAGE)
			t->scanned[(a - AREA_BASE) / PAGE] = (uint8_t)((t->regions[i].categories & SCAN_PFNZERO ? PAGE_ZERO : 0) | (t->regions[i].categories & SCAN_HUGE ? PAGE_HUGE : 0));
}

struct run { long start, length; unsigned flags; uint32_t number; uint64_t mapcount; };

static void pages(int process, struct area area)
{
	size_t bytes = (size_t)(area.end - area.start) * 8;
	if (pread(pagemap[process], t->entry + area.start, bytes, (off_t)((AREA_BASE / PAGE + (unsigned long)area.start) * 8)) != (ssize_t)bytes)
		die("pagemap of process %d cannot be read: %s", process, strerror(errno));
	for (long i = area.start; i < area.end; i++)
		t->pfn[i] = t->entry[i] & PM_PRESENT && !(t->scanned[i] & PAGE_ZERO) ? t->entry[i] & PM_PFN : 0;
	read_of_frames(kpageflags, t->flags, area.start, area.end);
	read_of_frames(kpagecount, t->count, area.start, area.end);
	struct run run = { 0 };
	for (long i = area.start; i <= area.end; i++) {
		struct run one = { i, 1, 0, 0, 0 };
		if (i < area.end)
			t->readable[process][i] = area.readable && t->entry[i] & PM_PRESENT;
		if (i < area.end && t->entry[i] & PM_SWAP)
			one.flags = PAGE_SWAPPED;
		else if (i < area.end && t->entry[i] & PM_PRESENT) {
			one.flags = PAGE_PRESENT | t->scanned[i];
			if (!(one.flags & PAGE_ZERO)) {
				uint64_t k = t->flags[i];
				one.flags |= (k & KPF_THP ? PAGE_LARGE : 0) | (k & KPF_ANON ? PAGE_ANON : 0) | (k & KPF_ANON && k & KPF_OWNER_2 && (!(k & KPF_THP) || one.flags & PAGE_HUGE) ? PAGE_EXCLUSIVE : 0) | (k & KPF_SWAPBACKED ? PAGE_SWAPBACKED : 0) |
					(t->entry[i] & PM_MMAP_EXCLUSIVE && !(one.flags & PAGE_HUGE) ? PAGE_MAPPED_ONCE : 0) | (t->before[process][i] == t->pfn[i] ? PAGE_SAME : 0);
				one.number = number_of(t->pfn[i], k & KPF_THP);
				one.mapcount = t->count[i];
			}
		}
		bool follows = i < area.end && run.length && one.flags == run.flags && one.mapcount == run.mapcount &&
			(run.flags & (PAGE_ZERO | PAGE_SWAPPED) || one.number == run.number + (uint32_t)run.length);
		if (follows) {
			run.length++;
			continue;
		}
		if (run.flags)
			out("p %d %ld %ld %u %u %llu\n", process, run.start, run.length, run.flags, run.number, (unsigned long long)run.mapcount);
		run = one;
		if (!one.flags)
			run.length = 0;
	}
}

/*
 * Which pages of which folios the entries map, as far as these are large and no PMD maps them: the order, and the first page's
 * place in its folio. Whole folios of an order that follow one another are one line.
 */
static void folios(int process, struct area area)
{
	long start = 0, length = 0, order = 0, offset = 0;
	bool whole = false;
	for (long i = area.start; i < area.end;) {
		if (!t->pfn[i] || !(t->flags[i] & KPF_THP) || t->scanned[i] & PAGE_HUGE) {
			i++;
			continue;
		}
		if (t->pfn[i] < folio.head || t->pfn[i] >= folio.head + folio.pages)
			find_folio(t->pfn[i]);
		long first = i, at = (long)(t->pfn[i] - folio.head), pages = (long)folio.pages;
		while (i < area.end && t->pfn[i] == folio.head + (uint64_t)at + (uint64_t)(i - first) && at + i - first < pages && !(t->scanned[i] & PAGE_HUGE))
			i++;
		long of = __builtin_ctzl((unsigned long)pages);
		bool all = at == 0 && i - first == pages;
		if (length && whole && all && of == order && start + length == first) {
			length += pages;
			continue;
		}
		if (length)
			out("f %d %ld %ld %ld %ld\n", process, start, length, order, offset);
		start = first, length = i - first, order = of, offset = at, whole = all;
	}
	if (length)
		out("f %d %ld %ld %ld %ld\n", process, start, length, order, offset);
}

void snapshot(void)
{
	generation++;
	numbers = 0;
	folio.pages = 0;
	for (int process = 0; process < PROCESSES; process++) {
		if (!process_pid(process))
			continue;
		int n = areas(process);
		if (n)
			scan(process);
		memset(t->readable[process], 0, sizeof(t->readable[process]));
		static uint64_t now[AREA_PAGES];
		memset(now, 0, sizeof(now));
		for (int i = 0; i < n; i++) {
			pages(process, t->areas[i]);
			if (with_folios)
				folios(process, t->areas[i]);
			memcpy(now + t->areas[i].start, t->pfn + t->areas[i].start, (size_t)(t->areas[i].end - t->areas[i].start) * 8);
		}
		memcpy(t->before[process], now, sizeof(now));
	}
}

bool snapshot_readable(int process, long *from, long *pages)
{
	const bool *readable = t->readable[process];
	while (*from < AREA_PAGES && !readable[*from])
		++*from;
	*pages = 0;
	while (*from + *pages < AREA_PAGES && readable[*from + *pages])
		++*pages;
	return *pages > 0;
}

static uint64_t entry_of(int process, long page)
{
	uint64_t entry = 0;
	if (pread(pagemap[process], &entry, sizeof(entry), (off_t)((AREA_BASE / PAGE + (unsigned long)page) * 8)) != sizeof(entry))
		die("pagemap of process %d cannot be read: %s", process, strerror(errno));
	return entry;
}

long snapshot_soft_dirty(int process, long first, long pages)
{
	long n = 0;
	for (long i = first; i < first + pages; i++)
		n += (entry_of(process, i) & PM_SOFT_DIRTY) != 0;
	return n;
}

long snapshot_written(int process, long first, long pages)
{
	struct scan s = {
		.size = sizeof(s), .start = AREA_BASE + (unsigned long)first * PAGE, .end = AREA_BASE + (unsigned long)(first + pages) * PAGE,
		.vec = (uint64_t)(uintptr_t)t->regions, .vec_len = AREA_PAGES, .category_mask = SCAN_WRITTEN, .return_mask = SCAN_WRITTEN,
	};
	int n = ioctl(pagemap[process], PAGEMAP_SCAN_IOCTL, &s);
	long written = n < 0 ? -1 : 0;
	for (int i = 0; i < n; i++)
		written += (long)((t->regions[i].end - t->regions[i].start) / PAGE);
	return written;
}

long snapshot_page_flag(int process, long page, int bit)
{
	uint64_t entry = entry_of(process, page), flags = 0;
	errno = ENOENT;
	if (!(entry & PM_PRESENT) || pread(kpageflags, &flags, sizeof(flags), (off_t)((entry & PM_PFN) * 8)) != sizeof(flags))
		return -1;
	return (flags & KPF(bit)) != 0;
}
