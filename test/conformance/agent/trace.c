/*
 * The tracepoints of collapse, from a trace instance of our own. tracefs is mounted where it is not, in a mount namespace
 * that nobody else sees.
 */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing"
#define INSTANCE TRACEFS "/instances/thpcheck-conform"

/* Says which mm a process has: khugepaged's own events name the mm alone. */
#define LOCKING INSTANCE "/events/mmap_lock/mmap_lock_start_locking/"
static const char *const events[] = { "mm_khugepaged_scan_pmd", "mm_collapse_huge_page" };
enum { COLLAPSE = 1 };
enum { KINDS = sizeof(events) / sizeof(events[0]), STATUSES = 64 };
static int trace_pipe = -1;
static bool available;

/* Pids in a trace are those of the initial namespace. */
static bool in_initial_pid_namespace(void)
{
	char name[64] = "";
	return readlink("/proc/self/ns/pid", name, sizeof(name) - 1) > 0 && strcmp(name, "pid:[4026531836]") == 0;
}

bool private_mounts(void)
{
	static bool done;
	if (!done)
		done = !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return done;
}

/* Before the agent proper is forked: the keeper takes the instance away again. */
void trace_init(void)
{
	if (!in_initial_pid_namespace())
		return;
	if (access(TRACEFS "/instances", F_OK) != 0 && (!private_mounts() || mount("tracefs", TRACEFS, "tracefs", 0, NULL)))
		return;
	rmdir(INSTANCE);
	if (mkdir(INSTANCE, 0700))
		return;
	available = write_file(INSTANCE "/buffer_size_kb", "1024");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		char path[256];
		snprintf(path, sizeof(path), INSTANCE "/events/huge_memory/%s/enable", events[i]);
		available = write_file(path, "1") && available;
	}
}

void trace_end(void)
{
	if (trace_pipe >= 0)
		close(trace_pipe);
	trace_pipe = -1;
	if (available)
		rmdir(INSTANCE);
}

static char text[1 << 16];
static size_t held;

/* The next line without its end, or NULL when there is none yet. */
static char *next_line(void)
{
	static char line[1024];
	for (;;) {
		char *end = memchr(text, '\n', held);
		if (end) {
			size_t length = (size_t)(end - text);
			size_t kept = length < sizeof(line) ? length : sizeof(line) - 1;
			memcpy(line, text, kept);
			line[kept] = 0;
			held -= length + 1;
			memmove(text, end + 1, held);
			return line;
		}
		if (held == sizeof(text))
			held = 0;
		ssize_t n = read(trace_pipe, text + held, sizeof(text) - held);
		if (n <= 0)
			return NULL;
		held += (size_t)n;
	}
}

