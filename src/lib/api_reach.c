/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exported calls that reach into a container from outside. */
#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <linux/mount.h>

#include "call.h"
#include "cleanup.h"
#include "ended.h"
#include "error.h"
#include "inside.h"
#include "keys.h"
#include "mounting.h"
#include "reach.h"
#include "stop.h"
#include "way.h"

/* The fd is all that is asked for: to look at who calls would take longer than the rest. */
EXPORT int container_socket(int container, int domain, int type, int protocol)
{
	autocall struct call c;
	struct spec spec;
	int r;

	hierarchy_init(&c.h);
	r = call_load(container, &spec);
	if (r == 0) {
		c.o = (struct object){.dir = container, .spec = spec};
		r = hierarchy_open(&c.h, way_is_short(&c.o, NS_NETWORK) ? HIERARCHY_PINS
									: HIERARCHY_REACH);
		r = r ? r : object_check_place(&c.h, container, spec.cgroup);
	}
	return (int)call_done(r ? r : reach_socket(&c.h, &c.o, domain, type, protocol), "socket",
			      NULL);
}

/* The root directory of the container, O_PATH, for a call on a path in it. */
static int open_root(int container)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	return r ? r : reach_root(&c.h, &c.o);
}

EXPORT int container_openat(int container, const char *path, int flags, mode_t mode)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_open(root, path, flags, mode);

	return (int)call_done(r, "open", path);
}

EXPORT int container_mkdirat(int container, const char *path, mode_t mode)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_mkdir(root, path, mode);

	return (int)call_done(r, "make directory", path);
}

EXPORT int container_mknodat(int container, const char *path, mode_t mode, dev_t dev)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_mknod(root, path, mode, dev);

	return (int)call_done(r, "make node", path);
}

EXPORT int container_symlinkat(const char *target, int container, const char *path)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_symlink(target, root, path);

	return (int)call_done(r, "make link", path);
}

EXPORT int container_unlinkat(int container, const char *path, int flags)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_unlink(root, path, flags);

	return (int)call_done(r, "remove", path);
}

EXPORT int container_renameat(int container, const char *from, const char *to, unsigned int flags)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_rename(root, from, to, flags);

	return (int)call_done(r, "rename", from);
}

EXPORT int container_fstatat(int container, const char *path, struct stat *ret_st, int flags)
{
	autoclose int root = open_root(container);
	int r = root < 0 ? root : inside_stat(root, path, ret_st, flags);

	return (int)call_done(r, "stat", path);
}

EXPORT ssize_t container_readlinkat(int container, const char *path, char *buf, size_t size)
{
	autoclose int root = open_root(container);
	ssize_t r = root < 0 ? root : inside_readlink(root, path, buf, size);

	return call_done(r, "read link", path);
}

EXPORT int container_fsopen(int container, const char *fsname, unsigned int flags)
{
	autocall struct call c;
	autoclose int fs = -EBADF;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	if (r == 0 && (flags & ~(unsigned int)FSOPEN_CLOEXEC))
		r = error_set(-EINVAL, "unknown flags", NULL);
	r = r ? r : (fs = reach_fsopen(&c.h, &c.o, fsname));
	if (r >= 0 && !(flags & FSOPEN_CLOEXEC) && fcntl(fs, F_SETFD, 0) < 0)
		r = -errno;
	return (int)call_done(r < 0 ? r : take_fd(&fs), "fsopen", fsname);
}

