/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "caller.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "cleanup.h"
#include "surrogate.h"

#define NO_SUCH_FD 0x7fffffff
#define PID_LEVELS 33 /* the kernel nests them no deeper */

void caller_init(struct caller *c)
{
	*c = (struct caller){.user_ns = -EBADF, .container = -EBADF};
}

void caller_close(struct caller *c)
{
	close_fd(&c->user_ns);
	close_fd(&c->container);
}

/* Every number of a line of /proc/PID/status; returns how many. */
static size_t numbers(const char *line, uint32_t *list, size_t max)
{
	const char *p = strchr(line, ':');
	size_t n = 0;
	char *end;

	for (p = p ? p + 1 : line; n < max; p = end) {
		unsigned long value = strtoul(p, &end, 10);

		if (end == p)
			break;
		list[n++] = (uint32_t)value;
	}
	return n;
}

static void read_capabilities(const char *line, const char *key, uint64_t *ret_set)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) == 0)
		*ret_set = strtoull(line + len, NULL, 16);
}

static void read_line(struct caller *c, const char *line)
{
	uint32_t list[PID_LEVELS] = {0};

	if (strncmp(line, "Tgid:", 5) == 0 && numbers(line, list, 1) == 1) {
		c->pid = (pid_t)list[0];
	} else if (strncmp(line, "NStgid:", 7) == 0) {
		c->pid_levels = (int)numbers(line, list, PID_LEVELS);
		if (c->pid_levels > 0)
			c->own_number = (pid_t)list[c->pid_levels - 1];
	} else if (strncmp(line, "Uid:", 4) == 0 && numbers(line, list, 4) == 4) {
		for (int i = 0; i < 3; i++)
			c->uids[i] = list[i];
		c->is_consistent &= c->uid == list[3];
	} else if (strncmp(line, "Gid:", 4) == 0 && numbers(line, list, 4) == 4) {
		for (int i = 0; i < 3; i++)
			c->gids[i] = list[i];
		c->is_consistent &= c->gid == list[3];
	} else if (strncmp(line, "Groups:", 7) == 0) {
		c->group_count = numbers(line, c->groups, CALLER_GROUPS);
	} else {
		read_capabilities(line, "CapPrm:", &c->permitted);
		read_capabilities(line, "CapEff:", &c->effective);
	}
}

static int read_status(struct caller *c)
{
	autofile FILE *f = NULL;
	autofree char *line = NULL;
	char path[32];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", c->tid);
	f = fopen(path, "re");
	if (!f)
		return -EPERM;
	while (getline(&line, &size, f) > 0)
		read_line(c, line);
	return c->pid > 0 && c->pid_levels > 0 && c->is_consistent ? 0 : -EPERM;
}

static bool same_file(const struct stat *x, const struct stat *y)
{
	return x->st_ino == y->st_ino && x->st_dev == y->st_dev;
}

static bool same_inode(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && same_file(&x, &y);
}

static int open_user_ns(struct caller *c)
{
	char path[32];
	struct stat own, st;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", c->tid);
	c->user_ns = open(path, O_RDONLY | O_CLOEXEC);
	if (c->user_ns < 0)
		return -EPERM;
	c->in_our_user_ns = stat("/proc/self/ns/user", &own) == 0 && fstat(c->user_ns, &st) == 0 &&
			    same_file(&own, &st);
	return 0;
}

static void read_cgroup_ns(struct caller *c)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/cgroup", c->tid);
	c->cgroup_ns = stat(path, &st) == 0 ? st.st_ino : 0;
}

int caller_open(struct caller *c, pid_t tid, uid_t uid, gid_t gid)
{
	int r;

	caller_init(c);
	c->tid = tid;
	c->uid = uid;
	c->gid = gid;
	c->is_consistent = true;
	/* 0: its pid namespace is not ours nor below it. */
	r = tid > 0 ? read_status(c) : -EPERM;
	r = r ? r : open_user_ns(c);
	if (r < 0)
		return r;
	read_cgroup_ns(c);
	/* The thread's: a leader that has ended is left behind when its process is moved. */
	c->container = container_of(c->tid);
	/* Where there is no hierarchy nobody is in a container; and nobody has a right to one. */
	return c->container < 0 && errno != ENOENT ? -EPERM : 0;
}

