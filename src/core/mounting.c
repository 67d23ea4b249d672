/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "change.h"
#include "cleanup.h"
#include "error.h"
#include "guard.h"
#include "init.h"
#include "inside.h"
#include "kernel.h"
#include "lock.h"
#include "locked.h"
#include "make.h"
#include "mountinfo.h"
#include "reach.h"
#include "vault.h"
#include "way.h"

#define LINKS_FOLLOWED 40 /* as the kernel */

struct mount_call {
	struct way *way;
	const char *path;
	int mnt;	 /* attach */
	bool propagates; /* attach */
	bool is_locked;	 /* attach */
	int proc;	 /* attach: the caller's /proc */
	int flags;	 /* detach */
};

static int open_own_root(void)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_set(-errno, "open", "/") : fd;
}

static int check_same_kind(int mnt, int target, const char *path)
{
	struct stat a, b;

	if (fstat(mnt, &a) < 0 || fstat(target, &b) < 0)
		return error_set(-errno, "look at", path);
	if (S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode))
		return error_set(-ENOTDIR, "a directory goes on a directory, a file on a file",
				 path);
	return 0;
}

/* What is mounted on it nobody who has it as root would ever see, and nothing could unmount. */
static int check_not_root(int root, int target, const char *path)
{
	int r = kernel_same_place(root, target);

	if (r > 0)
		return error_set(-EBUSY, "it has a root", path);
	return r < 0 ? error_set(r, "look at", path) : 0;
}

/*
 * The target is held by fd between the two calls: what the container puts in its place meanwhile is
 * not mounted on. The kernel refuses a target that is not of this mount namespace.
 */
static int attach_agent(void *arg)
{
	struct mount_call *c = arg;
	autoclose int root = -EBADF;
	autoclose int target = -EBADF;
	int r = way_go(c->way);

	r = r ? r : (root = open_own_root());
	if (r < 0)
		return r;
	target = inside_open(root, c->path, O_PATH, 0);
	if (target < 0)
		return error_set(target, "open mount point", c->path);
	r = check_not_root(root, target, c->path);
	r = r ? r : check_same_kind(c->mnt, target, c->path);
	if (r < 0)
		return r;
	if (!c->is_locked) {
		r = locked_is_needed(c->proc);
		if (r)
			return r < 0 ? r : -EXDEV;
	}
	/* In here, where a mount of the host's, given by mistake, is refused. */
	r = c->propagates ? 0 : kernel_make_slave(c->mnt);
	if (r < 0)
		return error_set(r, "not a detached mount", NULL);
	r = kernel_move_mount(c->mnt, target, "");
	return r < 0 ? error_set(r, "mount", c->path) : 0;
}

static int check(const struct object *o)
{
	if (object_is_root(o))
		return error_set(-EPERM, "the init container stays as it is", NULL);
	if (o->spec.mode[NS_MOUNT] == CONTAINER_NS_INHERIT)
		return error_set(-EPERM, "it has no own mount namespace", NULL);
	if (o->spec.empty_root)
		return error_set(-ENOENT, "it has no root yet; set one first", NULL);
	return 0;
}

static int run(const struct hierarchy *h, const struct object *o, struct mount_call *call,
	       int (*agent)(void *))
{
	autoway struct way way;
	int r;

	way_init(&way, NS_MOUNT);
	call->way = &way;
	r = way_run(h, o, &way, check, agent, call);
	call->way = NULL;
	return r;
}

int mounting_attach(const struct hierarchy *h, const struct object *o, int mnt, const char *path,
		    bool propagates)
{
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mount_call call = {.path = path, .mnt = mnt, .propagates = propagates, .proc = proc};
	int r = proc < 0 ? error_set(-errno, "open", "/proc") : run(h, o, &call, attach_agent);

	/* Asked for by the agent, which knows the namespace, and when nothing else is wrong. */
	if (r != -EXDEV)
		return r;
	call.is_locked = true;
	r = locked_replace(h, mnt);
	return r ? r : run(h, o, &call, attach_agent);
}

/* The link "dir/link" -> "target" that path names: path becomes where it leads. */
static int follow(const struct inside_entry *e, char path[PATH_MAX])
{
	size_t dir = strlen(path);
	ssize_t n;

	while (dir > 0 && path[dir - 1] != '/')
		dir--;
	n = kernel_readlink(e->parent, e->name, path + dir, PATH_MAX - dir);
	if (n < 0)
		return (int)n;
	if (path[dir] == '/')
		memmove(path, path + dir, (size_t)n + 1);
	return 0;
}

