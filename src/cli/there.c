/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing is done in the container's namespace but a rename by fd and single names: no path is resolved there, and
 * no other step is taken before the way back.
 */
#include "there.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"

void there_init(struct there *t)
{
	*t = (struct there){.ns = -EBADF, .own = -EBADF, .root = -EBADF, .cwd = -EBADF};
}

void there_close(struct there *t)
{
	close_fd(&t->ns);
	close_fd(&t->own);
	close_fd(&t->root);
	close_fd(&t->cwd);
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int there_open(struct there *t, int container, const char *name)
{
	autoclose int init = container_open_init();
	autoclose int init_ns = init < 0 ? -1 : container_namespace(init, CLONE_NEWNS);

	t->ns = init_ns < 0 ? -1 : container_namespace(container, CLONE_NEWNS);
	if (t->ns < 0)
		return cli_failed(name), -1;
	t->is_hosts = is_same(t->ns, init_ns);
	t->own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	t->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	t->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->own < 0 || t->root < 0 || t->cwd < 0) {
		cli_message(NULL, "cp: the caller's own place: %s", strerror(errno));
		return -1;
	}
	if (is_same(t->ns, t->own))
		close_fd(&t->ns);
	return 0;
}

/* Paths, of which some more follow, would lead into the container. */
static void go_back(const struct there *t)
{
	if (setns(t->own, CLONE_NEWNS) == 0 && fchdir(t->root) == 0 && chroot(".") == 0 &&
	    fchdir(t->cwd) == 0)
		return;
	cli_message(NULL, "cp: back from the container's mount namespace: %s", strerror(errno));
	_exit(EXIT_FAILED);
}

int there_rename(const struct there *t, int dir, const char *from, const char *to)
{
	int r, why;

	if (t->ns < 0)
		return renameat(dir, from, dir, to);
	if (setns(t->ns, CLONE_NEWNS) < 0)
		return -1;
	r = renameat(dir, from, dir, to);
	why = errno;
	go_back(t);
	errno = why;
	return r;
}