static int attach(struct call *c, int mnt, const char *path, unsigned int flags)
{
	const unsigned int known =
		CONTAINER_ROOT | CONTAINER_ROOT_RECURSIVE | CONTAINER_MOUNT_PROPAGATE;
	bool is_root = path[0] == '/' && path[strspn(path, "/")] == '\0';
	int r = object_check_below_caller(&c->h, &c->o);

	if (r == 0 && (flags & ~known))
		return error_set(-EINVAL, "unknown flags", NULL);
	if (r == 0 && is_root != !!(flags & CONTAINER_ROOT))
		return error_set(-EINVAL, "\"/\" and CONTAINER_ROOT go together", NULL);
	if (r == 0 && is_root)
		return mounting_set_root(&c->h, &c->o, mnt, flags & CONTAINER_ROOT_RECURSIVE);
	return r ? r : mounting_attach(&c->h, &c->o, mnt, path, flags & CONTAINER_MOUNT_PROPAGATE);
}

EXPORT int container_move_mount(int container, int mount_fd, const char *path, unsigned int flags)
{
	autocall struct call c;
	int r;

	hierarchy_init(&c.h);
	r = call_check_fds(&mount_fd, 1, false);
	r = r ? r
	      : call_begin(&c, container,
			   flags & CONTAINER_ROOT ? HIERARCHY_WRITE : HIERARCHY_REACH);
	return (int)call_done(r ? r : attach(&c, mount_fd, path, flags), "mount", path);
}

EXPORT int container_umount(int container, const char *path, int flags)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	return (int)call_done(r ? r : mounting_detach(&c.h, &c.o, path, flags), "unmount", path);
}

EXPORT int container_mounts(int container,
			    int (*fn)(const struct container_mount *mount, void *arg), void *arg)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	r = r ? r : mounting_list(&c.h, &c.o, fn, arg);
	return r > 0 ? r : (int)call_done(r, "list mounts", NULL);
}

EXPORT int container_add_key(int container, const char *type, const char *description,
			     const void *payload, size_t len)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);

	r = r ? r : keys_add(&c.h, &c.o, type, description, payload, len);
	return (int)call_done(r, "add key", description);
}

EXPORT int container_keys(int container, int (*fn)(const struct container_key *key, void *arg),
			  void *arg)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	r = r ? r : keys_list(&c.h, &c.o, fn, arg);
	return r > 0 ? r : (int)call_done(r, "list keys", NULL);
}

EXPORT int container_set_stop(int container, int sig, int grace)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);

	return (int)call_done(r ? r : stop_set(&c.h, &c.o, sig, grace), "set stop signal", NULL);
}

EXPORT int container_stop(int container, int timeout)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_READ);

	return (int)call_done(r ? r : stop_container(&c.h, &c.o, timeout), "stop", NULL);
}

EXPORT int container_get_stop(int container, int *ret_sig, int *ret_grace)
{
	struct spec spec;
	int r = call_load(container, &spec);

	return (int)call_done(r ? r : stop_get(container, ret_sig, ret_grace), "get stop signal",
			      NULL);
}

EXPORT int container_reboot(int container, int cmd)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);

	return (int)call_done(r ? r : stop_reboot(&c.h, &c.o, cmd), "reboot", NULL);
}

/* The hierarchy is opened only if there is something to be recorded. */
static int ended(struct call *c, int container, int pidfd)
{
	struct ended e = {.status = -1};
	struct spec spec = {0};
	int r = call_load(container, &spec);

	c->o = (struct object){.dir = container, .spec = spec};
	r = r ? r : ended_look(&c->o, pidfd, &e);
	if (r <= 0)
		return r;
	if (spec.transient && e.state == CONTAINER_STOPPED)
		return (int)e.state;
	r = hierarchy_open(&c->h, HIERARCHY_WRITE);
	r = r ? r : object_check_below_caller(&c->h, &c->o);
	r = r ? r : ended_record(&c->h, &c->o, e.text, e.status);
	return r == -ESRCH ? 0 : r < 0 ? r : (int)e.state;
}

EXPORT int container_ended(int container, int pidfd)
{
	autocall struct call c;
	int r = call_check_fds(&pidfd, 1, false);

	hierarchy_init(&c.h);
	return (int)call_done(r ? r : ended(&c, container, pidfd), "tell of its end", NULL);
}
