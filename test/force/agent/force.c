/*
 * The agent of `thpcheck force`: two or three threads of one process, each on a processor of its own, wait at a gate in front of the
 * calls that each makes. Who opens the gates, and stops the threads within their calls, is outside: a debugger of the whole machine.
 *
 *   agent <file> <cpu> [each]         as test/conformance/agent/agent.c, whose parts it shares
 *
 * On standard input come requests, and each answer ends with a dot:
 *
 *   symbols                           the lines of /proc/kallsyms that are functions and data of the kernel itself
 *   pair <steps> <calls x 3> <knobs x 5>
 *                                     then <op> <process> <argument> x 5: the steps that make the memory, then the calls of each
 *
 * A pair is answered by what each step of the preparation returned (`r`), the areas and pages then (`v`, `p`), and
 *
 *   g <address> x 7                   the threads are about to be at their gates: where the test area begins, where the
 *                                     gates are, what waits at them, a jump to itself, and where each thread comes by when a
 *                                     call of its own has returned
 *
 * There are as many threads as processors; a third one without calls does not come to its gate.
 *
 * and, when all have returned: for each call `a`, `b` or `c` with value and error number, counters and tracepoints as of a step of
 * conformance, areas and pages, and the first word of each page that can be read (`w`).
 */
#include "../../conformance/agent/agent.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif

enum { A, B, C, SIDES, CALLS_MAX = 8 };
/* Shared by all processes and never copied: a gate that is opened is open for one thread, whatever fork does meanwhile. */
static volatile struct shared {
	int gate[SIDES];
	struct { struct { long value; int error; } of[CALLS_MAX]; pid_t tid; } side[SIDES];
} *shared;

static struct step calls[SIDES][CALLS_MAX];
static int calls_of[SIDES], sides;
static sem_t begin[SIDES], ended;
static pthread_t thread[SIDES];
static char stacks[SIDES][1 << 16] __attribute__((aligned(4096)));
static __thread sigjmp_buf on_signal;
static __thread char page_read[PAGE];

static void signalled(int number) { (void)number; siglongjmp(on_signal, 1); }

/* The debugger stops here. */
__attribute__((noinline)) void returned_a(void) { __asm__ volatile("nop" ::: "memory"); }
__attribute__((noinline)) void returned_b(void) { __asm__ volatile("nop; nop" ::: "memory"); }
__attribute__((noinline)) void returned_c(void) { __asm__ volatile("nop; nop; nop" ::: "memory"); }

/* Where the debugger lets a thread wait between two of its calls. */
extern char stays_here[];
__asm__(".text\nstays_here:\n\tjmp stays_here\n");

/* In user mode, so that the debugger knows where the thread is, and on which processor. */
__attribute__((noinline)) static void wait_at(volatile int *gate)
{
	while (!*gate)
		__builtin_ia32_pause();
}

static char *page_address(long page) { return (char *)(AREA_BASE + (unsigned long)page * PAGE); }

/* As process_vm_readv() of the own process: a page is pinned while it is copied. */
static long read_through_pin(long page)
{
	struct iovec to = { page_read, PAGE }, from = { page_address(page), PAGE };
	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)PAGE ? 0 : -1;
}

static long call(const struct step *s)
{
	const long *a = s->arg;
	switch (s->op) {
	case OP_MUNMAP: return munmap(page_address(a[0]), (size_t)a[1] * PAGE);
	case OP_MPROTECT: return mprotect(page_address(a[0]), (size_t)a[1] * PAGE, (int)a[2]);
	case OP_MREMAP: {
		long to = syscall(SYS_mremap, page_address(a[0]), (size_t)a[1] * PAGE, (size_t)a[2] * PAGE, a[3], page_address(a[4]));
		return to == -1 ? -1 : (long)(((unsigned long)to - AREA_BASE) / PAGE);
	}
	case OP_MADVISE: return madvise(page_address(a[0]), (size_t)a[1] * PAGE, (int)a[2]);
	case OP_READ: return *(volatile long *)page_address(a[0]);
	case OP_WRITE: *(volatile long *)page_address(a[0]) = a[2]; return 1;
	case OP_HOLD: return read_through_pin(a[1]);
	case OP_THP_DISABLE: return prctl(PR_SET_THP_DISABLE, a[0], a[1], 0, 0);
	case OP_FORK: {
		long child = syscall(SYS_fork);
		while (child == 0)
			syscall(SYS_pause);
		return child > 0 ? a[0] : -1;
	}
	default: die("this operation is none of a pair: %d", s->op);
	}
}

