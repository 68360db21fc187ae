/*
 * What only a guest is asked for: parts of the kernel that are not in impl/, knobs that are the whole machine's, and counters
 * by name. What each answers is compared with what the same kernel, and others, answered before.
 */
#include "agent.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define GROUP "/sys/fs/cgroup/program"

static char *page_address(long page) { return (char *)(AREA_BASE + (unsigned long)page * PAGE); }

/* ---- in a process ------------------------------------------------------------------------------------------- */

static sigjmp_buf on_signal;
static volatile long told;

static void signalled(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* How much memory is lost, by its order, and whether the access itself was the reason. */
	told = number == SIGBUS ? 1000 + 100 * info->si_code + info->si_addr_lsb : 100 + number;
	siglongjmp(on_signal, 1);
}

/* Carries `call` out; what it returns, or of a signal 1000 + 100 * si_code + si_addr_lsb. */
static long telling(long (*call)(const long *), const long *a)
{
	struct sigaction mine = { .sa_sigaction = signalled, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK }, segv, bus;
	sigaction(SIGSEGV, &mine, &segv);
	sigaction(SIGBUS, &mine, &bus);
	volatile long value;
	volatile int error;
	if (sigsetjmp(on_signal, 0)) {
		value = told;
		error = 0;
	} else {
		value = call(a);
		error = errno;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	errno = error;
	return value;
}

static long advised(const long *a) { return madvise(page_address(a[0]), (size_t)a[1] * PAGE, (int)a[2]); }
static long touched(const long *a) { (void)*(volatile char *)page_address(a[0]); return 0; }

static long moved(long page, long node)
{
	void *address = page_address(page);
	int to = (int)node, status = -1;
	long result = syscall(SYS_move_pages, 0, 1ul, &address, node < 0 ? NULL : &to, &status, MPOL_MF_MOVE);
	if (result < 0)
		return -1;
	if (status >= 0)
		return status;
	errno = -status;
	return -1;
}

static long refs_cleared(long what)
{
	char text[8];
	snprintf(text, sizeof(text), "%ld", what);
	return write_file("/proc/self/clear_refs", text) ? 0 : -1;
}

long beyond_in_process(const struct step *s)
{
	const long *a = s->arg;
	switch (s->op) {
	case OP_ADVISE: return telling(advised, a);
	case OP_TOUCH: return telling(touched, a);
	case OP_MLOCK: return mlock(page_address(a[0]), (size_t)a[1] * PAGE);
	case OP_MUNLOCK: return munlock(page_address(a[0]), (size_t)a[1] * PAGE);
	case OP_BIND: {
		unsigned long nodes = 1ul << a[2];
		return syscall(SYS_mbind, page_address(a[0]), (size_t)a[1] * PAGE, MPOL_BIND, &nodes, 8 * sizeof(nodes), MPOL_MF_MOVE);
	}
	case OP_MOVE_PAGE: return moved(a[0], a[1]);
	case OP_NODE_OF: return moved(a[0], -1);
	case OP_MIGRATE: {
		unsigned long from = 1ul << a[0], to = 1ul << a[1];
		return syscall(SYS_migrate_pages, 0, 8 * sizeof(from), &from, &to);
	}
	case OP_CLEAR_REFS: return refs_cleared(a[0]);
	default: die("this operation is not one of a process: %d", s->op);
	}
}

/* ---- in the agent ------------------------------------------------------------------------------------------- */

static const char *const words[] = { "never", "madvise", "always", "inherit" };
static bool sizes_changed, grouped;

static bool size_set(long kib, const char *word)
{
	char path[128];
	snprintf(path, sizeof(path), THP "hugepages-%ldkB/enabled", kib);
	return write_file(path, word);
}

/* errno is that of the knob. */
static bool size_set_settled(long kib, const char *word)
{
	struct khugepaged_seen before = khugepaged_seen();
	bool done = size_set(kib, word);
	int error = errno;
	khugepaged_settle(before);
	errno = error;
	return done;
}

static long word_at_boot(long kib)
{
	char knob[40] = "enabled";
	if (kib)
		snprintf(knob, sizeof(knob), "hugepages-%ldkB/enabled", kib);
	const char *word = knob_saved(knob);
	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return (long)i;
	errno = ENOENT;
	return -1;
}

static long file_value(const char *path)
{
	char text[64];
	return read_file(path, text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : 0;
}

/* A counter: "64kB/split" of the statistics by size, "Mlocked" of /proc/meminfo in kB, or one of /proc/vmstat. */
static long counter(const char *name)
{
	static char text[1 << 15];
	char key[80];
	const char *slash = strchr(name, '/');
	if (slash) {
		char path[160];
		snprintf(path, sizeof(path), THP "hugepages-%.*s/stats/%s", (int)(slash - name), name, slash + 1);
		return file_value(path);
	}
	bool meminfo = name[0] >= 'A' && name[0] <= 'Z';
	text[0] = '\n';
	ssize_t n = read_file(meminfo ? "/proc/meminfo" : "/proc/vmstat", text + 1, sizeof(text) - 1);
	text[n > 0 ? n + 1 : 1] = 0;
	snprintf(key, sizeof(key), meminfo ? "\n%s:" : "\n%s ", name);
	const char *found = strstr(text, key);
	return found ? strtol(found + strlen(key), NULL, 10) : 0;
}

static const char *const counted[] = { COUNTED };
enum { COUNTERS_BY_NAME = sizeof(counted) / sizeof(counted[0]) };
static long at_start[COUNTERS_BY_NAME];
static bool started[COUNTERS_BY_NAME];

/* The files of hugepages-<size>kB/stats by name, and in the last place the sum of all others. */
static const char *const stat_files[] = { STATS };
enum { STAT_FILES = sizeof(stat_files) / sizeof(stat_files[0]) };
enum { SIZES = 8, SMALLEST_KIB = 16 };
static long stats_at_start[SIZES][STAT_FILES + 1];

static void stats_of(long kib, long *to)
{
	char path[320];
	memset(to, 0, (STAT_FILES + 1) * sizeof(*to));
	snprintf(path, sizeof(path), THP "hugepages-%ldkB/stats", kib);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		int i = 0;
		while (i < STAT_FILES && strcmp(stat_files[i], entry->d_name) != 0)
			i++;
		snprintf(path, sizeof(path), THP "hugepages-%ldkB/stats/%s", kib, entry->d_name);
		to[i] += file_value(path);
	}
	if (folder)
		closedir(folder);
}

void beyond_report_stats(void)
{
	long now[STAT_FILES + 1];
	for (int size = 0; size < SIZES; size++) {
		stats_of(SMALLEST_KIB << size, now);
		out("s %d", SMALLEST_KIB << size);
		for (int i = 0; i <= STAT_FILES; i++)
			out(" %ld", now[i] - stats_at_start[size][i]);
		out("\n");
	}
}

static void sizes_back(void)
{
	for (long kib = 16; kib <= 1024; kib *= 2)
		size_set(kib, "never");
	size_set(2048, "inherit");
}

/* Of the whole program: where each counter stood when it began. */
void beyond_begin(const struct step *steps, int count)
{
	if (sizes_changed) {
		struct khugepaged_seen seen = khugepaged_seen();
		sizes_back();
		khugepaged_settle(seen);
	}
	if (grouped)
		rmdir(GROUP);
	sizes_changed = grouped = false;
	memset(started, 0, sizeof(started));
	bool told = false;
	for (int i = 0; i < count; i++)
		told = told || steps[i].op == OP_STATS;
	for (int size = 0; told && size < SIZES; size++)
		stats_of(SMALLEST_KIB << size, stats_at_start[size]);
	for (int i = 0; i < count; i++) {
		long which = steps[i].arg[0];
		if (steps[i].op != OP_COUNT || started[which])
			continue;
		started[which] = true;
		at_start[which] = counter(counted[which]);
	}
}

/* Into a control group, which the process has for itself until the program ends. */
static long limit(pid_t pid, long pages)
{
	char text[32];
	mkdir(GROUP, 0755);
	grouped = true;
	snprintf(text, sizeof(text), "%d", pid);
	if (!write_file(GROUP "/cgroup.procs", text))
		return -1;
	snprintf(text, sizeof(text), "%ld", pages * (long)PAGE);
	return write_file(GROUP "/memory.max", pages ? text : "max") ? 0 : -1;
}

static long reclaim(pid_t pid, long pages)
{
	char text[32];
	if (limit(pid, 0))
		return -1;
	snprintf(text, sizeof(text), "%ld", pages * (long)PAGE);
	/* Less than was asked for is EAGAIN. */
	return write_file(GROUP "/memory.reclaim", text) ? 0 : -1;
}

bool beyond_in_agent(const struct step *s, pid_t pid, struct reply *reply)
{
	const long *a = s->arg;
	errno = 0;
	switch (s->op) {
	case OP_SPLIT_TO: debugfs_split_to(pid, a[0], a[1], a[2], -1); break;
	case OP_SPLIT_AT: debugfs_split_to(pid, a[0], a[1], a[2], a[3]); break;
	case OP_SIZE: sizes_changed = true; reply->value = size_set_settled(a[0], words[a[1]]) ? 0 : -1; break;
	case OP_FOLIOS: snapshot_with_folios(); break;
	case OP_STATS: break;
	case OP_WORD_AT_BOOT: reply->value = word_at_boot(a[0]); break;
	case OP_COUNT: reply->value = counter(counted[a[0]]) - at_start[a[0]]; break;
	case OP_SOFT_DIRTY: reply->value = snapshot_soft_dirty(s->process, a[0], a[1]); break;
	case OP_WRITTEN: reply->value = snapshot_written(s->process, a[0], a[1]); break;
	case OP_PAGE_FLAG: reply->value = snapshot_page_flag(s->process, a[0], (int)a[1]); break;
	case OP_MEMORY_MAX: reply->value = limit(pid, a[0]); break;
	case OP_RECLAIM: reply->value = reclaim(pid, a[0]); break;
	default: return false;
	}
	reply->error = reply->value < 0 ? errno : 0;
	return true;
}
