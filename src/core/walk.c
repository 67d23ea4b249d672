/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "cgroup.h"
#include "cleanup.h"
#include "control.h"
#include "error.h"
#include "index.h"
#include "init.h"
#include "kernel.h"
#include "text.h"

struct walk {
	const struct hierarchy *h;
	unsigned int flags;
	int (*fn)(const struct container_info *, void *);
	void *arg;
	char path[PATH_SIZE];
	size_t path_len;
	bool damaged;
};

/*
 * The ids that have a cgroup among the children of one container. Most containers that never had a
 * task have none, and one directory read tells so of all of them.
 */
struct with_cgroup {
	uint64_t *id; /* sorted */
	size_t count;
};

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int read_cgroups(const struct hierarchy *h, const struct spec *parent,
			struct with_cgroup *set)
{
	const char *path = parent->cgroup[0] ? parent->cgroup + 1 : ".";
	autoclose int dir = openat(h->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *entries = NULL;
	size_t room = 0;
	const char *name;
	int r;

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = object_children(dir, &entries);
	while (r == 0 && (name = object_next_child(entries))) {
		uint64_t id;

		if (text_parse_id(name, &id) < 0)
			continue;
		if (set->count == room) {
			size_t more = room ? 2 * room : 64;
			uint64_t *grown = realloc(set->id, more * sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			set->id = grown;
			room = more;
		}
		set->id[set->count++] = id;
	}
	if (set->count)
		qsort(set->id, set->count, sizeof(*set->id), compare_ids);
	return r;
}

static bool has_cgroup(const struct with_cgroup *set, uint64_t id)
{
	return set->count && bsearch(&id, set->id, set->count, sizeof(id), compare_ids);
}

static bool wants_tasks(const struct walk *w)
{
	return (w->flags & CONTAINER_WALK_TASKS) == CONTAINER_WALK_TASKS;
}

/* The pids are only counted: those beyond the buffer too. */
static int fill_state(const struct walk *w, int parent_dir, const char *name,
		      const struct spec *spec, struct container_info *info)
{
	autoobject struct object o = {.dir = -EBADF, .spec = *spec};
	autoclose int cgroup = -EBADF;
	pid_t pid;
	ssize_t n;
	int r;

	o.dir = openat(parent_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (o.dir < 0)
		return -errno;
	r = control_state(w->h, &o, &info->state);
	if (r < 0 || !wants_tasks(w) ||
	    (info->state != CONTAINER_RUNNING && info->state != CONTAINER_FROZEN))
		return r;
	cgroup = object_open_cgroup(w->h, &o);
	n = cgroup < 0 ? 0 : cgroup_pids(cgroup, false, &pid, 1);
	info->tasks = n > 0 ? (size_t)n : 0;
	if (spec->mode[NS_PID] == CONTAINER_NS_OWN)
		info->init = init_peek(o.dir);
	return 0;
}

static void fill_root(int parent_dir, const char *name, const struct spec *spec,
		      struct container_info *info, char root[PATH_SIZE])
{
	char link[NAME_SIZE + sizeof("/" OBJECT_ROOT)] = "";
	size_t len = 0;

	if (spec->mode[NS_MOUNT] != CONTAINER_NS_OWN || spec->empty_root)
		return;
	info->root = "view";
	text_append(link, sizeof(link), &len, name);
	text_append(link, sizeof(link), &len, "/" OBJECT_ROOT);
	if (kernel_readlink(parent_dir, link, root, PATH_SIZE) > 0)
		info->root = root;
}

/* cgroups: NULL if it is not known who has one. */
static int report(struct walk *w, int parent_dir, const char *name, const struct spec *spec,
		  const struct with_cgroup *cgroups, unsigned int depth)
{
	struct container_info info = {
		.size = sizeof(info),
		.id = spec->id,
		.depth = depth,
		.own = spec_flags(spec, CONTAINER_NS_OWN),
		.shared = spec_flags(spec, CONTAINER_NS_SHARE),
		.transient = spec->transient,
		.name = w->path + name_parent_len(w->path),
		.path = w->path_len ? w->path : "/",
		.root = "",
	};
	char root[PATH_SIZE];
	struct container_access access;
	int r = 0;

	if ((w->flags & CONTAINER_WALK_OWNER) && access_load_at(parent_dir, name, &access) == 0)
		info.owner = access.uid;
	if (spec->cgroup[0] == '\0')
		info.state = CONTAINER_RUNNING;
	else if ((w->flags & CONTAINER_WALK_STATE) && (!cgroups || has_cgroup(cgroups, spec->id)))
		r = fill_state(w, parent_dir, name, spec, &info);
	if (w->flags & CONTAINER_WALK_ROOT)
		fill_root(parent_dir, name, spec, &info, root);
	/* Removed since its name was read. */
	if (r == -ENOENT)
		return 0;
	return r ? r : w->fn(&info, w->arg);
}

static int walk_below(struct walk *w, int dir, const struct spec *spec, unsigned int depth);

static bool has_ended(int dir, const char *name)
{
	autoclose int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return child < 0 || !object_is_held(child);
}

static int walk_child(struct walk *w, int dir, const char *name, const char *record,
		      const struct with_cgroup *cgroups, unsigned int depth)
{
	size_t path_len = w->path_len;
	struct spec spec;
	int r;

	/* The others are told all the same, and at the end that this one is damaged. */
	if (spec_parse(record, &spec) < 0) {
		w->damaged = true;
		error_set(-EUCLEAN, "its record is damaged", name);
		return 0;
	}
	if (spec.transient && has_ended(dir, name))
		return 0;
	if (text_append(w->path, sizeof(w->path), &w->path_len, "/") < 0 ||
	    text_append(w->path, sizeof(w->path), &w->path_len, name) < 0)
		return -ENAMETOOLONG;
	r = report(w, dir, name, &spec, cgroups, depth);
	if (r == 0 && (w->flags & CONTAINER_WALK_RECURSIVE) && spec.nested) {
		autoclose int child =
			openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (child >= 0)
			r = walk_below(w, child, &spec, depth + 1);
	}
	w->path_len = path_len;
	w->path[path_len] = '\0';
	return r;
}

/* The children's records, one by one. One that is gone meanwhile is left out. */
static int read_children(int dir, struct index *index)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = object_children(dir, &children);

	while (r == 0 && (name = object_next_child(children))) {
		char link[NAME_SIZE + sizeof("/" OBJECT_SPEC)], record[SPEC_TEXT_SIZE];
		size_t len = 0;

		/* A name that is too long cannot be a container's. */
		if (text_append(link, sizeof(link), &len, name) == 0 &&
		    text_append(link, sizeof(link), &len, "/" OBJECT_SPEC) == 0 &&
		    kernel_readlink(dir, link, record, sizeof(record)) > 0)
			r = index_add(index, name, record);
	}
	return r;
}

static int open_index(struct walk *w, int dir, uint64_t id, struct index *index)
{
	int r = index_read(w->h, id, dir, index);

	if (r != -ENOENT)
		return r;
	r = index_begin(dir, index);
	r = r ? r : read_children(dir, index);
	if (r == 0)
		index_keep(w->h, id, dir, index);
	return r;
}

static int walk_below(struct walk *w, int dir, const struct spec *spec, unsigned int depth)
{
	autoindex struct index index = {0};
	struct with_cgroup cgroups = {0};
	const char *name, *record;
	size_t position = 0;
	int r = open_index(w, dir, spec->id, &index);

	if (r == 0 && (w->flags & CONTAINER_WALK_STATE))
		r = read_cgroups(w->h, spec, &cgroups);
	while (r == 0 && index_next(&index, &position, &name, &record))
		r = walk_child(w, dir, name, record, &cgroups, depth);
	free(cgroups.id);
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
	r = self ? report(&w, o->dir, ".", &o->spec, NULL, 0) : 0;
	r = r ? r : walk_below(&w, o->dir, &o->spec, self ? 1 : 0);
	return r == 0 && w.damaged ? error_default(-EUCLEAN, "its record is damaged", NULL) : r;
}
