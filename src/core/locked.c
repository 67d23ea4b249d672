/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel has no call that locks a mount. It locks all of a mount namespace when that is copied for
 * another user namespace, and a clone of a locked mount is locked. So an agent with memory of its own,
 * which a new user namespace asks for, goes to a copy of the cradle, mounts there what is to be locked,
 * has that copied once more together with a new user namespace, and takes a clone from there. Both
 * namespaces go with the agent.
 */
#include "locked.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/mount.h>
#include <linux/nsfs.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"

int locked_is_needed(int proc)
{
	autoclose int mount_ns = openat(proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	autoclose int own = openat(proc, "thread-self/ns/user", O_RDONLY | O_CLOEXEC);
	autoclose int owner = mount_ns < 0 ? -EBADF : ioctl(mount_ns, NS_GET_USERNS);
	struct stat a, b;

	if (own < 0 || owner < 0 || fstat(own, &a) < 0 || fstat(owner, &b) < 0)
		return error_set(-errno, "look at namespaces", "/proc/thread-self/ns");
	return a.st_ino != b.st_ino;
}

struct lock_call {
	int cradle, mnt;
	int copy; /* result */
};

/* A place for a file, which the cradle has not: a directory is mounted on one that is there. */
static const char *make_place(int mnt)
{
	autoclose int fs = -EBADF;
	autoclose int tmpfs = -EBADF;
	struct stat st;

	if (fstat(mnt, &st) < 0)
		return NULL;
	if (S_ISDIR(st.st_mode))
		return "/lower";
	fs = kernel_fsopen("tmpfs");
	tmpfs = fs < 0 ? fs : kernel_fsmount(fs, 0);
	if (tmpfs < 0 || mknodat(tmpfs, "file", S_IFREG | 0600, 0) < 0 ||
	    kernel_move_mount(tmpfs, AT_FDCWD, "/upper") < 0)
		return NULL;
	return "/upper/file";
}

static int lock_agent(void *arg)
{
	struct lock_call *c = arg;
	const char *place;
	int r;

	if (setns(c->cradle, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		return error_set(-errno, "copy the cradle", NULL);
	place = make_place(c->mnt);
	if (!place)
		return error_set(errno ? -errno : -EIO, "make a mount point", NULL);
	r = kernel_move_mount(c->mnt, AT_FDCWD, place);
	if (r < 0)
		return error_set(r, "not a detached mount", NULL);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return error_set(-errno, "make a user namespace to lock the mount in", NULL);
	c->copy = kernel_open_tree(AT_FDCWD, place, OPEN_TREE_CLONE | AT_RECURSIVE);
	return c->copy < 0 ? error_set(c->copy, "clone the locked mount", NULL) : 0;
}

int locked_replace(const struct hierarchy *h, int mnt)
{
	struct lock_call call = {h->cradle, mnt, -EBADF};
	int r = agent_run_apart(-1, lock_agent, &call, sizeof(call));
	int flags = fcntl(mnt, F_GETFD);

	if (r == 0 && (flags < 0 || dup3(call.copy, mnt, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0))
		r = -errno;
	close_fd(&call.copy);
	return r;
}
