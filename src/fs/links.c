/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "links.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "caller.h"
#include "cleanup.h"
#include "node.h"
#include "parse.h"

#define HELD 64
#define HELD_SECONDS 5
#define FIRST_NUMBER 1024
#define LAST_NUMBER 15000 /* main.c asks for so many fds */

struct held {
	int fd;
	time_t since;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct held held[HELD];
static size_t next_held;
static int next_number = FIRST_NUMBER;

void links_tidy(void)
{
	time_t now = time(NULL);

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < HELD; i++)
		if (held[i].fd > 0 && now - held[i].since > HELD_SECONDS) {
			close(held[i].fd);
			held[i].fd = 0;
		}
	pthread_mutex_unlock(&mutex);
}

/* A copy with the next number; the oldest one goes. */
static int hold(int fd)
{
	struct held *h;
	int number;

	pthread_mutex_lock(&mutex);
	if (next_number > LAST_NUMBER)
		next_number = FIRST_NUMBER;
	number = fcntl(fd, F_DUPFD_CLOEXEC, next_number);
	if (number >= 0) {
		next_number = number + 1;
		h = &held[next_held];
		next_held = (next_held + 1) % HELD;
		if (h->fd > 0)
			close(h->fd);
		*h = (struct held){number, time(NULL)};
	} else {
		number = -errno;
	}
	pthread_mutex_unlock(&mutex);
	return number;
}

static int link_fd(const struct look *l, int fd, char *buf, size_t size)
{
	pid_t us = caller_number(l->who, getpid());
	struct stat st;
	int number;

	if (fstat(fd, &st) < 0)
		return -errno;
	/*
	 * No path leads to our fds from a pid namespace beside ours, and nobody else could follow it:
	 * they are told what it is, no more.
	 */
	if (us <= 0 || !caller_is_capable(l->who, CAP_SYS_PTRACE))
		return snprintf(buf, size, "[%lu]", (unsigned long)st.st_ino) < 0 ? -EIO : 0;
	number = hold(fd);
	if (number < 0)
		return number;
	snprintf(buf, size, "/proc/%d/fd/%d", us, number);
	return 0;
}

int link_namespace(const struct look *l, int nstype, char *buf, size_t size)
{
	autoclose int fd = container_namespace(l->container, nstype);

	return fd < 0 ? -errno : link_fd(l, fd, buf, size);
}

int link_root(const struct look *l, int nstype, char *buf, size_t size)
{
	autoclose int fd = container_root(l->container);

	(void)nstype;
	return fd < 0 ? -errno : link_fd(l, fd, buf, size);
}

int link_cgroup(const struct look *l, int nstype, char *buf, size_t size)
{
	autoclose int fd = container_cgroup(l->container);
	char path[32];
	ssize_t n;

	(void)nstype;
	/* It is still to be made, and somebody who changes something lets nobody in. */
	if (fd < 0 && errno == EINTR)
		return snprintf(buf, size, "(busy)") < 0 ? -EIO : 0;
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

int link_init_container(const struct look *l, int nstype, char *buf, size_t size)
{
	(void)l;
	(void)nstype;
	snprintf(buf, size, ".");
	return 0;
}

/* The name from the root of the mount; -ENOENT: it is not below that. */
static int path_below_top(int container, char *buf, size_t size)
{
	autoclose int top = node_open(node_root());
	char top_path[4096], path[4096];
	size_t len;

	if (top < 0 || container_contains(top, container) != 1)
		return -ENOENT;
	if (container_path(top, top_path, sizeof(top_path)) < 0 ||
	    container_path(container, path, sizeof(path)) < 0)
		return -errno;
	len = strcmp(top_path, "/") == 0 ? 0 : strlen(top_path);
	if (strncmp(path, top_path, len) != 0)
		return -ENOENT;
	snprintf(buf, size, "%s", path + len + (path[len] == '/'));
	return 0;
}

int link_self(const struct look *l, int nstype, char *buf, size_t size)
{
	int r = 0;

	(void)nstype;
	/* Where there is no hierarchy yet everybody is in the init container. */
	buf[0] = '\0';
	if (l->who->container >= 0)
		r = path_below_top(l->who->container, buf, size);
	if (r == -ENOENT)
		snprintf(buf, size, "(outside)");
	else if (r == 0 && buf[0] == '\0')
		snprintf(buf, size, "init_container");
	return r == -ENOENT ? 0 : r;
}

/* Whether the caller may search all that a path from the root of the mount leads through. */
static bool may_walk(const struct caller *who, const char *path)
{
	autoclose int at = node_open(node_root());
	char name[256];

	if (at < 0)
		return false;
	while (parse_component(&path, name, sizeof(name)) > 0) {
		int next;

		if (caller_may_search(who, at) < 0)
			return false;
		next = container_open_at(at, name, NULL);
		if (next < 0)
			return false;
		close_fd(&at);
		at = next;
	}
	return true;
}

bool link_may_tell(const struct caller *who, int container)
{
	char path[4096];

	return path_below_top(container, path, sizeof(path)) == 0 && may_walk(who, path);
}

int link_by_pid(const struct caller *who, pid_t number, char *buf, size_t size)
{
	autoclose int container = -EBADF;
	pid_t pid = caller_pid(who, number);
	char path[4096];

	path[0] = '\0';
	container = pid > 0 ? container_of(pid) : -1;
	if (container < 0 || path_below_top(container, path, sizeof(path)) < 0 ||
	    !may_walk(who, path))
		return -ENOENT;
	snprintf(buf, size, "../%s", path[0] ? path : "init_container");
	return 0;
}
