/*
 * The processes of a program. Each waits for a step in a pipe, carries it out and answers; a forked child goes on in the
 * same loop. All of them, and the agent, run on one CPU, so that no per-CPU batch is out of reach.
 */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

void stay_on(int cpu)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static int command[PROCESSES][2], answer[PROCESSES][2];
/* A page that was spliced into one of these is held by it, until it is read. */
static int held[HOLDS][2];
static pid_t pids[PROCESSES];
static pid_t group;
uint8_t contents[CONTENTS_MAX];
void (*process_begins)(void);
long (*process_own)(void);

pid_t process_pid(int process) { return pids[process]; }

/* ---- in a process ------------------------------------------------------------------------------------------- */

static sigjmp_buf on_signal;
static void signalled(int number) { (void)number; siglongjmp(on_signal, 1); }

static char *page_address(long page) { return (char *)(AREA_BASE + (unsigned long)page * PAGE); }

static long read_pages(long first, long count)
{
	static volatile long n;
	if (sigsetjmp(on_signal, 0))
		return n;
	for (n = 0; n < count; n++) {
		volatile uint64_t *words = (volatile uint64_t *)page_address(first + n);
		uint64_t begin = words[0], end = words[PAGE / 8 - 1];
		/* 255 is no content: the page was copied in part. */
		contents[n] = begin == end && begin < 255 ? (uint8_t)begin : 255;
	}
	return n;
}

static long write_pages(long first, long count, long content, long stride, long modulus)
{
	static volatile long n;
	if (sigsetjmp(on_signal, 0))
		return n;
	for (n = 0; n < count; n++) {
		volatile uint64_t *words = (volatile uint64_t *)page_address(first + n);
		uint64_t value = (uint64_t)((content - 1 + n * stride) % modulus + 1);
		words[0] = value;
		words[PAGE / 8 - 1] = value;
	}
	return n;
}

/* A reference without a pin: get_user_pages_fast(). */
static long hold(long slot, long page)
{
	struct iovec one = { page_address(page), PAGE };
	return vmsplice(held[slot][1], &one, 1, 0) == (ssize_t)PAGE ? 0 : -1;
}

/* @returns what the page held holds */
static long release(long slot)
{
	static uint64_t words[PAGE / 8];
	if (read(held[slot][0], words, PAGE) != (ssize_t)PAGE)
		return -1;
	return words[0] == words[PAGE / 8 - 1] ? (long)words[0] : 255;
}

/* @returns pages advised */
static long advise_process(pid_t pid, long page, long pages, long advice)
{
	struct iovec range = { page_address(page), (size_t)pages * PAGE };
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	long bytes = syscall(SYS_process_madvise, pidfd, &range, 1, advice, 0);
	int error = errno;
	close(pidfd);
	errno = error;
	return bytes < 0 ? -1 : bytes / (long)PAGE;
}

/* Addresses are answered as pages of the area. */
static long as_page(void *address) { return address == MAP_FAILED ? -1 : (long)(((unsigned long)address - AREA_BASE) / PAGE); }

static void loop(int me);

