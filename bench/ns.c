/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private mount namespaces, and a trap that they hold.
 *
 * The kernel refuses to bind a mount namespace's file in a mount namespace that is younger than it
 * (EINVAL from mount(2), ELOOP from move_mount(2)), to have no loops, and it takes the id for the
 * age. Since ids are handed out in batches per CPU (seen on Linux 6.18; earlier kernels count in
 * one row) a namespace made later on another CPU may have the lower id. So a namespace in which
 * others are to be pinned is made on the CPU that is furthest behind: ids grow on each CPU, and
 * what anyone makes later anywhere has a higher one.
 */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
#endif

/* 0: the kernel does not tell, and is one that counts in one row. */
static uint64_t mount_ns_id(void)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	uint64_t id = 0;

	if (fd < 0)
		return 0;
	if (ioctl(fd, (int)NS_GET_MNTNS_ID, &id) < 0)
		id = 0;
	close(fd);
	return id;
}

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

const char *ns_private(void)
{
	uint64_t lowest = UINT64_MAX;
	cpu_set_t allowed;
	int last = -1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return "sched_getaffinity";
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		uint64_t id;

		if (!CPU_ISSET(cpu, &allowed) || run_on(cpu) < 0)
			continue;
		if (unshare(CLONE_NEWNS) < 0)
			return "new mount namespace";
		id = mount_ns_id();
		if (id < lowest) {
			lowest = id;
			last = cpu;
		}
	}
	if (last < 0 || run_on(last) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    sched_setaffinity(0, sizeof(allowed), &allowed) < 0)
		return "new mount namespace";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "make mounts private";
	return NULL;
}

const char *ns_vault(void)
{
	const char *step = ns_private();

	if (step)
		return step;
	if (mount("vault", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0)
		return "mount vault";
	/* The old root is then mounted over the new one: what umount finds at "." */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return "enter vault";
	return NULL;
}

const char *ns_pin(const char *file, int pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return file;
	close(fd);
	return mount(path, file, NULL, MS_BIND, NULL) < 0 ? "pin mount namespace" : NULL;
}