static void *side(void *number)
{
	const long me = (long)number;
	stay_on((int)me);
	shared->side[me].tid = (pid_t)syscall(SYS_gettid);
	memset(page_read, 1, sizeof(page_read));
	sem_post(&ended);
	while (sem_wait(&begin[me]))
		;
	for (volatile int i = 0; i < calls_of[me]; i++) {
		/* As -1 and EFAULT: what a system call would say of the same address. */
		volatile long value = -1;
		volatile int error = EFAULT;
		if (!sigsetjmp(on_signal, 0)) {
			if (i == 0)
				wait_at(&shared->gate[me]);
			errno = 0;
			value = call(&calls[me][i]);
			error = value < 0 ? errno : 0;
		}
		if (me == A)
			returned_a();
		else if (me == B)
			returned_b();
		else
			returned_c();
		shared->side[me].of[i].value = value;
		shared->side[me].of[i].error = error;
	}
	sem_post(&ended);
	return NULL;
}

/* Before the test area is there: nothing that the threads need is touched for the first time when they are at work. */
static void begin_threads(void)
{
	struct sigaction action = { .sa_handler = signalled, .sa_flags = SA_NODEFER };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	for (long i = 0; i < sides; i++) {
		pthread_attr_t attributes;
		sem_init(&begin[i], 0, 0);
		pthread_attr_init(&attributes);
		pthread_attr_setstack(&attributes, stacks[i], sizeof(stacks[i]));
		if (pthread_create(&thread[i], &attributes, side, (void *)i))
			die("no thread: %s", strerror(errno));
	}
	for (int i = 0; i < sides; i++)
		while (sem_wait(&ended))
			;
	/* A page near the test area, so that the table is there in which the entries of its huge ranges will be. */
	char *near = mmap((void *)(AREA_BASE + 2 * AREA_PAGES * PAGE), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (near == MAP_FAILED)
		die("no memory");
	*near = 1;
	if (mlockall(MCL_CURRENT) || munlockall())
		die("the agent's own pages cannot be brought in: %s", strerror(errno));
}

/* In the process, for OPS. */
static long all(void)
{
	for (int i = 0; i < sides; i++)
		sem_post(&begin[i]);
	for (int i = 0; i < sides; i++)
		while (sem_wait(&ended))
			;
	return 0;
}

/* ---- in the agent ------------------------------------------------------------------------------------------- */

static void symbols(void)
{
	static char line[512];
	FILE *file = fopen("/proc/kallsyms", "r");
	if (!file)
		die("/proc/kallsyms cannot be read: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		char kind = 0;
		/* Of modules, with their name in brackets, none is asked for. */
		if (sscanf(line, "%*s %c", &kind) == 1 && strchr("tTdDbBrRwWVA", kind) && !strchr(line, '['))
			out("%s", line);
	}
	fclose(file);
	out(".\n");
	out_flush();
}

/* The first word of each page that is there; of a page that is there nothing is changed but its accessed bit. */
static void report_contents(int process)
{
	static long words[AREA_PAGES];
	static struct iovec from[1024];
	long pages;
	for (long first = 0; snapshot_readable(process, &first, &pages); first += pages) {
		for (long done = 0; done < pages;) {
			long n = 0;
			for (; n < (long)(sizeof(from) / sizeof(from[0])) && done + n < pages; n++)
				from[n] = (struct iovec){ page_address(first + done + n), sizeof(long) };
			struct iovec to = { words + done, (size_t)n * sizeof(long) };
			if (process_vm_readv(process_pid(process), &to, 1, from, (unsigned long)n, 0) != (ssize_t)(n * (long)sizeof(long)))
				die("the memory of process %d cannot be read: %s", process, strerror(errno));
			done += n;
		}
		/* Runs of one content: `w first pages content`. */
		for (long i = 0, n; i < pages; i += n) {
			for (n = 1; i + n < pages && words[i + n] == words[i];)
				n++;
			out("w %ld %ld %ld\n", first + i, n, words[i]);
		}
	}
}

static void gates_line(void)
{
	out("g %lx %lx %lx %lx %lx %lx %lx\n", AREA_BASE, (unsigned long)shared, (unsigned long)wait_at, (unsigned long)stays_here,
	    (unsigned long)returned_a, (unsigned long)returned_b, (unsigned long)returned_c);
	out_flush();
}

static bool read_step(struct step *s)
{
	char line[256];
	int op;
	if (!fgets(line, sizeof(line), stdin) ||
	    sscanf(line, "%d %d %ld %ld %ld %ld %ld", &op, &s->process, &s->arg[0], &s->arg[1], &s->arg[2], &s->arg[3], &s->arg[4]) != 7 ||
	    op < 0 || op >= OPS || s->process < 0 || s->process >= PROCESSES)
		return false;
	s->op = (enum op)op;
	return true;
}

static void pair(int count, const struct knobs *k)
{
	static struct step steps[STEPS_MAX];
	for (int i = 0; i < count; i++)
		if (!read_step(&steps[i]))
			die("step %d of the pair is none", i);
	for (int side = 0; side < sides; side++)
		for (int i = 0; i < calls_of[side]; i++)
			if (!read_step(&calls[side][i]))
				die("call %d of %c is none", i, "ABC"[side]);
	knobs_set(k);
	snapshot_begin();
	memset((void *)shared, 0, sizeof(*shared));
	processes_begin();
	struct reply reply;
	for (int i = 0; i < count; i++) {
		process_run(&steps[i], &reply);
		out("r %d %ld %d\n", i, reply.value, reply.error);
	}
	lru_drain();
	snapshot();
	struct others others = { 0 };
	counters_read();
	trace_threads((pid_t[]){ shared->side[A].tid, shared->side[B].tid, shared->side[C].tid });
	trace_discard();
	gates_line();
	const struct step own = { OPS, 0, { 0 } };
	process_run(&own, &reply);
	for (int i = 0; i < sides; i++)
		for (int n = 0; n < calls_of[i]; n++)
			out("%c %ld %d\n", "abc"[i], shared->side[i].of[n].value, shared->side[i].of[n].error);
	trace_report(process_pid(0), &others);
	counters_report(&others);
	lru_drain();
	snapshot();
	/* Of the children nothing is compared. */
	report_contents(0);
	processes_end();
	out(".\n");
	out_flush();
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die("usage: agent <file> <cpu> [each]");
	char knobs[300], line[256];
	snprintf(knobs, sizeof(knobs), "%s.knobs", argv[1]);
	/* The guest is switched off afterwards: nothing is put back. */
	knobs_save(knobs);
	trace_init();
	debugfs_init();
	stay_on(atoi(argv[2]));
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (shared == MAP_FAILED)
		die("no memory");
	sem_init(&ended, 0, 0);
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	sides = processors < SIDES ? (int)processors : SIDES;
	process_begins = begin_threads;
	process_own = all;
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	processes_init();
	snapshot_init();
	khugepaged_quiet();
	out("ready force %d\n", debugfs_available());
	out_flush();
	while (fgets(line, sizeof(line), stdin)) {
		struct knobs k;
		int count;
		if (strcmp(line, "symbols\n") == 0)
			symbols();
		else if (sscanf(line, "pair %d %d %d %d %15s %d %d %d %d", &count, &calls_of[A], &calls_of[B], &calls_of[C], k.enabled, &k.use_zero_page, &k.max_ptes_none, &k.max_ptes_swap, &k.max_ptes_shared) == 9 &&
			 count <= STEPS_MAX && calls_of[A] <= CALLS_MAX && calls_of[B] <= CALLS_MAX && calls_of[C] <= (sides > C ? CALLS_MAX : 0))
			pair(count, &k);
		else
			die("this is no request: %s", line);
	}
	return 0;
}
