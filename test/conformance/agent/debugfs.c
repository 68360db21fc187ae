/* /sys/kernel/debug/split_huge_pages. */
#include "agent.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug"
#define SPLIT DEBUGFS "/split_huge_pages"

void debugfs_init(void)
{
	if (access(SPLIT, W_OK) != 0 && private_mounts())
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
}

/* Lockdown forbids to open it, whatever access() says. */
bool debugfs_available(void)
{
	int fd = open(SPLIT, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void debugfs_split(pid_t pid, long first, long pages)
{
	debugfs_split_to(pid, first, pages, 0, -1);
}

/* offset: in the folio, of the page toward which it is halved; -1: into parts of one order. */
void debugfs_split_to(pid_t pid, long first, long pages, long order, long offset)
{
	char text[96];
	unsigned long start = AREA_BASE + (unsigned long)first * PAGE;
	int n = snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", pid, start, start + (unsigned long)pages * PAGE);
	if (offset >= 0)
		snprintf(text + n, sizeof(text) - (size_t)n, ",%ld,%ld", order, offset);
	else if (order)
		snprintf(text + n, sizeof(text) - (size_t)n, ",%ld", order);
	write_file(SPLIT, text);
}
