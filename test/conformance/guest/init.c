/*
 * The first process of a guest: mounts what the agent looks at, loads modules, makes swap, and runs the agent on the
 * port "agent". Whatever happens to the agent, the guest is switched off afterwards.
 *
 * The arguments are the words behind "--" of the kernel's command line:
 *
 *   swap=/dev/zram0:SIZE       SIZE bytes of compressed memory are swap; swap=/dev/nvme0n1: a disk is, whole
 *   write:PATH=TEXT            TEXT is written to the file PATH, such as write:/proc/sys/vm/overcommit_memory=1
 *
 * What goes wrong is said on the console, with "init: " before it; the guest is then switched off.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define MODULES "/modules"
/* include/uapi/linux/module.h, since 5.17 */
#define MODULE_INIT_COMPRESSED_FILE 4
/* The device nodes of ports: PORTS of them are looked at. */
#define PORTS 8

static void __attribute__((noreturn)) off(void)
{
	sync();
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	/* A machine without ACPI stays; the other side ends it. */
	for (;;)
		pause();
}

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	char text[512];
	__builtin_va_list args;
	__builtin_va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	__builtin_va_end(args);
	dprintf(STDERR_FILENO, "init: %s\n", text);
	/* The console is slow. */
	nanosleep(&(struct timespec){ 0, 200000000 }, NULL);
	off();
}

static void mount_at(const char *type, const char *path)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, NULL) && errno != EBUSY)
		fail("%s cannot be mounted at %s: %s", type, path, strerror(errno));
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("%s cannot be written to %s: %s", text, path, strerror(errno));
	close(fd);
}

/* In the order of their names, which is that of what needs what. */
static void load_modules(void)
{
	struct dirent **names;
	int count = scandir(MODULES, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		char path[400];
		snprintf(path, sizeof(path), MODULES "/%s", names[i]->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		int flags = strstr(path, ".ko.") ? MODULE_INIT_COMPRESSED_FILE : 0;
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", flags) && errno != EEXIST))
			fail("the module %s cannot be loaded: %s", names[i]->d_name, strerror(errno));
		close(fd);
	}
}

/* What mkswap writes: version 1, the last page, the magic at the end of the first page. */
static void make_swap(const char *device, uint64_t bytes)
{
	static unsigned char page[PAGE];
	int fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s cannot be opened: %s", device, strerror(errno));
	if (!bytes)
		bytes = (uint64_t)lseek(fd, 0, SEEK_END);
	const uint32_t header[] = { 1, (uint32_t)(bytes / PAGE - 1), 0 };
	memcpy(page + 1024, header, sizeof(header));
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, page, PAGE, 0) != PAGE || fsync(fd))
		fail("%s cannot be written: %s", device, strerror(errno));
	close(fd);
	if (swapon(device, 0))
		fail("%s is no swap: %s", device, strerror(errno));
}

static void carry_out(char *word)
{
	char *value = strchr(word, '=');
	if (!value)
		return;
	*value++ = 0;
	if (strcmp(word, "swap") == 0) {
		char *size = strchr(value, ':');
		if (size) {
			*size++ = 0;
			write_text("/sys/block/zram0/disksize", size);
		}
		make_swap(value, size ? strtoull(size, NULL, 10) : 0);
	} else if (strncmp(word, "write:", 6) == 0) {
		write_text(word + 6, value);
	}
}

/* The port that is called so; it comes a moment after the device. */
static int open_port(const char *name)
{
	for (int tries = 0; tries < 3000; tries++) {
		for (int i = 0; i < PORTS; i++) {
			char path[64], found[64] = "";
			snprintf(path, sizeof(path), "/sys/class/virtio-ports/vport0p%d/name", i);
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			ssize_t n = read(fd, found, sizeof(found) - 1);
			close(fd);
			found[n > 0 ? n : 0] = 0;
			found[strcspn(found, "\n")] = 0;
			if (strcmp(found, name))
				continue;
			snprintf(path, sizeof(path), "/dev/vport0p%d", i);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0)
				return fd;
		}
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	fail("there is no port named %s", name);
}

int main(int argc, char **argv)
{
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	int console = open("/dev/console", O_RDWR | O_CLOEXEC);
	for (int fd = 0; console >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(console, fd);
	mount_at("debugfs", "/sys/kernel/debug");
	mount_at("tracefs", "/sys/kernel/tracing");
	mount_at("cgroup2", "/sys/fs/cgroup");
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir("/tmp", 0700);
	load_modules();
	for (int i = 1; i < argc; i++)
		carry_out(argv[i]);
	int port = open_port("agent");
	pid_t agent = fork();
	if (agent == 0) {
		dup2(port, STDIN_FILENO);
		dup2(port, STDOUT_FILENO);
		execl("/agent", "agent", "/tmp/agent.lock", "0", "each", (char *)NULL);
		fail("the agent cannot be started: %s", strerror(errno));
	}
	/* Orphans come here. */
	for (pid_t ended; (ended = wait(NULL)) != agent || (ended < 0 && errno == EINTR);)
		if (ended < 0 && errno != EINTR)
			break;
	nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	off();
}
