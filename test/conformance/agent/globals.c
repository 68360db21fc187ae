/*
 * What belongs to the whole machine: the knobs of transparent huge pages, which are restored whatever happens, the
 * counters, and khugepaged, which sleeps but for the passes that a program asks for.
 */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define SIZE_STATS THP "hugepages-2048kB/stats/"

/* ---- knobs -------------------------------------------------------------------------------------------------- */

static const char *const knob_files[] = {
	"defrag", "use_zero_page", "khugepaged/defrag", "khugepaged/max_ptes_none", "khugepaged/max_ptes_swap", "khugepaged/max_ptes_shared",
	"khugepaged/pages_to_scan", "khugepaged/alloc_sleep_millisecs", "khugepaged/scan_sleep_millisecs",
	"hugepages-16kB/enabled", "hugepages-32kB/enabled", "hugepages-64kB/enabled", "hugepages-128kB/enabled", "hugepages-256kB/enabled", "hugepages-512kB/enabled",
	"hugepages-1024kB/enabled", "hugepages-2048kB/enabled",
	/* Last: it starts and stops khugepaged. */
	"enabled",
};
enum { KNOBS = sizeof(knob_files) / sizeof(knob_files[0]) };
static char saved[KNOBS][128];
static char leftover[256];

static void path_of(char *path, size_t size, const char *knob) { snprintf(path, size, THP "%s", knob); }

/* The text that would set the knob to what it is: the word in brackets, or all of it. */
static bool knob_get(const char *knob, char *value, size_t size)
{
	char path[128], text[128];
	path_of(path, sizeof(path), knob);
	if (read_file(path, text, sizeof(text)) <= 0)
		return false;
	char *open = strchr(text, '['), *close = strchr(text, ']');
	if (open && close) {
		*close = 0;
		snprintf(value, size, "%s", open + 1);
	} else {
		text[strcspn(text, "\n")] = 0;
		snprintf(value, size, "%s", text);
	}
	return true;
}

static bool knob_try(const char *knob, const char *value)
{
	char path[128];
	path_of(path, sizeof(path), knob);
	return write_file(path, value);
}

static void knob_set(const char *knob, const char *value)
{
	char now[128];
	if (knob_get(knob, now, sizeof(now)) && strcmp(now, value) == 0)
		return;
	if (!knob_try(knob, value))
		die("%s%s cannot be set to %s: %s", THP, knob, value, strerror(errno));
}

/*
 * khugepaged, by its name among the threads of the kernel; 0: it does not run. The newest one: a thread that was stopped is seen
 * for a moment still.
 */
static pid_t khugepaged(void)
{
	glob_t found;
	pid_t pid = 0;
	if (glob("/proc/[0-9]*/comm", 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char name[32];
		pid_t its = atoi(found.gl_pathv[i] + strlen("/proc/"));
		if (its > pid && read_file(found.gl_pathv[i], name, sizeof(name)) > 0 && strcmp(name, "khugepaged\n") == 0)
			pid = its;
	}
	globfree(&found);
	return pid;
}

static pid_t thread;
pid_t khugepaged_pid(void) { return thread; }

/* It runs at the lowest priority, which on a busy machine makes a pass take seconds. */
static void khugepaged_priority(int nice)
{
	thread = khugepaged();
	if (thread)
		setpriority(PRIO_PROCESS, (id_t)thread, nice);
}

void knobs_save(const char *file)
{
	char text[4096] = "";
	for (int i = 0; i < KNOBS; i++) {
		if (!knob_get(knob_files[i], saved[i], sizeof(saved[i])))
			continue;
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%s %s\n", knob_files[i], saved[i]);
	}
	snprintf(leftover, sizeof(leftover), "%s", file);
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("%s cannot be written, and without it nothing is changed: %s", file, strerror(errno));
	close(fd);
}

const char *knob_saved(const char *knob)
{
	for (int i = 0; i < KNOBS; i++)
		if (strcmp(knob_files[i], knob) == 0)
			return saved[i][0] ? saved[i] : NULL;
	return NULL;
}

void knobs_restore(void)
{
	bool all = true;
	khugepaged_priority(19);
	for (int i = 0; i < KNOBS; i++) {
		if (saved[i][0] && !knob_try(knob_files[i], saved[i])) {
			dprintf(STDERR_FILENO, "conform agent: %s%s cannot be set back to %s: %s\n", THP, knob_files[i], saved[i], strerror(errno));
			all = false;
		}
	}
	if (all)
		unlink(leftover);
}

void knobs_restore_leftover(const char *file)
{
	char text[4096];
	if (read_file(file, text, sizeof(text)) <= 0)
		return;
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = 0;
		for (int i = 0; i < KNOBS; i++)
			if (strcmp(line, knob_files[i]) == 0)
				knob_try(line, value);
	}
	dprintf(STDERR_FILENO, "conform agent: an earlier run was killed; the knobs are as they were before it\n");
}

/* ---- khugepaged --------------------------------------------------------------------------------------------- */