static bool opened(void)
{
	if (available && trace_pipe < 0)
		trace_pipe = open(INSTANCE "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return trace_pipe >= 0;
}

void trace_discard(void)
{
	while (opened() && next_line())
		;
}

static char names[STATUSES][48];
static int statuses, counted[KINDS][STATUSES];

static void count(int kind, const char *status)
{
	int i = 0;
	while (i < statuses && strcmp(names[i], status) != 0)
		i++;
	if (i == STATUSES)
		die("a tracepoint has more than %d different statuses", STATUSES);
	if (i == statuses)
		snprintf(names[statuses++], sizeof(names[0]), "%s", status);
	counted[kind][i]++;
}

/* Which event the line is of: its place in `events`, or -1. */
static int kind_of(const char *line)
{
	const char *event = strstr(line, ": mm_");
	for (int i = 0; event && i < KINDS; i++)
		if (strncmp(event + 2, events[i], strlen(events[i])) == 0 && event[2 + strlen(events[i])] == ':')
			return i;
	return -1;
}

/* "task-123   [001] ..." */
static pid_t pid_of(const char *line)
{
	const char *at = strstr(line, " [");
	if (!at)
		return -1;
	while (at > line && at[-1] == ' ')
		at--;
	while (at > line && at[-1] != '-')
		at--;
	return (pid_t)strtol(at, NULL, 10);
}

/* What stands behind "name=". */
static bool value_of(const char *line, const char *name, char *to, size_t size)
{
	const char *found = strstr(line, name);
	if (!found)
		return false;
	found += strlen(name);
	size_t length = strcspn(found, ", \n");
	snprintf(to, size, "%.*s", (int)length, found);
	return true;
}

static char mms[PROCESSES][24];

void trace_forget(int process) { mms[process][0] = 0; }

/* Has the process take its mmap_lock, and sees which that is. */
static bool identify(int process)
{
	char filter[64], line_mm[24];
	snprintf(filter, sizeof(filter), "common_pid == %d", process_pid(process));
	if (!write_file(LOCKING "filter", filter) || !write_file(LOCKING "enable", "1"))
		return false;
	/* Behind the test area nothing is ever mapped. */
	const struct step nothing = { OP_MUNMAP, process, { AREA_PAGES + HPAGE, 1 } };
	struct reply reply;
	process_run(&nothing, &reply);
	write_file(LOCKING "enable", "0");
	for (char *line; (line = next_line());)
		if (strstr(line, "mmap_lock_start_locking") && value_of(line, "mm=", line_mm, sizeof(line_mm)))
			snprintf(mms[process], sizeof(mms[process]), "%s", line_mm);
	return mms[process][0] != 0;
}

bool trace_identify(void)
{
	if (!opened())
		return false;
	trace_discard();
	for (int p = 0; p < PROCESSES; p++)
		if (process_pid(p) && !mms[p][0] && !identify(p))
			return false;
	return true;
}

static bool is_ours(const char *mm)
{
	for (int p = 0; p < PROCESSES; p++)
		if (mms[p][0] && strcmp(mms[p], mm) == 0)
			return true;
	return false;
}

static void report(bool complete)
{
	if (!complete)
		out("x\n");
	for (int kind = 0; kind < KINDS; kind++)
		for (int i = 0; i < statuses; i++)
			if (counted[kind][i])
				out("t %d %s %d\n", kind, names[i], counted[kind][i]);
}

/* Event `kind` in an address space that is not the program's. */
static void of_others(struct others *others, int kind, const char *status, bool khugepaged)
{
	if (kind == COLLAPSE)
		counters_of_collapse(others, status, khugepaged);
	else if (khugepaged)
		counters_of_scan(others, status);
}

static pid_t threads[TRACED_THREADS];
void trace_threads(const pid_t *of)
{
	memcpy(threads, of, sizeof(threads));
}

static bool is_of(pid_t pid, const char *line)
{
	pid_t is = pid_of(line);
	for (int i = 0; i < TRACED_THREADS; i++)
		if (is > 0 && is == threads[i])
			return true;
	return is == pid;
}

void trace_report(pid_t pid, struct others *others)
{
	bool complete = opened();
	char status[48];
	memset(counted, 0, sizeof(counted));
	for (char *line; opened() && (line = next_line());) {
		complete = complete && !strstr(line, "LOST");
		int kind = kind_of(line);
		if (kind < 0 || !value_of(line, "status=", status, sizeof(status)))
			continue;
		if (is_of(pid, line))
			count(kind, status);
		else
			of_others(others, kind, status, pid_of(line) == khugepaged_pid());
	}
	report(complete);
}

void trace_report_pass(bool identified, struct others *others)
{
	bool complete = identified;
	char status[48], mm[24];
	memset(counted, 0, sizeof(counted));
	for (char *line; opened() && (line = next_line());) {
		complete = complete && !strstr(line, "LOST");
		int kind = kind_of(line);
		if (kind < 0 || !value_of(line, "status=", status, sizeof(status)) || !value_of(line, "mm=", mm, sizeof(mm)))
			continue;
		if (is_ours(mm))
			count(kind, status);
		else if (identified)
			of_others(others, kind, status, pid_of(line) == khugepaged_pid());
	}
	report(complete);
}