/* Whether there were any: they ask for the link to be followed. */
static bool strip_slashes(char *path)
{
	size_t len = strlen(path), given = len;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	return len < given;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One look at path: 1 if it was a link, and is now where that leads. */
static int detach_once(int root, char path[PATH_MAX], int flags)
{
	bool follows = strip_slashes(path) || !(flags & UMOUNT_NOFOLLOW);
	autoinside struct inside_entry e;
	int r = inside_find(root, path, &e);

	if (r < 0)
		return r;
	if (is_dots(e.name))
		return error_set(-EINVAL, "say a mount point by its name", path);
	r = follows ? follow(&e, path) : -EINVAL;
	if (r != -EINVAL)
		return r < 0 ? r : 1;
	if (fchdir(e.parent) < 0 || umount2(e.name, flags | UMOUNT_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/*
 * umount2(2) takes a path only, and with an fd of the mount itself open it would say that it is busy.
 * So it gets the mount point's name in its parent directory, after the links that lead there were
 * followed in the container's root. At last the kernel unmounts what is of this mount namespace only.
 */
static int detach_agent(void *arg)
{
	struct mount_call *c = arg;
	char path[PATH_MAX];
	autoclose int root = -EBADF;
	int r = way_go(c->way);

	r = r ? r : (root = open_own_root());
	if (r < 0)
		return r;
	memcpy(path, c->path, strlen(c->path) + 1);
	r = 1;
	for (int i = 0; r == 1 && i < LINKS_FOLLOWED; i++)
		r = detach_once(root, path, c->flags);
	return r == 1 ? -ELOOP : r;
}

int mounting_detach(const struct hierarchy *h, const struct object *o, const char *path, int flags)
{
	struct mount_call call = {.path = path, .flags = flags};
	int r;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = run(h, o, &call, detach_agent);
	return r < 0 ? error_default(r, "unmount", path) : 0;
}

int mounting_list(const struct hierarchy *h, const struct object *o,
		  int (*fn)(const struct container_mount *mount, void *arg), void *arg)
{
	autoclose int fd = reach_mountinfo(h, o);
	autofree char *line = NULL;
	struct container_mount mount;
	size_t room = 0;
	int r = 0;
	FILE *f;

	if (fd < 0)
		return fd;
	f = fdopen(fd, "re");
	if (!f)
		return -errno;
	take_fd(&fd);
	while (r == 0 && getline(&line, &room, f) > 0)
		if (mountinfo_parse(line, &mount) == 0)
			r = fn(&mount, arg);
	if (r == 0 && ferror(f))
		r = -EIO;
	fclose(f);
	return r < 0 ? error_default(r, "read", "mountinfo") : r;
}

/*
 * One that ends with its fd has no namespaces until its first task. Now they are made and pinned: the
 * record says so first, since such a container is taken apart by its record alone.
 */
static int make_early(const struct hierarchy *h, struct object *o, struct root_plan *root)
{
	struct spec before = o->spec;
	unsigned int types = 0;
	int r;

	for (int t = 0; t < NS_COUNT; t++) {
		if (o->spec.mode[t] != CONTAINER_NS_OWN || t == NS_PID)
			continue;
		types |= (unsigned int)nstype_info(t)->clone_flag;
		o->spec.pinned[t] = true;
	}
	r = object_store(o->dir, &o->spec);
	r = r ? r : make_own(h, o, types, root, -EBADF);
	if (r == 0) {
		o->spec.empty_root = false;
		return object_store(o->dir, &o->spec);
	}
	vault_unpin_all(h->cradle, before.id);
	o->spec = before;
	object_store(o->dir, &before);
	return r;
}

static int set_root_early(const struct hierarchy *h, struct object *o, int mnt, bool recursive)
{
	struct root_plan root = make_plan_view(&o->spec);
	struct stat st;
	int r = object_check_below_caller(h, o);

	r = r ? r : lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	if (r == 0 && fstat(mnt, &st) < 0)
		r = -errno;
	if (r == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r == 0 && !o->spec.empty_root)
		r = error_set(-EBUSY, "it has a root", NULL);
	if (r == 0 && init_was_recorded(o->dir))
		r = error_set(-EBUSY, "it has, or had, tasks", NULL);
	if (r < 0)
		return r;
	root.kind = ROOT_GIVEN;
	root.given = mnt;
	root.recursive = recursive;
	return make_early(h, o, &root);
}

int mounting_set_root(const struct hierarchy *h, struct object *o, int mnt, bool recursive)
{
	if (!o->spec.empty_root)
		return error_set(-EBUSY, "it has a root", NULL);
	return o->spec.transient ? set_root_early(h, o, mnt, recursive)
				 : change_root(h, o, mnt, recursive);
}
