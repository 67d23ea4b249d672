/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "init.h"
#include "kernel.h"
#include "control.h"
#include "text.h"

struct walk {
	const struct hierarchy *h;
	unsigned int flags;
	int (*fn)(const struct container_info *, void *);
	void *arg;
	char path[PATH_SIZE];
	size_t path_len;
};

/* The pids are only counted: those beyond the buffer too. */
static void fill_tasks(const struct walk *w, const struct object *o, struct container_info *info)
{
	autoclose int cgroup = -EBADF;
	pid_t pid;
	ssize_t n;

	if (info->state != CONTAINER_RUNNING && info->state != CONTAINER_FROZEN)
		return;
	cgroup = object_open_cgroup(w->h, o);
	n = cgroup < 0 ? 0 : cgroup_pids(cgroup, false, &pid, 1);
	info->tasks = n > 0 ? (size_t)n : 0;
	info->init = init_peek(o->dir);
}

static int report(struct walk *w, const struct object *o, const char *name, unsigned int depth)
{
	struct container_info info = {
		.size = sizeof(info),
		.id = o->spec.id,
		.depth = depth,
		.own = spec_flags(&o->spec, CONTAINER_NS_OWN),
		.shared = spec_flags(&o->spec, CONTAINER_NS_SHARE),
		.transient = o->spec.transient,
		.name = name,
		.path = w->path_len ? w->path : "/",
		.root = "",
	};
	char root[PATH_SIZE];
	int r = 0;

	if ((w->flags & CONTAINER_WALK_STATE) && !object_is_root(o))
		r = control_state(w->h, o, &info.state);
	if (r < 0)
		return r;
	if (object_is_root(o))
		info.state = CONTAINER_RUNNING;
	else if ((w->flags & CONTAINER_WALK_TASKS) == CONTAINER_WALK_TASKS)
		fill_tasks(w, o, &info);
	if ((w->flags & CONTAINER_WALK_TASKS) == CONTAINER_WALK_TASKS) {
		struct stat st;

		info.owner = fstat(o->dir, &st) == 0 ? st.st_uid : 0;
		if (o->spec.mode[NS_MOUNT] == CONTAINER_NS_OWN && !o->spec.empty_root)
			info.root = kernel_readlink(o->dir, OBJECT_ROOT, root, sizeof(root)) > 0 ? root
												 : "view";
	}
	return w->fn(&info, w->arg);
}

static int walk_below(struct walk *w, int dir, unsigned int depth);

static int walk_child(struct walk *w, int dir, const char *name, unsigned int depth)
{
	autoobject struct object o = {.dir = -EBADF};
	size_t path_len = w->path_len;
	int r;

	if (text_append(w->path, sizeof(w->path), &w->path_len, "/") < 0 ||
	    text_append(w->path, sizeof(w->path), &w->path_len, name) < 0)
		return -ENAMETOOLONG;
	o.dir = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = o.dir < 0 ? -errno : object_load(o.dir, &o.spec);
	/* Removed since its name was read. */
	if (r == -ENOENT) {
		r = 0;
	} else if (r == 0) {
		r = report(w, &o, name, depth);
		if (r == 0 && (w->flags & CONTAINER_WALK_RECURSIVE))
			r = walk_below(w, o.dir, depth + 1);
	}
	w->path_len = path_len;
	w->path[path_len] = '\0';
	return r;
}

static int walk_below(struct walk *w, int dir, unsigned int depth)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = object_children(dir, &children);

	while (r == 0 && (name = object_next_child(children)))
		r = walk_child(w, dir, name, depth);
	return r;
}

int walk_containers(const struct hierarchy *h, const struct object *o, unsigned int flags,
		    int (*fn)(const struct container_info *info, void *arg), void *arg)
{
	struct walk w = {.h = h, .flags = flags, .fn = fn, .arg = arg};
	bool self = flags & CONTAINER_WALK_SELF;
	int r = object_path(h, o->dir, w.path, sizeof(w.path));

	if (r < 0)
		return r;
	w.path_len = r == 1 ? 0 : (size_t)r;
	w.path[w.path_len] = '\0';
	r = self ? report(&w, o, w.path + name_parent_len(w.path), 0) : 0;
	return r ? r : walk_below(&w, o->dir, self ? 1 : 0);
}
