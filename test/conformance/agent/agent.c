/*
 * The agent of `thpcheck conform`: runs programs of system calls on this kernel and reports what can be seen after each step.
 *
 *   agent <file> <cpu> [each]
 *
 * `file` is its lock, and keeps the knobs of the machine while they are changed. With "each", what was seen after a step
 * is said before the next one begins: a guest may not live to see the end. On standard input come programs:
 *
 *   run <steps> <enabled> <use_zero_page> <max_ptes_none> <max_ptes_swap> <max_ptes_shared>
 *   <op> <process> <argument> x 5        one line for each step
 *
 * and the answer to each is a list of lines, which host.ts explains, that ends with a dot.
 *
 * Two processes: the keeper changes nothing but its mind. It waits for the other one, which does the work, to end in
 * whatever way, and puts the knobs of the machine back. It lets a terminal's Ctrl-C end the other and does the same.
 */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif

static pid_t worker;
static void end_worker(int number) { (void)number; if (worker > 0) kill(worker, SIGKILL); }

static struct step steps[STEPS_MAX];
/* Nothing is kept together. */
static bool each_step;

static void report_contents(long from, int pages)
{
	for (int i = 0; i < pages; i++)
		i ? out(" %d", contents[i]) : out("c %ld %d", from, contents[0]);
	if (pages)
		out("\n");
}

/* Everything that is there is read: of no page does that change more than its accessed bit. */
static void read_all(int process)
{
	long pages;
	for (long from = 0; snapshot_readable(process, &from, &pages); from += pages) {
		const struct step read = { OP_READ, process, { from, pages } };
		struct reply reply;
		process_run(&read, &reply);
		report_contents(from, reply.contents);
	}
}

static void run_step(int index, const struct step *s)
{
	struct reply reply = { 0 };
	struct others others = { 0 };
	bool identified = s->op == OP_KHUGEPAGED && trace_identify();
	trace_discard();
	counters_read();
	/* Before the first step the agent itself is at work: it ends processes and starts one. */
	if (index > 0)
		counters_were_idle(&others);
	if (s->op == OP_KHUGEPAGED) {
		if (!khugepaged_pass())
			die("khugepaged makes no pass within a minute");
	} else if (s->op == OP_SPLIT) {
		debugfs_split(process_pid(s->process), s->arg[0], s->arg[1]);
	} else if (!beyond_in_agent(s, process_pid(s->process), &reply) && s->op != OP_CONTENTS) {
		process_run(s, &reply);
	}
	out("r %d %ld %d\n", index, reply.value, reply.error);
	if (s->op == OP_CONTENTS)
		read_all(s->process);
	report_contents(s->arg[0], reply.contents);
	if (s->op == OP_STATS)
		beyond_report_stats();
	if (s->op == OP_KHUGEPAGED)
		trace_report_pass(identified, &others);
	else
		trace_report(process_pid(s->process), &others);
	counters_report(&others);
	lru_drain();
	snapshot();
	if (each_step)
		out_flush();
}

static bool read_line(char *line, size_t size)
{
	return fgets(line, (int)size, stdin) != NULL;
}

static void work(void)
{
	struct utsname name;
	uname(&name);
	/*
	 * Without huge pages the agent never becomes known to khugepaged, which a fork would hand on: under enabled=always a
	 * fault of its own would do. Its processes, and the holder, have them again.
	 */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	processes_init();
	snapshot_init();
	khugepaged_quiet();
	out("ready %s %d\n", name.release, debugfs_available());
	out_flush();
	char line[256];
	while (read_line(line, sizeof(line))) {
		struct knobs k;
		int count;
		if (sscanf(line, "run %d %15s %d %d %d %d", &count, k.enabled, &k.use_zero_page, &k.max_ptes_none, &k.max_ptes_swap, &k.max_ptes_shared) != 6 || count > STEPS_MAX)
			die("this is no program: %s", line);
		for (int i = 0; i < count; i++) {
			struct step *s = &steps[i];
			int op;
			if (!read_line(line, sizeof(line)) ||
			    sscanf(line, "%d %d %ld %ld %ld %ld %ld", &op, &s->process, &s->arg[0], &s->arg[1], &s->arg[2], &s->arg[3], &s->arg[4]) != 7 ||
			    op < 0 || op >= OPS || s->process < 0 || s->process >= PROCESSES)
				die("this is no step: %s", line);
			s->op = (enum op)op;
		}
		beyond_begin(steps, count);
		knobs_set(&k);
		snapshot_begin();
		processes_begin();
		for (int i = 0; i < count; i++)
			run_step(i, &steps[i]);
		processes_end();
		out(".\n");
		out_flush();
	}
}

int main(int argc, char **argv)
{
	each_step = argc == 4 && strcmp(argv[3], "each") == 0;
	if (argc != 3 && !each_step)
		die("usage: agent <file> <cpu> [each]");
	int lock = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		die("%s cannot be opened: %s", argv[1], strerror(errno));
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		dprintf(STDERR_FILENO, "conform agent: another run is at work on this machine; waiting for it\n");
		flock(lock, LOCK_EX);
	}
	char knobs[300];
	snprintf(knobs, sizeof(knobs), "%s.knobs", argv[1]);
	knobs_restore_leftover(knobs);
	knobs_save(knobs);
	trace_init();
	debugfs_init();
	stay_on(atoi(argv[2]));
	/* What is measured is what the kernel does, not how it shares a busy machine; the work is short. */
	setpriority(PRIO_PROCESS, 0, -10);

	struct sigaction action = { .sa_handler = end_worker };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	worker = fork();
	if (worker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The lock is the keeper's alone: nobody who outlives it keeps it. */
		close(lock);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		work();
		_exit(0);
	}
	/* The keeper would keep the pipes open that say that the other side is gone. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	int status = 1 << 8;
	while (worker > 0 && waitpid(worker, &status, 0) < 0 && errno == EINTR)
		;
	knobs_restore();
	trace_end();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
