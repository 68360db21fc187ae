#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 18];
static size_t used;

void out_flush(void)
{
	for (size_t done = 0; done < used;) {
		ssize_t n = write(STDOUT_FILENO, buffer + done, used - done);
		if (n < 0 && errno == EINTR)
			continue;
		/* The other side is gone: the keeper cleans up. */
		if (n < 0)
			_exit(1);
		done += (size_t)n;
	}
	used = 0;
}

void out(const char *format, ...)
{
	if (sizeof(buffer) - used < 512)
		out_flush();
	va_list args;
	va_start(args, format);
	used += (size_t)vsnprintf(buffer + used, sizeof(buffer) - used, format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "conform agent: %s\n", text);
	_exit(1);
}

ssize_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t length = 0;
	for (ssize_t n; length < size - 1 && (n = read(fd, to + length, size - 1 - length)) > 0;)
		length += (size_t)n;
	close(fd);
	to[length] = 0;
	return (ssize_t)length;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}
