#!/usr/bin/env bash
# Linux 6.18.15: the first split of a huge page that two processes map by PMD fails, and the second one works.
#
# A process with a 2 MB folio forks and then asks debugfs' split_huge_pages to split it, by one of its pages. Linux 6.12.117 and
# 7.0.13 do so at the first try, as one would expect: nobody holds the folio. On Linux 6.18.15 the folio stays whole, and vmstat
# counts thp_split_page_failed. Nothing is wrong with the folio: the same write, again, splits it. try_to_migrate() ends its walk at
# the first PMD that it splits, so each try takes one of the two PMD mappings apart, and the folio is still mapped after the first.
# MADV_SOFT_OFFLINE of such a page is EBUSY for the same reason, and MADV_HWPOISON leaves the folio whole.
#
# Needs: apt with a Debian mirror, dpkg-deb, a C compiler with a static libc, qemu-system-x86_64. Nothing is installed.
set -euo pipefail
for program in apt-get dpkg-deb cc qemu-system-x86_64; do
  command -v "$program" >/dev/null || { echo "SKIP: there is no $program (Debian: apt dpkg gcc qemu-system-x86)"; exit 0; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# apt in a folder of its own, with the machine's mirror.
mirror=$(apt-get indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' | grep -m1 '^Packages|Debian|main|' | cut -d'|' -f4)
mkdir -p lists/partial archives/partial
printf "deb $mirror %s main\n" trixie trixie-backports >sources.list
apt=(apt-get -q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$dir/lists"
  -o Dir::Cache="$dir" -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User= -o Acquire::Languages=none)
"${apt[@]}" update >/dev/null

cat >init.c <<'C'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static long vmstat(const char *name)
{
	static char text[1 << 15];
	int fd = open("/proc/vmstat", O_RDONLY);
	text[read(fd, text, sizeof(text) - 1)] = 0;
	close(fd);
	char *found = strstr(text, name);
	return found ? atol(found + strlen(name)) : -1;
}

int main(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("debug", "/sys/kernel/debug", "debugfs", 0, NULL);
	const unsigned long size = 2 << 20;
	char *area = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *page = (char *)(((unsigned long)area + size - 1) & ~(size - 1));
	madvise(page, size, MADV_HUGEPAGE);
	memset(page, 1, size);
	if (fork() == 0)
		for (;;)
			pause();
	for (int try = 1; try <= 2; try++) {
		long split = vmstat("\nthp_split_page "), failed = vmstat("\nthp_split_page_failed ");
		char text[64];
		sprintf(text, "%d,%p,%p", getpid(), (void *)page, (void *)(page + 4096));
		int fd = open("/sys/kernel/debug/split_huge_pages", O_WRONLY);
		if (write(fd, text, strlen(text)) < 0)
			printf("SEEN cannot ask\n");
		close(fd);
		printf("SEEN try %d: thp_split_page +%ld, thp_split_page_failed +%ld\n", try, vmstat("\nthp_split_page ") - split,
		       vmstat("\nthp_split_page_failed ") - failed);
	}
	fflush(stdout);
	reboot(RB_POWER_OFF);
}
C
cc -O1 -static -o init init.c
# A first file system with that program in it: a cpio archive, "newc".
entry() { # path, mode, file
  local size=0 i
  [ -z "$3" ] || size=$(stat -c %s "$3")
  printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' 1 $(($2)) 0 0 1 0 "$size" 0 0 0 0 $((${#1} + 1)) 0 "$1"
  for ((i = (110 + ${#1} + 1) % 4; i % 4; i++)); do printf '\0'; done
  [ -z "$3" ] || cat "$3"
  for ((i = size % 4; i % 4; i++)); do printf '\0'; done
}
{ entry init 0100755 init; entry 'TRAILER!!!' 0 ''; } >initramfs

# What a kernel of this package says: its name, version and SHA-256 are pinned.
boot() {
  "${apt[@]}" download "$1=$2" >/dev/null
  echo "$3  $(ls "$1"_*.deb)" | sha256sum --check --quiet
  dpkg-deb -x "$1"_*.deb "$1"
  timeout 300 qemu-system-x86_64 -nodefaults -no-reboot -display none -machine pc -cpu max,la57=off -m 1024 -serial stdio \
    -kernel "$(ls "$1"/boot/vmlinuz-* "$1"/usr/lib/modules/*/vmlinuz 2>/dev/null | head -1)" -initrd initramfs \
    -append "console=ttyS0 quiet panic=-1 damon_stat.enabled=N" </dev/null | tr -d '\r' | sed -n 's/^.*SEEN //p'
}
at_once='try 1: thp_split_page +1, thp_split_page_failed +0
try 2: thp_split_page +0, thp_split_page_failed +0'
second='try 1: thp_split_page +0, thp_split_page_failed +1
try 2: thp_split_page +1, thp_split_page_failed +0'
changed=0
while read -r release package version hash expected; do
  seen=$(boot "$package" "$version" "$hash")
  echo "Linux $release:"
  echo "$seen"
  [ "$seen" = "${!expected}" ] || { echo "CHANGED: Linux $release did otherwise"; changed=1; }
done <<'KERNELS'
6.12.117 linux-image-6.12.117+deb13-cloud-amd64 6.12.117-1 e9893e5295d0549b8852611f12a4b8b5f6cc4b8128dcc2086b9847793b904ab7 at_once
6.18.15 linux-image-6.18.15+deb13-cloud-amd64 6.18.15-1~bpo13+1 5a507681ea8c978d02265a7fec2f02c9588fb48b54b7f71edc1059e86007f3ec second
7.0.13 linux-binary-7.0.13+deb13-cloud-amd64 7.0.13-1~bpo13+1 7e2f91866f9d857e5b08fcd915491b4cff79fbe51cdcb081b42658612074a552 at_once
KERNELS
[ "$changed" = 0 ] || exit 1
echo "as found: the first split fails on 6.18.15, and on 6.12.117 and 7.0.13 it does not"
