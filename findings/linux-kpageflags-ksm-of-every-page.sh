#!/usr/bin/env bash
# Linux up to 7.0: /proc/kpageflags has the bit KSM (21) of every ordinary anonymous page, though nothing was ever merged.
#
# A process writes to a page of private memory and reads that page's word of /proc/kpageflags. KSM is off (ksm/run is 0,
# pages_shared is 0). Linux 6.12.117 and 7.0.13 say ANON and KSM, Linux 7.1.13 says ANON alone, as Documentation/admin-guide/mm/
# pagemap.rst would have it: "identical memory pages dynamically shared between one or more processes". Whoever counts merged
# pages by that file counts all anonymous memory. The bits that mark a mapping are two, anonymous and movable, and KSM is both of
# them; the kernels above test whether any of the two is there.
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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t word(const char *path, uint64_t which)
{
	uint64_t value = 0;
	int fd = open(path, O_RDONLY);
	if (pread(fd, &value, sizeof(value), (off_t)(which * 8)) != sizeof(value))
		printf("SEEN %s cannot be read\n", path);
	close(fd);
	return value;
}

static long number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);
	text[read(fd, text, sizeof(text) - 1)] = 0;
	close(fd);
	return atol(text);
}

int main(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*page = 1;
	uint64_t frame = word("/proc/self/pagemap", (uintptr_t)page / 4096) & ((1ull << 55) - 1);
	uint64_t flags = word("/proc/kpageflags", frame);
	printf("SEEN ksm/run %ld, pages_shared %ld; ANON %d, KSM %d\n", number("/sys/kernel/mm/ksm/run"),
	       number("/sys/kernel/mm/ksm/pages_shared"), (int)(flags >> 12 & 1), (int)(flags >> 21 & 1));
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
ksm='ksm/run 0, pages_shared 0; ANON 1, KSM 1'
plain='ksm/run 0, pages_shared 0; ANON 1, KSM 0'
changed=0
while read -r release package version hash expected; do
  seen=$(boot "$package" "$version" "$hash")
  echo "Linux $release:"
  echo "$seen"
  [ "$seen" = "${!expected}" ] || { echo "CHANGED: Linux $release did otherwise"; changed=1; }
done <<'KERNELS'
6.12.117 linux-image-6.12.117+deb13-cloud-amd64 6.12.117-1 e9893e5295d0549b8852611f12a4b8b5f6cc4b8128dcc2086b9847793b904ab7 ksm
7.0.13 linux-binary-7.0.13+deb13-cloud-amd64 7.0.13-1~bpo13+1 7e2f91866f9d857e5b08fcd915491b4cff79fbe51cdcb081b42658612074a552 ksm
7.1.13 linux-binary-7.1.13+deb13-cloud-amd64 7.1.13-1~bpo13+1 2feb3588cd790e0fd7f4c425b8ede990b34f80f70703aeb3a6b3c21207e59785 plain
KERNELS
[ "$changed" = 0 ] || exit 1
echo "as found: the bit is set on 6.12.117 and 7.0.13 without any merged page, and clear on 7.1.13"
