/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cleanup.h"
#include "dir.h"
#include "kernel.h"
#include "mountinfo.h"
#include "text.h"

#define CGROUP_PATH_SIZE 1024

int cgroup_find_mount(char *buf, size_t size)
{
	autofile FILE *f = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	size_t room = 0;
	int r = -EOPNOTSUPP;

	if (!f)
		return -errno;
	while (r == -EOPNOTSUPP && getline(&line, &room, f) > 0) {
		autofree char *point = NULL;
		struct statfs sfs;

		if (!strstr(line, " - cgroup2 ") || sscanf(line, "%*s %*s %*s / %ms", &point) != 1)
			continue;
		mountinfo_unescape(point);
		/* Not if something else is mounted over it. */
		if (statfs(point, &sfs) < 0 || sfs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		r = strlen(point) < size ? 0 : -ENAMETOOLONG;
		if (r == 0)
			memcpy(buf, point, strlen(point) + 1);
	}
	return r;
}

static int events_parse(const char *text, struct cgroup_events *ret_events)
{
	const char *populated = strstr(text, "populated ");
	const char *frozen = strstr(text, "frozen ");

	if (!populated || !frozen)
		return -EIO;
	ret_events->populated = populated[strlen("populated ")] == '1';
	ret_events->frozen = frozen[strlen("frozen ")] == '1';
	return 0;
}

int cgroup_read_events(int cgroup, struct cgroup_events *ret_events)
{
	return cgroup_read_events_of(cgroup, ".", ret_events);
}

int cgroup_read_events_of(int parent, const char *path, struct cgroup_events *ret_events)
{
	char file[CGROUP_PATH_SIZE] = "", text[256];
	size_t len = 0;
	ssize_t n;

	if (text_append(file, sizeof(file), &len, path) < 0 ||
	    text_append(file, sizeof(file), &len, "/cgroup.events") < 0)
		return -ENAMETOOLONG;
	n = kernel_read_file(parent, file, text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -ENODEV : (int)n;
	return events_parse(text, ret_events);
}

static ssize_t own_pids(int cgroup, const char *file, pid_t *pids, size_t n, size_t have)
{
	autoclose int fd = openat(cgroup, file, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	pid_t pid = 0;
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? (ssize_t)have : -errno;
	while ((len = read(fd, buf, sizeof(buf))) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		/* Gone; or threaded, then one above it lists its processes. */
		if (len < 0)
			return errno == ENODEV || errno == EOPNOTSUPP ? (ssize_t)have : -errno;
		for (ssize_t i = 0; i < len; i++) {
			if (buf[i] != '\n') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (have < n)
				pids[have] = pid;
			have++;
			pid = 0;
		}
	}
	return (ssize_t)have;
}

/* A cgroup without nested ones has 2 links; -errno. */
static int has_nested(int cgroup)
{
	struct stat st;

	if (fstat(cgroup, &st) < 0)
		return -errno;
	return st.st_nlink != 2;
}

/* Depth-first, two fds for each level: the depth is bounded, CGROUP_DEPTH. */
static ssize_t pids_below(int cgroup, const char *file, bool (*is_others)(const char *name),
			  pid_t *pids, size_t n, size_t have)
{
	ssize_t r = own_pids(cgroup, file, pids, n, have);
	autodir DIR *dir = NULL;
	const char *name;
	int error, nested;

	if (r < 0)
		return r;
	nested = has_nested(cgroup);
	if (nested <= 0)
		return nested < 0 ? nested : r;
	error = dir_open(cgroup, ".", &dir);
	if (error < 0)
		return error == -ENOENT ? r : error;
	while ((name = dir_next_subdir(dir, &error))) {
		autoclose int child = -EBADF;

		if (is_others && is_others(name))
			continue;
		child = openat(cgroup, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (child < 0 && errno == ENOENT)
			continue;
		r = child < 0 ? -errno : pids_below(child, file, is_others, pids, n, (size_t)r);
		if (r < 0)
			return r;
	}
	return error ? error : r;
}

ssize_t cgroup_pids(int cgroup, bool nested, pid_t *pids, size_t n)
{
	return nested ? pids_below(cgroup, "cgroup.procs", NULL, pids, n, 0)
		      : own_pids(cgroup, "cgroup.procs", pids, n, 0);
}

ssize_t cgroup_pids_but(int cgroup, bool (*is_others)(const char *name), pid_t *pids, size_t n)
{
	return pids_below(cgroup, "cgroup.procs", is_others, pids, n, 0);
}

ssize_t cgroup_threads(int cgroup, pid_t *tids, size_t n)
{
	return pids_below(cgroup, "cgroup.threads", NULL, tids, n, 0);
}

/* Not every kernel, or mount, lets it be written: then what is deeper costs its owner more fds. */
int cgroup_make(int parent, const char *path)
{
	if (mkdirat(parent, path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fchmodat(parent, path, 0755, 0) < 0 && errno != ENOENT) {
		int r = -errno;

		unlinkat(parent, path, AT_REMOVEDIR);
		return r;
	}
	return 0;
}

void cgroup_limit_depth(const char *path)
{
	autoclose int cgroup = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char depth[21];

	text_format_u64(CGROUP_DEPTH, depth);
	if (cgroup >= 0)
		kernel_write_file(cgroup, "cgroup.max.depth", depth);
}

int cgroup_kill(int cgroup)
{
	return kernel_write_file(cgroup, "cgroup.kill", "1");
}

int cgroup_freeze(int cgroup, bool frozen)
{
	return kernel_write_file(cgroup, "cgroup.freeze", frozen ? "1" : "0");
}

int cgroup_open_events(int cgroup)
{
	int fd = openat(cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_wait(int cgroup, bool of_frozen, bool value, int timeout)
{
	autoclose int fd = cgroup_open_events(cgroup);
	int64_t end = timeout < 0 ? 0 : kernel_now_ms() + timeout;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENODEV ? 0 : take_fd(&fd);
	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLPRI};
		struct cgroup_events events;
		char text[256];
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		int64_t left = timeout < 0 ? -1 : end - kernel_now_ms();
		int r;

		if (n < 0 && errno == ENODEV)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		text[n < 0 ? 0 : n] = '\0';
		r = n < 0 ? 0 : events_parse(text, &events);
		if (r < 0)
			return r;
		if (n >= 0 && (of_frozen ? events.frozen : events.populated) == value)
			return 0;
		if (timeout >= 0 && left <= 0)
			return -ETIMEDOUT;
		/* A second at most, so that a notification lost to a removed cgroup costs little. */
		if (left < 0 || left > 1000)
			left = 1000;
		if (poll(&poll_fd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int cgroup_remove(int parent, const char *path)
{
	autodir DIR *dir = NULL;
	const char *name;
	int r;

	if (unlinkat(parent, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	/* Cgroups that the tasks themselves made may be left: they go if they are empty. */
	r = dir_open(parent, path, &dir);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while ((name = dir_next_subdir(dir, &r)))
		r = cgroup_remove(dirfd(dir), name);
	if (r < 0)
		return r;
	return unlinkat(parent, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}
