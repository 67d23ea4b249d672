/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "caller.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/nsfs.h>

#include "cleanup.h"
#include "surrogate.h"

#define NO_SUCH_FD 0x7fffffff
#define PID_LEVELS 33	  /* the kernel nests them no deeper */
#define STATUS_SIZE 16384 /* a line of CALLER_GROUPS numbers, of 11 bytes, is shorter */

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
		c->group_count = numbers(line, c->groups, CALLER_GROUPS + 1);
	} else if (strncmp(line, "NoNewPrivs:", 11) == 0) {
		c->no_new_privs = numbers(line, list, 1) == 1 && list[0];
	} else {
		read_capabilities(line, "CapPrm:", &c->permitted);
		read_capabilities(line, "CapEff:", &c->effective);
	}
}

/*
 * The whole lines of what was read. Returns how many bytes are left of the last, which goes on; of a line longer
 * than the buffer only its beginning counts, which has more groups than there may be.
 */
static size_t read_lines(struct caller *c, char *buf, size_t len, bool *skips)
{
	char *line = buf, *end;

	while ((end = memchr(line, '\n', len - (size_t)(line - buf)))) {
		*end = '\0';
		if (!*skips)
			read_line(c, line);
		*skips = false;
		line = end + 1;
	}
	len -= (size_t)(line - buf);
	if (len < STATUS_SIZE - 1) {
		memmove(buf, line, len);
		return len;
	}
	if (!*skips)
		read_line(c, buf);
	*skips = true;
	return 0;
}

/* Allocates nothing: also for an agent. */
static int read_status(struct caller *c)
{
	char path[32], buf[STATUS_SIZE];
	autoclose int fd = -EBADF;
	bool skips = false;
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", c->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -EPERM;
	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0) {
		len += (size_t)n;
		buf[len] = '\0';
		len = read_lines(c, buf, len, &skips);
	}
	if (c->group_count > CALLER_GROUPS)
		return -E2BIG;
	return n == 0 && c->pid > 0 && c->pid_levels > 0 && c->is_consistent ? 0 : -EPERM;
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

bool caller_is_capable_above(const struct caller *c, int container, int capability)
{
	int ns;

	if (!(c->effective & 1ull << capability))
		return false;
	/* Ours is above all; and there may be none yet to ask about. */
	if (c->in_our_user_ns)
		return true;
	ns = container_namespace(container, CLONE_NEWUSER);
	while (ns >= 0) {
		int above = ioctl(ns, NS_GET_PARENT);

		close(ns);
		ns = above;
		if (ns >= 0 && same_inode(ns, c->user_ns)) {
			close(ns);
			return true;
		}
	}
	return false;
}

bool caller_is_privileged(const struct caller *c)
{
	return caller_is_capable(c, CAP_SYS_ADMIN);
}

bool caller_is_in_group(const struct caller *c, gid_t gid)
{
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i] == gid)
			return true;
	return c->gid == gid;
}

/* Whether its user namespace has the id, which we know by our own number. */
static bool has_id(const struct caller *c, const char *map, uint32_t id)
{
	autofile FILE *f = NULL;
	unsigned int inside, outside, count;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/%s", c->tid, map);
	f = fopen(path, "re");
	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		if (id >= outside && id - outside < count)
			return true;
	return false;
}

bool caller_is_capable_over(const struct caller *c, const struct container_access *access,
			    int capability)
{
	if (caller_is_capable(c, capability))
		return true;
	return c->effective & 1ull << capability && has_id(c, "uid_map", access->uid) &&
	       has_id(c, "gid_map", access->gid);
}

/* Bits for others, of which those of its class count. */
static bool mode_has(const struct caller *c, const struct container_access *access, mode_t bits)
{
	if (access->uid == c->uid)
		bits <<= 6;
	else if (caller_is_in_group(c, access->gid))
		bits <<= 3;
	return (access->mode & bits) == bits || caller_is_capable_over(c, access, CAP_DAC_OVERRIDE);
}