/* 23 days; writing it wakes the thread once. */
static const char SLEEP[] = "2000000000";

static long number_in(const char *path)
{
	char text[64];
	return read_file(path, text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : -1;
}
static long full_scans(void) { return number_in(THP "khugepaged/full_scans"); }
static void pause_us(long us) { nanosleep(&(struct timespec){ 0, us * 1000 }, NULL); }

/* With an unlimited budget, one wake-up is one scan of all address spaces: the thread stops when it is back at the list's head. */
bool khugepaged_pass(void)
{
	long before = full_scans();
	for (int waited = 0; waited < 600000; waited++) {
		/*
		 * It does not run where no size is on, and before 7.2 where that of a PMD is not; one that has just ended is seen for a
		 * moment still. A thread that was at work when it was woken has not noticed, and sleeps now.
		 */
		if (waited % 20000 == 0 && !khugepaged())
			return true;
		if (waited % 20000 == 0 && !knob_try("khugepaged/scan_sleep_millisecs", SLEEP))
			return false;
		if (full_scans() > before)
			return true;
		pause_us(100);
	}
	return false;
}

/* A thread that starts begins with a scan, and lowers its own priority. */
static void wait_for_first_scan(long scans)
{
	for (int waited = 0; full_scans() == scans && waited < 600000; waited++) {
		pause_us(100);
		if (waited % 100 == 0)
			khugepaged_priority(0);
	}
	khugepaged_priority(0);
}

struct khugepaged_seen khugepaged_seen(void)
{
	return (struct khugepaged_seen){ khugepaged(), full_scans() };
}

/* Another thread than before has been started, be it that the old one was stopped meanwhile. */
void khugepaged_settle(struct khugepaged_seen before)
{
	pid_t now = khugepaged();
	if (now && now != before.thread)
		wait_for_first_scan(before.scans);
}

static void wait_until_asleep(void)
{
	for (long last = -1; last != full_scans();) {
		last = full_scans();
		pause_us(30000);
	}
}

void khugepaged_quiet(void)
{
	for (int i = 0; i < KNOBS; i++)
		if (strncmp(knob_files[i], "hugepages-", 10) == 0 && saved[i][0])
			knob_set(knob_files[i], strstr(knob_files[i], "2048kB") ? "inherit" : "never");
	knob_set("defrag", "always");
	knob_set("khugepaged/defrag", "1");
	knob_set("khugepaged/alloc_sleep_millisecs", "10");
	knob_set("khugepaged/pages_to_scan", "4294967295");
	knob_try("khugepaged/scan_sleep_millisecs", SLEEP);
	knob_set("enabled", "madvise");
	khugepaged_priority(0);
	holder_init();
	/* The thread may stand in the middle of its list, and then goes round once more. */
	if (!khugepaged_pass())
		die("khugepaged makes no pass within a minute");
	wait_until_asleep();
}

void knobs_set(const struct knobs *k)
{
	char number[16], before[16];
	const struct { const char *file; int value; } numeric[] = {
		{ "use_zero_page", k->use_zero_page }, { "khugepaged/max_ptes_none", k->max_ptes_none }, { "khugepaged/max_ptes_swap", k->max_ptes_swap }, { "khugepaged/max_ptes_shared", k->max_ptes_shared },
	};
	for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++) {
		snprintf(number, sizeof(number), "%d", numeric[i].value);
		knob_set(numeric[i].file, number);
	}
	if (!knob_get("enabled", before, sizeof(before)))
		die("the knob enabled cannot be read");
	struct khugepaged_seen seen = khugepaged_seen();
	knob_set("enabled", k->enabled);
	if (strcmp(before, k->enabled) == 0)
		return;
	khugepaged_priority(0);
	khugepaged_settle(seen);
}

/* ---- the holder --------------------------------------------------------------------------------------------- */

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
static int to_holder[2], from_holder[2];

