/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "agent.h"
#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "hierarchy.h"
#include "kernel.h"
#include "proc.h"
#include "text.h"

#define RECORD "home"
#define RECORD_SIZE 48

/* linux/nsfs.h has these since 6.11 and 6.12. */
#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
#endif
struct ns_info {
	uint32_t size, mounts;
	uint64_t number;
};
#define GET_INFO _IOR(0xb7, 10, struct ns_info)
#define GET_NEXT _IOR(0xb7, 11, struct ns_info)
#define GET_PREV _IOR(0xb7, 12, struct ns_info)

/* A number is never used twice, an inode is. */
struct identity {
	uint64_t number; /* 0: this kernel gives none */
	uint64_t inode;
};

void home_close(struct home *home)
{
	close_fd(&home->ns);
	close_fd(&home->dir);
}

static int identify(int ns, struct identity *ret_identity)
{
	struct stat st;

	if (fstat(ns, &st) < 0)
		return -errno;
	ret_identity->inode = st.st_ino;
	if (ioctl(ns, NS_GET_MNTNS_ID, &ret_identity->number) < 0)
		ret_identity->number = 0;
	return 0;
}

/*
 * In a mount namespace of a lesser user namespace anybody may have mounted anything on STATE/cradle; and where
 * there are no numbers it may have got the inode of one that is gone.
 */
static bool is_trusted(int ns)
{
	autoclose int own = proc_open_ns(0, "user");
	autoclose int owner = ioctl(ns, NS_GET_USERNS);

	return own >= 0 && owner >= 0 && kernel_is_same_file(own, owner);
}

static bool is_it(int ns, const struct identity *wanted)
{
	struct identity found = {0};

	return identify(ns, &found) == 0 && found.inode == wanted->inode &&
	       (found.number == wanted->number || !found.number || !wanted->number) &&
	       is_trusted(ns);
}

int home_record(int state_dir, const struct home *home)
{
	autoclose int own = home->ns < 0 ? proc_open_ns(0, "mnt") : -EBADF;
	int ns = home->ns < 0 ? own : home->ns;
	struct identity identity = {0};
	char text[RECORD_SIZE];
	size_t len;
	int r = ns < 0 ? ns : identify(ns, &identity);

	if (r < 0)
		return r;
	text_format_u64(identity.number, text);
	len = strlen(text);
	text_append(text, sizeof(text), &len, " ");
	text_format_u64(identity.inode, text + len);
	return kernel_replace_link(state_dir, RECORD, text);
}

static int parse_record(const char *text, struct identity *ret_identity)
{
	int used = text_parse_u64(text, UINT64_MAX, &ret_identity->number);

	if (used < 0 || text[used] != ' ')
		return -EUCLEAN;
	return text_parse_whole_u64(text + used + 1, UINT64_MAX, &ret_identity->inode) < 0
		       ? -EUCLEAN
		       : 0;
}

int home_check_record(const char *text)
{
	struct identity identity;

	return parse_record(text, &identity);
}

/* Without it the inode alone is known: releases before this one had no other record. */
static int read_record(int state_dir, struct identity *ret_identity)
{
	char text[RECORD_SIZE];
	struct host_ns host;
	int r;

	if (kernel_readlink(state_dir, RECORD, text, sizeof(text)) >= 0 &&
	    parse_record(text, ret_identity) == 0)
		return 0;
	r = hierarchy_read_host(state_dir, &host);
	if (r < 0)
		return r;
	*ret_identity = (struct identity){0, host.inode[NS_MOUNT]};
	return 0;
}

bool home_is_of(int state_dir, pid_t pid)
{
	autoclose int ns = proc_open_ns(pid, "mnt");
	struct identity recorded;

	return ns >= 0 && read_record(state_dir, &recorded) == 0 && is_it(ns, &recorded);
}

/* Looking into one */

struct look {
	int ns, state_dir;
	const char *path;
	int dir; /* result */
};