int caller_may_search(const struct caller *c, int container)
{
	struct container_access access = {.size = sizeof(access)};

	if (container_get_access(container, &access) < 0)
		return -errno;
	return mode_has(c, &access, 01) || caller_is_capable(c, CAP_DAC_READ_SEARCH) ? 0 : -EACCES;
}

int caller_may_write(const struct caller *c, int container, int victim)
{
	struct container_access access = {.size = sizeof(access)}, its = access;

	if (container_get_access(container, &access) < 0 ||
	    (victim >= 0 && container_get_access(victim, &its) < 0))
		return -errno;
	if (!mode_has(c, &access, 03))
		return -EACCES;
	if (victim < 0 || !(access.mode & S_ISVTX) || c->uid == access.uid || c->uid == its.uid ||
	    caller_is_capable_over(c, &its, CAP_FOWNER))
		return 0;
	return -EPERM;
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

/*
 * Of single threads: process_vm_readv(2) takes the number of one, and asks for the right to trace it before it looks
 * at the address, which is none. They stand still, so they have the numbers that they had.
 */
static int try_to_trace_threads(const void *question, size_t size)
{
	const pid_t *tids = question;
	char byte;
	struct iovec here = {&byte, 1}, there = {NULL, 1};

	for (size_t i = 0; i < size / sizeof(*tids); i++) {
		if (syscall(SYS_process_vm_readv, tids[i], &here, 1, &there, 1, 0) >= 0)
			continue;
		/* One that was killed is not moved. */
		if (errno != EFAULT && errno != ESRCH)
			return -EPERM;
	}
	return 0;
}

int caller_may_trace(const struct caller *c, int pidfd, struct surrogate *ret_surrogate)
{
	const struct surrogate_job job = {
		.fn = try_to_trace, .again = try_to_trace_threads, .keep = {pidfd, -1}};

	return surrogate_start(c, &job, ret_surrogate);
}

/* What a thread is now, where that it has other credentials is no matter. */
static int read_thread(pid_t tid, struct caller *ret_thread)
{
	*ret_thread = (struct caller){.tid = tid};
	read_status(ret_thread);
	return ret_thread->pid > 0 ? 0 : -EPERM;
}

static int may_leave_sandbox(const struct caller *c, const pid_t *threads, size_t count)
{
	for (size_t i = 0; c->no_new_privs && i < count; i++) {
		struct caller thread;

		if (read_thread(threads[i], &thread) < 0 || !thread.no_new_privs)
			return -EPERM;
	}
	return 0;
}

int caller_may_still_trace(const struct caller *c, const struct surrogate *s, const pid_t *threads,
			   size_t count)
{
	const size_t most = SURROGATE_QUESTION_MAX / sizeof(*threads);
	int r = may_leave_sandbox(c, threads, count);

	for (size_t i = 0; r == 0 && i < count; i += most) {
		size_t n = count - i < most ? count - i : most;

		r = surrogate_ask(s, threads + i, n * sizeof(*threads));
	}
	return r;
}

int caller_is_still(const struct caller *c, const pid_t *threads, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct caller now = {
			.tid = threads[i], .uid = c->uid, .gid = c->gid, .is_consistent = true};

		if (read_status(&now) < 0 || memcmp(now.uids, c->uids, sizeof(c->uids)) != 0 ||
		    memcmp(now.gids, c->gids, sizeof(c->gids)) != 0 ||
		    (now.permitted & ~c->permitted))
			return -EPERM;
	}
	return 0;
}

bool caller_equals(const struct caller *a, const struct caller *b)
{
	return a->uid == b->uid && a->gid == b->gid &&
	       memcmp(a->uids, b->uids, sizeof(a->uids)) == 0 &&
	       memcmp(a->gids, b->gids, sizeof(a->gids)) == 0 && a->group_count == b->group_count &&
	       memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0 &&
	       a->permitted == b->permitted && a->effective == b->effective &&
	       a->no_new_privs == b->no_new_privs && same_inode(a->user_ns, b->user_ns) &&
	       same_inode(a->container, b->container);
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
