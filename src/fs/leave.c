/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel refuses a write to cgroup.procs if the writer may not write to that of the cgroup above both
 * places as well, or, in a file system mounted with nsdelegate, if one of both is not in the writer's cgroup
 * namespace. Both is asked here in the same way: the first of the kernel, through a surrogate; for the second
 * a surrogate in the caller's place reads what /proc shows from there of where the task is.
 */
#include "leave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "caller.h"
#include "cleanup.h"
#include "surrogate.h"

#define CGROUP_TEXT 8192

static int try_to_write(const void *arg)
{
	(void)arg;
	/* With the credentials in force; access(2) alone would ask for the real ones. */
	return syscall(SYS_faccessat2, SURROGATE_KEPT, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0
		       ? -EPERM
		       : 0;
}

static int may_write(const struct caller *c, int procs)
{
	const struct surrogate_job job = {.fn = try_to_write, .keep = {procs, -1}};

	return caller_is_capable(c, CAP_DAC_OVERRIDE) ? 0 : surrogate_run(c, &job);
}

/* Whether the path of cgroup v2 in such a text does not begin above, and has so many components. */
static bool is_below(const char *text, unsigned int depth)
{
	const char *path = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");

	if (!path)
		return false;
	path = strchr(path, '/');
	if (!path || strncmp(path, "/..", 3) == 0)
		return false;
	while (path[0] == '/' && path[1] && path[1] != '\n') {
		path += 1 + strcspn(path + 1, "/\n");
		depth -= depth > 0;
	}
	return depth == 0;
}

static int look_from_there(const void *arg)
{
	const unsigned int *depth = arg;
	char text[CGROUP_TEXT];
	int fd = openat(SURROGATE_KEPT, "cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return -EPERM;
	text[n] = '\0';
	return is_below(text, *depth) ? 0 : -EPERM;
}

/* What is in ours is in the file system that we see. */
static bool is_ours(uint64_t cgroup_ns)
{
	struct stat st;

	return stat("/proc/self/ns/cgroup", &st) < 0 || st.st_ino == cgroup_ns;
}

/* From the namespace of the caller, who waits for the answer and so is there. */
static int sees_both(const struct caller *c, pid_t pid, unsigned int depth)
{
	struct surrogate_job job = {.fn = look_from_there, .arg = &depth, .in_its_place = true};
	char path[32];
	autoclose int proc = -EBADF;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -ESRCH;
	job.keep[0] = proc;
	job.keep[1] = -1;
	return surrogate_run(c, &job);
}

int leave_allowed(const struct look *l, pid_t pid, int procs, unsigned int depth)
{
	int e = may_write(l->who, procs);

	if (e == 0 && !caller_equals(l->who, l->opener))
		e = may_write(l->opener, procs);
	if (e == 0 && !is_ours(l->who->cgroup_ns))
		e = sees_both(l->who, pid, depth);
	/* Who opened may be gone, and with it the only way to look from there. */
	if (e == 0 && !is_ours(l->opener->cgroup_ns) && l->opener->cgroup_ns != l->who->cgroup_ns)
		e = -EPERM;
	return e;
}