static long carry_out(const struct step *s)
{
	const long *a = s->arg;
	switch (s->op) {
	case OP_MMAP: return as_page(mmap(page_address(a[0]), (size_t)a[1] * PAGE, (int)a[2], (int)a[3] | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	case OP_MUNMAP: return munmap(page_address(a[0]), (size_t)a[1] * PAGE);
	case OP_MPROTECT: return mprotect(page_address(a[0]), (size_t)a[1] * PAGE, (int)a[2]);
	case OP_MREMAP: return as_page((void *)syscall(SYS_mremap, page_address(a[0]), (size_t)a[1] * PAGE, (size_t)a[2] * PAGE, a[3], page_address(a[4])));
	case OP_MADVISE: return madvise(page_address(a[0]), (size_t)a[1] * PAGE, (int)a[2]);
	case OP_READ: return read_pages(a[0], a[1]);
	case OP_WRITE: return write_pages(a[0], a[1], a[2], a[3], a[4]);
	case OP_PROCESS_MADVISE: return advise_process((pid_t)a[0], a[1], a[2], a[3]);
	case OP_HOLD: return hold(a[0], a[1]);
	case OP_RELEASE: return release(a[0]);
	case OP_ADVISE: case OP_TOUCH: case OP_MLOCK: case OP_MUNLOCK: case OP_BIND: case OP_MOVE_PAGE: case OP_NODE_OF: case OP_MIGRATE: case OP_CLEAR_REFS:
		return beyond_in_process(s);
	case OP_THP_DISABLE: return prctl(PR_SET_THP_DISABLE, a[0], a[1], 0, 0);
	case OP_FORK: {
		pid_t child = fork();
		if (child == 0)
			loop((int)a[0]);
		return child;
	}
	case OPS:
		if (process_own)
			return process_own();
		break;
	/* loop() ends the process; the agent does the others itself. */
	case OP_EXIT: case OP_KHUGEPAGED: case OP_CONTENTS: case OP_SPLIT: case OP_SPLIT_TO: case OP_SPLIT_AT: case OP_SIZE: case OP_COUNT: case OP_FOLIOS: case OP_STATS: case OP_SOFT_DIRTY:
	case OP_WRITTEN: case OP_PAGE_FLAG: case OP_MEMORY_MAX: case OP_RECLAIM: case OP_WORD_AT_BOOT: break;
	}
	die("this operation is not one of a process: %d", s->op);
}

static void __attribute__((noreturn)) loop(int me)
{
	for (;;) {
		struct step s;
		if (read(command[me][0], &s, sizeof(s)) != sizeof(s))
			_exit(0);
		if (s.op == OP_EXIT)
			_exit(0);
		errno = 0;
		long value = carry_out(&s);
		struct reply r = { value, value < 0 ? errno : 0, s.op == OP_READ ? (int)value : 0 };
		if (write(answer[me][1], &r, sizeof(r)) != sizeof(r))
			_exit(0);
		for (int done = 0; done < r.contents;) {
			ssize_t n = write(answer[me][1], contents + done, (size_t)(r.contents - done));
			if (n <= 0)
				_exit(0);
			done += (int)n;
		}
	}
}

static void __attribute__((noreturn)) first_process(void)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Its descendants live as long as the agent has the other ends of these, and end with it. */
	for (int i = 0; i < PROCESSES; i++) {
		close(command[i][1]);
		close(answer[i][0]);
	}
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	static char stack[1 << 16];
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	sigaltstack(&alternative, NULL);
	struct sigaction action = { .sa_handler = signalled, .sa_flags = SA_NODEFER | SA_ONSTACK };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	signal(SIGCHLD, SIG_IGN);
	if (process_begins)
		process_begins();
	loop(0);
}

/* ---- in the agent ------------------------------------------------------------------------------------------- */

void processes_init(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < PROCESSES; i++)
		if (pipe(command[i]) || pipe(answer[i]))
			die("no pipe: %s", strerror(errno));
	for (int i = 0; i < HOLDS; i++)
		if (pipe2(held[i], O_NONBLOCK))
			die("no pipe: %s", strerror(errno));
}

static void answered(int process, void *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		struct pollfd wait = { answer[process][0], POLLIN, 0 };
		if (poll(&wait, 1, 20000) <= 0)
			die("process %d does not answer within 20 s", process);
		ssize_t n = read(answer[process][0], (char *)to + done, size - done);
		if (n <= 0)
			die("process %d is gone", process);
		done += (size_t)n;
	}
}

void processes_begin(void)
{
	out_flush();
	pid_t pid = fork();
	if (pid < 0)
		die("no process: %s", strerror(errno));
	if (pid == 0)
		first_process();
	setpgid(pid, pid);
	pids[0] = group = pid;
	trace_forget(0);
	snapshot_opened(0, pid);
}

void process_run(const struct step *s, struct reply *reply)
{
	int p = s->process;
	memset(reply, 0, sizeof(*reply));
	if (!pids[p])
		die("process %d does not exist: the program is not well formed", p);
	int pidfd = s->op == OP_EXIT ? (int)syscall(SYS_pidfd_open, pids[p], 0) : -1;
	struct step sent = *s;
	if (s->op == OP_PROCESS_MADVISE)
		sent.arg[0] = process_pid((int)s->arg[0]);
	if (write(command[p][1], &sent, sizeof(sent)) != sizeof(sent))
		die("process %d does not listen", p);
	if (s->op == OP_EXIT) {
		struct pollfd wait = { pidfd, POLLIN, 0 };
		if (poll(&wait, 1, 20000) <= 0)
			die("process %d does not exit within 20 s", p);
		close(pidfd);
		pids[p] = 0;
		trace_forget(p);
		snapshot_closed(p);
		return;
	}
	answered(p, reply, sizeof(*reply));
	if (reply->contents)
		answered(p, contents, (size_t)reply->contents);
	if (s->op == OP_FORK && reply->value > 0) {
		int child = (int)s->arg[0];
		pids[child] = (pid_t)reply->value;
		reply->value = child;
		trace_forget(child);
		snapshot_opened(child, pids[child]);
	}
}

void processes_end(void)
{
	if (group)
		kill(-group, SIGKILL);
	for (int p = 0; p < PROCESSES; p++)
		if (pids[p])
			snapshot_closed(p), trace_forget(p);
	memset(pids, 0, sizeof(pids));
	for (int i = 0; i < HOLDS; i++)
		release(i);
	pid_t ended = group;
	group = 0;
	/* Orphans come here, since the agent is their subreaper; the others go with their parent. */
	while (ended && (waitpid(-ended, NULL, 0) > 0 || errno == EINTR))
		;
}
