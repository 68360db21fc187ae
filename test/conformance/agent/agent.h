/* What the parts of the agent share. Pages are numbered from the start of the test area; nothing here is allocated later. */
#ifndef AGENT_H
#define AGENT_H
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * host.ts compiles this with what programs can say: OPERATIONS (OP_MMAP, ...), HPAGE (pages of a huge page), AREA_RANGES
 * (huge ranges of the test area), PROCESSES (that a program can have in its life), HOLDS (pages that it can hold at a time),
 * COUNTED (the counters that have names), and STATS (files of hugepages-<size>kB/stats).
 */
#ifndef OPERATIONS
#error "compiled by itself, the agent does not know the operations: npx thpcheck conform --programs 0 compiles it"
#endif
enum {
	AREA_PAGES = AREA_RANGES * HPAGE,
	STEPS_MAX = 256,
	ARGS = 5,
};
#define PAGE 4096ul
/* Far from where the kernel places anything by itself, so that no other area is ever next to the test area. */
#define AREA_BASE 0x10000000000ul

enum op { OPERATIONS, OPS };
struct step { enum op op; int process; long arg[ARGS]; };

/* output.c: what is said to the other side, kept together until the program is over. */
void out(const char *format, ...) __attribute__((format(printf, 1, 2)));
void out_flush(void);
/* Ends the agent with one sentence on standard error. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* process.c: the processes of a program. */
struct reply { long value; int error; int contents; };
enum { CONTENTS_MAX = AREA_PAGES };
/* The calling thread runs on this CPU from now on. */
void stay_on(int cpu);
void processes_init(void);
/* Carries the step out. The contents that a read found are in `contents`. */
void process_run(const struct step *s, struct reply *reply);
extern uint8_t contents[CONTENTS_MAX];
void processes_begin(void);
void processes_end(void);
/* 0: no such process, or it has ended. */
pid_t process_pid(int process);

/* As the first process of a program begins, in it; NULL: nothing. */
extern void (*process_begins)(void);
/* What the first process does for OPS, which is no operation of programs; NULL: there is nothing of the kind. */
extern long (*process_own)(void);

/* snapshot.c: what the kernel says of the memory of a process. */
void snapshot_init(void);
void snapshot_begin(void);
void snapshot_opened(int process, pid_t pid);
void snapshot_closed(int process);
/* Reports areas and pages of all processes. */
void snapshot(void);
/* From now on, until the next program, also the folios that entries map. */
void snapshot_with_folios(void);
/* Pages of the process that were there, and could be read, at the last snapshot: the next run from `from` on. False: no more. */
bool snapshot_readable(int process, long *from, long *pages);
/* How many of the pages pagemap calls soft-dirty; how many PAGEMAP_SCAN calls written; a bit of /proc/kpageflags. -1 and errno. */
long snapshot_soft_dirty(int process, long first, long pages);
long snapshot_written(int process, long first, long pages);
long snapshot_page_flag(int process, long page, int bit);

/* globals.c: what belongs to the whole machine: knobs, counters, khugepaged. */
void knobs_save(const char *file);
void knobs_restore(void);
/* What it was before; NULL: there is no such file. */
const char *knob_saved(const char *knob);
/* A machine that an agent left behind that could not clean up. */
void knobs_restore_leftover(const char *file);
struct knobs { char enabled[16]; int use_zero_page, max_ptes_none, max_ptes_swap, max_ptes_shared; };
void knobs_set(const struct knobs *k);
void khugepaged_quiet(void);
pid_t khugepaged_pid(void);
/* One full scan by the thread. False: it did not happen in time. */
bool khugepaged_pass(void);
/*
 * Around a change of knobs: what was there before it, and, where it has started a thread, the wait for that one's first scan. A scan
 * that is not waited for comes in the middle of a program.
 */
struct khugepaged_seen { pid_t thread; long scans; };
struct khugepaged_seen khugepaged_seen(void);
void khugepaged_settle(struct khugepaged_seen before);
void holder_init(void);
/* Empties the LRU batches. */
void lru_drain(void);
void counters_read(void);
/* What others are known to have added to a counter while the step ran, and how much each moved while no step did. */
enum { COUNTERS = 21 };
struct others { long added[COUNTERS], idle[COUNTERS]; };
/* No step has run since counters were read the last time but one: who moved them is somebody else. */
void counters_were_idle(struct others *others);
/* By its tracepoint, a collapse or scan of an address space that is not the program's. `khugepaged`: by the thread. */
void counters_of_collapse(struct others *others, const char *status, bool khugepaged);
void counters_of_scan(struct others *others, const char *status);
/* Less what others are known to have added; and what they have moved, if anything. */
void counters_report(const struct others *others);

/* beyond.c: what only a guest is asked for. */
/* Before the program's knobs are set. */
void beyond_begin(const struct step *steps, int count);
/* Of a process, by itself. */
long beyond_in_process(const struct step *s);
/* False: it is a step for somebody else. */
bool beyond_in_agent(const struct step *s, pid_t pid, struct reply *reply);
/* Every file of hugepages-<size>kB/stats, a line for each size: how far it is from where it was when the program began. */
void beyond_report_stats(void);

/* debugfs.c */
void debugfs_init(void);
bool debugfs_available(void);
/* Splits the large folios that the process maps there. */
void debugfs_split(pid_t pid, long first, long pages);
/* Into folios of that order, 0: pages; or toward the page of that offset in the folio; -1: without one. */
void debugfs_split_to(pid_t pid, long first, long pages, long order, long offset);

/* trace.c: the huge_memory tracepoints. */
/* A mount namespace of the agent's own, where nobody else sees what is mounted. */
bool private_mounts(void);
void trace_init(void);
void trace_discard(void);
enum { TRACED_THREADS = 3 };
/* So many threads of the process that is reported of next: what they pass counts as its own. 0: none. */
void trace_threads(const pid_t *of);
/* Reports how often which of them `pid` has passed since the last time, and adds up what other processes have. */
void trace_report(pid_t pid, struct others *others);
/* Finds out which address spaces are those of the program. False: that cannot be had. */
bool trace_identify(void);
/* The process is gone, or not there yet. */
void trace_forget(int process);
/* What khugepaged has passed since the last time, of the program's address spaces; and what anybody has in others. */
void trace_report_pass(bool identified, struct others *others);
void trace_end(void);

ssize_t read_file(const char *path, char *buffer, size_t size);
bool write_file(const char *path, const char *text);

#endif
