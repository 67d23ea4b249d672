/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Process numbers as a caller's pid namespace has them. Nearly always that is ours; else the kernel
 * translates (Linux 6.11 and newer), or /proc tells, which lists a number for each level.
 */
#include "caller.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "cleanup.h"

#ifndef NS_GET_TGID_FROM_PIDNS
#define NS_GET_TGID_FROM_PIDNS _IOR(NSIO, 0x7, int)
#define NS_GET_TGID_IN_PIDNS _IOR(NSIO, 0x9, int)
#endif

static int open_pid_ns(pid_t pid)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Whether the pid namespace ns is the one above, or at any depth below it. */
static bool is_below(int ns, int above)
{
	autoclose int at = fcntl(ns, F_DUPFD_CLOEXEC, 3);
	struct stat wanted, st;

	if (at < 0 || fstat(above, &wanted) < 0)
		return false;
	while (fstat(at, &st) == 0 && st.st_ino != wanted.st_ino) {
		int parent = ioctl(at, NS_GET_PARENT);

		if (parent < 0)
			return false;
		close_fd(&at);
		at = parent;
	}
	return true;
}

/* The number at a level: the fields of NStgid are from our namespace down to its own. */
static pid_t number_at(pid_t pid, int level)
{
	autofile FILE *f = NULL;
	autofree char *line = NULL;
	char path[32], *p = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	/* By lines: one of groups, before it, has 700 kB at most. */
	while (f && !p && getline(&line, &size, f) > 0)
		p = strncmp(line, "NStgid:", 7) == 0 ? line + 7 : NULL;
	for (; p && level > 0; level--) {
		char *end;
		long number = strtol(p, &end, 10);

		if (end == p)
			return 0;
		if (level == 1)
			return (pid_t)number;
		p = end;
	}
	return 0;
}

static pid_t number_by_proc(const struct caller *c, int caller_ns, pid_t pid)
{
	autoclose int ns = open_pid_ns(pid);

	return ns >= 0 && is_below(ns, caller_ns) ? number_at(pid, c->pid_levels) : 0;
}

pid_t caller_number(const struct caller *c, pid_t pid)
{
	autoclose int ns = -EBADF;
	int number;

	if (c->pid_levels == 1)
		return pid;
	ns = open_pid_ns(c->tid);
	if (ns < 0)
		return 0;
	number = ioctl(ns, NS_GET_TGID_IN_PIDNS, pid);
	if (number > 0)
		return number;
	return errno == ENOTTY || errno == EINVAL ? number_by_proc(c, ns, pid) : 0;
}

static pid_t search(const struct caller *c, int ns, pid_t number)
{
	autodir DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && number_at(pid, c->pid_levels) == number &&
		    number_by_proc(c, ns, pid) == number)
			return pid;
	}
	return -ESRCH;
}

pid_t caller_pid(const struct caller *c, pid_t number)
{
	autoclose int ns = -EBADF;
	int pid;

	if (c->pid_levels == 1)
		return number;
	if (number == c->own_number)
		return c->pid;
	ns = open_pid_ns(c->tid);
	if (ns < 0)
		return -ESRCH;
	pid = ioctl(ns, NS_GET_TGID_FROM_PIDNS, number);
	if (pid > 0)
		return pid;
	return errno == ENOTTY || errno == EINVAL ? search(c, ns, number) : -ESRCH;
}