static void __attribute__((noreturn)) hold(void)
{
	const size_t huge = HPAGE * PAGE;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	close(to_holder[1]);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	char *area = mmap(NULL, 3 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		die("no memory");
	area = (char *)(((uintptr_t)area + huge - 1) & ~(huge - 1));
	madvise(area, 2 * huge, MADV_HUGEPAGE);
	*(volatile char *)area = 1;
	(void)*(volatile char *)(area + huge);
	for (char byte = 0; write(from_holder[1], &byte, 1) == 1 && read(to_holder[0], &byte, 1) == 1;)
		if (madvise(area, huge, MADV_COLLAPSE))
			die("the agent's own huge page is gone: %s", strerror(errno));
	_exit(0);
}

/*
 * A process with a huge page of its own keeps khugepaged's list from being empty: the thread would start to scan at once
 * when the first address space is added to an empty list. It has a huge zero page as well, so that there always is one.
 * It is not the agent itself, since a fork hands on that its parent is known to khugepaged.
 */
void holder_init(void)
{
	char byte;
	knob_set("use_zero_page", "1");
	if (pipe(to_holder) || pipe(from_holder))
		die("no pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		hold();
	if (pid < 0 || read(from_holder[0], &byte, 1) != 1)
		die("no process: %s", strerror(errno));
}

/* Empties the LRU batches of all CPUs: the first thing that MADV_COLLAPSE does. The range is huge already. @kernel mm/khugepaged.c madvise_collapse() */
void lru_drain(void)
{
	char byte = 0;
	if (write(to_holder[1], &byte, 1) != 1 || read(from_holder[0], &byte, 1) != 1)
		die("the process that holds a huge page is gone");
}

/* ---- counters ----------------------------------------------------------------------------------------------- */

static const char *const vmstat_names[] = {
	"thp_fault_alloc", "thp_fault_fallback", "thp_collapse_alloc", "thp_collapse_alloc_failed", "thp_split_page", "thp_split_page_failed", "thp_deferred_split_page",
	"thp_split_pmd", "thp_scan_exceed_none_pte", "thp_scan_exceed_swap_pte", "thp_scan_exceed_share_pte", "thp_zero_page_alloc", "nr_anon_transparent_hugepages",
};
static const char *const size_names[] = { "anon_fault_alloc", "anon_fault_fallback", "split", "split_failed", "split_deferred", "nr_anon", "nr_anon_partially_mapped" };
/* Places of counters. */
enum {
	COLLAPSE_ALLOC = 2, COLLAPSE_ALLOC_FAILED, EXCEED_NONE = 8, EXCEED_SWAP, EXCEED_SHARED, ANON_HUGE = 12,
	VMSTAT, NR_ANON = VMSTAT + 5, PAGES_COLLAPSED = COUNTERS - 1, SIZE = COUNTERS - VMSTAT - 1,
};
_Static_assert(VMSTAT == sizeof(vmstat_names) / sizeof(vmstat_names[0]), "one name for each");
_Static_assert(SIZE == sizeof(size_names) / sizeof(size_names[0]), "one name for each");
static long before[COUNTERS], now[COUNTERS];

void counters_read(void)
{
	static char text[1 << 14];
	static int vmstat = -1, sizes[SIZE], collapsed;
	if (vmstat < 0) {
		vmstat = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
		for (int i = 0; i < SIZE; i++) {
			char path[128];
			snprintf(path, sizeof(path), SIZE_STATS "%s", size_names[i]);
			sizes[i] = open(path, O_RDONLY | O_CLOEXEC);
		}
		collapsed = open(THP "khugepaged/pages_collapsed", O_RDONLY | O_CLOEXEC);
	}
	memcpy(before, now, sizeof(now));
	ssize_t n = pread(vmstat, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	for (int i = 0; i < VMSTAT; i++) {
		char name[64];
		snprintf(name, sizeof(name), "\n%s ", vmstat_names[i]);
		char *found = strstr(text, name);
		now[i] = found ? strtol(found + strlen(name), NULL, 10) : 0;
	}
	for (int i = 0; i <= SIZE; i++) {
		n = pread(i < SIZE ? sizes[i] : collapsed, text, 64, 0);
		text[n > 0 ? n : 0] = 0;
		now[VMSTAT + i] = strtol(text, NULL, 10);
	}
}

void counters_were_idle(struct others *others)
{
	for (int i = 0; i < COUNTERS; i++)
		others->idle[i] = now[i] - before[i];
}

/* @kernel mm/khugepaged.c: count_vm_event(THP_SCAN_EXCEED_*), by khugepaged only */
void counters_of_scan(struct others *others, const char *status)
{
	others->added[EXCEED_NONE] += strcmp(status, "exceed_none_pte") == 0;
	others->added[EXCEED_SWAP] += strcmp(status, "exceed_swap_pte") == 0;
	others->added[EXCEED_SHARED] += strcmp(status, "exceed_shared_pte") == 0;
}

/* @kernel mm/khugepaged.c alloc_charge_folio(), collapse_huge_page(), khugepaged_scan_mm_slot() */
void counters_of_collapse(struct others *others, const char *status, bool khugepaged)
{
	bool failed = strcmp(status, "alloc_huge_page_failed") == 0, succeeded = strcmp(status, "succeeded") == 0;
	others->added[COLLAPSE_ALLOC] += !failed;
	others->added[COLLAPSE_ALLOC_FAILED] += failed;
	others->added[ANON_HUGE] += succeeded;
	others->added[NR_ANON] += succeeded;
	others->added[PAGES_COLLAPSED] += khugepaged && succeeded;
	if (khugepaged)
		counters_of_scan(others, status);
}

void counters_report(const struct others *others)
{
	bool moved = false;
	counters_read();
	out("k");
	for (int i = 0; i < COUNTERS; i++) {
		out(" %ld", now[i] - before[i] - others->added[i]);
		moved = moved || others->added[i] || others->idle[i];
	}
	out("\n");
	if (!moved)
		return;
	out("n");
	for (int i = 0; i < COUNTERS; i++)
		out(" %ld", labs(others->added[i]) + labs(others->idle[i]));
	out("\n");
}