/* Not in one that it made for itself, where everybody has all capabilities. Ours is above all of those. */
static bool in_its_containers_user_ns(const struct caller *c)
{
	autoclose int fd = -EBADF;

	if (c->in_our_user_ns)
		return true;
	fd = container_namespace(c->container, CLONE_NEWUSER);
	return fd >= 0 && same_inode(fd, c->user_ns);
}

int caller_may_change_in(const struct caller *c, int container)
{
	if (container_contains(c->container, container) != 1 || !in_its_containers_user_ns(c))
		return -EPERM;
	return 0;
}

int caller_may_change(const struct caller *c, int container)
{
	struct container_access access = {.size = sizeof(access)};
	int r = caller_may_change_in(c, container);

	if (r < 0 || container_get_access(container, &access) < 0)
		return r ? r : -errno;
	if (container_contains(container, c->container) == 1 && !c->in_our_user_ns)
		return -EPERM;
	if (c->uid != access.uid && !(c->effective & 1ull << CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}

bool caller_is_capable(const struct caller *c, int capability)
{
	return c->effective & 1ull << capability && c->in_our_user_ns;
}

bool caller_is_privileged(const struct caller *c)
{
	return caller_is_capable(c, CAP_SYS_ADMIN);
}

static bool is_in_group(const struct caller *c, gid_t gid)
{
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i] == gid)
			return true;
	return c->gid == gid;
}

int caller_may_search(const struct caller *c, int container)
{
	struct container_access access = {.size = sizeof(access)};
	mode_t bit = 01;

	if (container_get_access(container, &access) < 0)
		return -errno;
	if (access.uid == c->uid)
		bit = 0100;
	else if (is_in_group(c, access.gid))
		bit = 010;
	if (access.mode & bit || caller_is_capable(c, CAP_DAC_OVERRIDE) ||
	    caller_is_capable(c, CAP_DAC_READ_SEARCH))
		return 0;
	return -EACCES;
}

/* pidfd_getfd(2) asks for the right to trace first, and looks at the number after. */
static int try_to_trace(const void *arg)
{
	(void)arg;
	/* EBADF must not be said of the pidfd itself. */
	if (syscall(SYS_pidfd_send_signal, SURROGATE_KEPT, 0, NULL, 0) < 0 && errno != EPERM)
		return errno == ESRCH ? -ESRCH : -EPERM;
	if (syscall(SYS_pidfd_getfd, SURROGATE_KEPT, NO_SUCH_FD, 0) < 0 && errno == EBADF)
		return 0;
	/* A zombie. */
	return errno == ESRCH ? -ESRCH : -EPERM;
}

int caller_may_trace(const struct caller *c, int pidfd)
{
	const struct surrogate_job job = {.fn = try_to_trace, .keep = {pidfd, -1}};

	return surrogate_run(c, &job);
}

bool caller_equals(const struct caller *a, const struct caller *b)
{
	return a->uid == b->uid && a->gid == b->gid &&
	       memcmp(a->uids, b->uids, sizeof(a->uids)) == 0 &&
	       memcmp(a->gids, b->gids, sizeof(a->gids)) == 0 && a->group_count == b->group_count &&
	       memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0 &&
	       a->permitted == b->permitted && a->effective == b->effective &&
	       same_inode(a->user_ns, b->user_ns) && same_inode(a->container, b->container);
}

struct open_path {
	const char *path;
	int flags;
};

static int open_there(const void *arg)
{
	const struct open_path *o = arg;
	int fd = open(o->path, o->flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int caller_open_path(const struct caller *c, const char *path, int flags)
{
	const struct open_path o = {path, flags};
	const struct surrogate_job job = {
		.fn = open_there,
		.arg = &o,
		.keep = {-1, -1},
		.in_its_place = true,
		.gives_fd = true,
	};

	return surrogate_run(c, &job);
}
