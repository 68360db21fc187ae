/*
 *   launch <pid> <program> <argument> ...
 *
 * Becomes the program, which is killed when its parent, the process of that number, ends in whatever way.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It has ended before it was asked for. */
	if (getppid() != atoi(argv[1]))
		return 1;
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