/* The path is that namespace's own, from its root on, whatever the caller's root is. */
static int look_agent(void *arg)
{
	struct look *l = arg;
	autoclose int dir = -EBADF;
	autoclose int cradle = -EBADF;

	if (setns(l->ns, CLONE_NEWNS) < 0)
		return -errno;
	dir = openat(AT_FDCWD, l->path, HIERARCHY_DIR_FLAGS | O_CLOEXEC);
	if (dir < 0 || !kernel_is_same_file(dir, l->state_dir))
		return -EXDEV;
	cradle = openat(dir, "cradle", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	l->dir = take_fd(&dir);
	return cradle >= 0 && kernel_is_nsfs(cradle);
}

/* Takes the fd. 1: there is a cradle, 0: there is none; -EXDEV: the path leads somewhere else there. */
static int look_into(int ns, int state_dir, const char *path, struct home *ret_home)
{
	struct look look = {ns, state_dir, path, -EBADF};
	int r = agent_run_thread(look_agent, &look);

	if (r < 0) {
		close(ns);
		return r;
	}
	home_close(ret_home);
	*ret_home = (struct home){ns, look.dir};
	return r;
}

/* Finding it: an nsfs fd; -ENOENT: it is gone; else it is not known */

/* In the order of numbers, from the caller's own on (Linux 6.12). */
static int find_by_number(const struct identity *wanted)
{
	autoclose int at = proc_open_ns(0, "mnt");
	struct ns_info info = {.size = sizeof(info)};
	unsigned long step;

	if (at < 0 || wanted->number == 0)
		return at < 0 ? at : -EOPNOTSUPP;
	if (ioctl(at, GET_INFO, &info) < 0)
		return -EOPNOTSUPP;
	step = info.number < wanted->number ? GET_NEXT : GET_PREV;
	while (info.number != wanted->number) {
		int next = ioctl(at, step, &info);

		/* -ENOENT: that was the last one. */
		if (next < 0)
			return -errno;
		close_fd(&at);
		at = next;
		if (step == GET_NEXT ? info.number > wanted->number : info.number < wanted->number)
			return -ENOENT;
	}
	return is_trusted(at) ? take_fd(&at) : -EACCES;
}

/* By a process that is in it. */
static int find_by_process(const struct identity *wanted)
{
	autodir DIR *all = NULL;
	bool complete = true;
	const char *name;
	uint64_t pid;
	int r = dir_open(AT_FDCWD, "/proc", &all);

	while ((name = dir_next_subdir(all, &r))) {
		autoclose int ns = -EBADF;

		if (text_parse_whole_u64(name, INT32_MAX, &pid) < 0)
			continue;
		ns = proc_open_ns((pid_t)pid, "mnt");
		if (ns >= 0 && is_it(ns, wanted))
			return take_fd(&ns);
		complete = complete && (ns >= 0 || ns == -ESRCH || ns == -ENOENT);
	}
	return r < 0 ? r : complete ? -ENOENT : -EACCES;
}

/* Whether a mount namespace that the hierarchy's maker has seen could be hidden from the caller. */
static bool sees_less(int state_dir)
{
	static const enum nstype types[] = {NS_PID, NS_USER};
	struct host_ns host;

	if (hierarchy_read_host(state_dir, &host) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (hierarchy_in_host_ns(&host, types[i]) <= 0)
			return true;
	return false;
}

static int find(int state_dir, const struct identity *wanted)
{
	const pid_t likely[] = {0, 1};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(likely); i++) {
		autoclose int ns = proc_open_ns(likely[i], "mnt");

		if (ns >= 0 && is_it(ns, wanted))
			return take_fd(&ns);
	}
	r = find_by_number(wanted);
	if (r < 0 && r != -ENOENT)
		r = find_by_process(wanted);
	return r == -ENOENT && sees_less(state_dir) ? -EACCES : r;
}

static int cannot_reach(const char *path)
{
	return error_set(-EXDEV,
			 "its hierarchy is in a mount namespace that cannot be entered from here",
			 path);
}

int home_find(int state_dir, const char *path, struct home *ret_home)
{
	struct identity wanted;
	int r = read_record(state_dir, &wanted);

	/* None was ever made here. */
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = find(state_dir, &wanted);
	if (r == -ENOENT)
		return 0;
	r = r < 0 ? r : look_into(r, state_dir, path, ret_home);
	if (r == 0)
		home_close(ret_home);
	return r < 0 ? cannot_reach(path) : r;
}

void home_of_machine(int state_dir, const char *path, struct home *ret_home)
{
	autoclose int own = proc_open_ns(0, "mnt");
	int ns = proc_open_ns(1, "mnt");

	if (ns >= 0 && own >= 0 && !kernel_is_same_file(ns, own) && is_trusted(ns))
		look_into(ns, state_dir, path, ret_home);
	else if (ns >= 0)
		close(ns);
}

int home_reopen(const char *path, struct home *home)
{
	int ns = fcntl(home->ns, F_DUPFD_CLOEXEC, 3);
	int r = ns < 0 ? -errno : look_into(ns, home->dir, path, home);

	return r < 0 ? r : 0;
}
