/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "cleanup.h"
#include "control.h"
#include "dir.h"
#include "error.h"
#include "index.h"
#include "init.h"
#include "kernel.h"
#include "record.h"
#include "text.h"

#define NO_RECORD "?"

struct walk {
	const struct hierarchy *h;
	unsigned int flags;
	int (*fn)(const struct container_info *, void *);
	void *arg;
	char path[PATH_SIZE];
	size_t path_len;
	bool damaged;
	struct container_error error; /* says what is, the first of them */
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
	autoclose int dir = -EBADF;
	autodir DIR *entries = NULL;
	char path[PATH_SIZE];
	size_t room = 0;
	const char *name;
	int r = object_cgroup_path(h, parent, path);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	dir = openat(h->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = dir_open(dir, ".", &entries);
	while ((name = dir_next_subdir(entries, &r))) {
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
	struct object o = {.dir = parent_dir, .spec = *spec};
	autoclose int dir = -EBADF;
	pid_t pid;
	ssize_t n;
	int r;

	if (strcmp(name, ".") != 0) {
		dir = object_open_dir(parent_dir, name);
		if (dir < 0)
			return dir;
		o.dir = dir;
	}
	r = control_state(w->h, &o, &info->state, &info->exit_status);
	if (r < 0 || !wants_tasks(w) ||
	    (info->state != CONTAINER_RUNNING && info->state != CONTAINER_FROZEN))
		return r;
	n = object_tasks(w->h, &o, &pid, 1);
	info->tasks = n > 0 ? (size_t)n : 0;
	if (n < 0 && n != -ENOENT)
		return (int)n;
	return spec->mode[NS_PID] == CONTAINER_NS_OWN ? init_peek(o.dir, &info->init) : 0;
}

static int fill_root(int parent_dir, const char *name, const struct spec *spec,
		     struct container_info *info, char root[PATH_SIZE])
{
	char link[NAME_SIZE + sizeof("/" OBJECT_ROOT)] = "";
	size_t len = 0;
	ssize_t n;

	if (spec->mode[NS_MOUNT] != CONTAINER_NS_OWN || spec->empty_root)
		return 0;
	info->root = "view";
	text_append(link, sizeof(link), &len, name);
	text_append(link, sizeof(link), &len, "/" OBJECT_ROOT);
	n = kernel_readlink(parent_dir, link, root, PATH_SIZE);
	if (n > 0)
		info->root = root;
	return n < 0 && !object_lacks_record(n) ? (int)n : 0;
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
		.exit_status = -1,
		.name = w->path + name_parent_len(w->path),
		.path = w->path_len ? w->path : "/",
		.root = "",
	};
	char root[PATH_SIZE];
	struct container_access access;
	int r = 0;

	if (w->flags & CONTAINER_WALK_OWNER) {
		r = access_load_at(parent_dir, name, &access);
		info.owner = r < 0 ? 0 : access.uid;
		/* It is nobody's but root's. */
		r = r == -EUCLEAN ? 0 : r;
	}
	if (spec->cgroup[0] == '\0')
		info.state = CONTAINER_RUNNING;
	else if (r == 0 && (w->flags & CONTAINER_WALK_STATE) &&
		 (!cgroups || spec->adopted || has_cgroup(cgroups, spec->id)))
		r = fill_state(w, parent_dir, name, spec, &info);
	if (r == 0 && (w->flags & CONTAINER_WALK_ROOT))
		r = fill_root(parent_dir, name, spec, &info, root);
	/* Removed since its name was read. */
	if (r == -ENOENT)
		return 0;
	return r ? r : w->fn(&info, w->arg);
}

static int walk_below(struct walk *w, int dir, const struct spec *spec, unsigned int depth);

/* The others are told all the same, and at the end that this one is damaged. */
static int note_damaged(struct walk *w, int dir, const char *name)
{
	char record[NAME_SIZE + sizeof("/" OBJECT_SPEC)] = "";
	size_t len = 0;

	text_append(record, sizeof(record), &len, name);
	text_append(record, sizeof(record), &len, "/" OBJECT_SPEC);
	record_damaged(dir, record);
	if (!w->damaged)
		w->error = *error_last();
	w->damaged = true;
	return 0;
}

static int damage_noted(const struct walk *w, int r)
{
	if (r != 0 || !w->damaged)
		return r;
	error_copy(&w->error);
	return -EUCLEAN;
}

/* -ENOENT: a container that ends with its fd, which is closed, or is removed. */
static int check_held(int dir, const char *name)
{
	autoclose int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	/* Hidden in this moment. */
	if (child < 0)
		return errno == EACCES ? -ENOENT : -errno;
	return object_is_held(child) ? 0 : -ENOENT;
}

/* The container whose children are walked, and which of those have a cgroup. */
struct level {
	int dir;
	const struct spec *spec;
	struct with_cgroup cgroups;
	unsigned int depth;
};

static int walk_child(struct walk *w, const struct level *l, const char *name, const char *record)
{
	size_t path_len = w->path_len;
	struct spec spec;
	int r = 0;

	if (spec_parse(record, &spec) < 0 || !spec_is_nested_in(&spec, l->spec))
		return note_damaged(w, l->dir, name);
	if (spec.transient)
		r = check_held(l->dir, name);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (text_append(w->path, sizeof(w->path), &w->path_len, "/") < 0 ||
	    text_append(w->path, sizeof(w->path), &w->path_len, name) < 0)
		return -ENAMETOOLONG;
	r = report(w, l->dir, name, &spec, &l->cgroups, l->depth);
	if (r == 0 && (w->flags & CONTAINER_WALK_RECURSIVE) && spec.nested) {
		autoclose int child =
			openat(l->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		/* Not to be listed by the caller: what is in it is not there. */
		if (child >= 0)
			r = walk_below(w, child, &spec, l->depth + 1);
		else
			r = errno == ENOENT || errno == EACCES ? 0 : -errno;
	}
	w->path_len = path_len;
	w->path[path_len] = '\0';
	return r;
}

/* The children's records, one by one. One that is gone meanwhile, or hidden from the caller, is left out. */
static int read_children(int dir, struct index *index)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = dir_open(dir, ".", &children);

	while ((name = object_next_child(children, &r))) {
		char link[NAME_SIZE + sizeof("/" OBJECT_SPEC)], record[SPEC_TEXT_SIZE];
		size_t len = 0;
		ssize_t n = -ENOENT;

		/* A name that is too long cannot be a container's. */
		if (text_append(link, sizeof(link), &len, name) == 0 &&
		    text_append(link, sizeof(link), &len, "/" OBJECT_SPEC) == 0)
			n = kernel_readlink(dir, link, record, sizeof(record));
		/* Gone meanwhile; if not, it is damaged. */
		if (n == -ENOENT && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n > 0 || object_lacks_record(n))
			r = index_add(index, name, n > 0 ? record : NO_RECORD);
		else if (n != -EACCES)
			r = (int)n;
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
	struct level level = {.dir = dir, .spec = spec, .depth = depth};
	const char *name, *record;
	size_t position = 0;
	int r = open_index(w, dir, spec->id, &index);

	if (r == 0 && (w->flags & CONTAINER_WALK_STATE))
		r = read_cgroups(w->h, spec, &level.cgroups);
	while (r == 0 && index_next(&index, &position, &name, &record))
		r = walk_child(w, &level, name, record);
	free(level.cgroups.id);
	return r;
}

/* Of the init container it is empty: names are added with a '/' before them. */
static int begin_path(struct walk *w, const struct object *o)
{
	int r = object_path(w->h, o->dir, w->path, sizeof(w->path));

	if (r < 0)
		return r;
	w->path_len = r == 1 ? 0 : (size_t)r;
	w->path[w->path_len] = '\0';
	return 0;
}

static int report_name(struct walk *w, int dir, const char *name, const char *record)
{
	struct container_info info = {
		.size = sizeof(info), .name = name, .path = "", .root = "", .exit_status = -1};

	if (text_parse_id(record, &info.id) > 0) {
		int r = spec_text_is_transient(record) ? check_held(dir, name) : 0;

		return r == 0 ? w->fn(&info, w->arg) : r == -ENOENT ? 0 : r;
	}
	return note_damaged(w, dir, name);
}

static int walk_names(struct walk *w, const struct object *o)
{
	autoindex struct index index = {0};
	const char *name, *record;
	size_t position = 0;
	int r = open_index(w, o->dir, o->spec.id, &index);

	while (r == 0 && index_next(&index, &position, &name, &record))
		r = report_name(w, o->dir, name, record);
	return damage_noted(w, r);
}

int walk_containers(const struct hierarchy *h, const struct object *o, unsigned int flags,
		    int (*fn)(const struct container_info *info, void *arg), void *arg)
{
	struct walk w = {.h = h, .flags = flags, .fn = fn, .arg = arg};
	bool self = flags & CONTAINER_WALK_SELF;
	int r;

	if (flags & CONTAINER_WALK_NAMES)
		return flags == CONTAINER_WALK_NAMES
			       ? walk_names(&w, o)
			       : error_set(-EINVAL, "names go with nothing else", NULL);
	r = begin_path(&w, o);
	if (r < 0)
		return r;
	r = self ? report(&w, o->dir, ".", &o->spec, NULL, 0) : 0;
	r = r ? r : walk_below(&w, o->dir, &o->spec, self ? 1 : 0);
	return damage_noted(&w, r);
}

/* Where container_stat() puts what walk reports of the one container. */
struct stat_target {
	struct container_info *info;
	char *buf;
	size_t size, len;
};

/* A text with its NUL, after those before it. */
static const char *stat_text(struct stat_target *t, const char *text)
{
	size_t n = strlen(text) + 1;
	char *at = t->buf + t->len;

	if (!t->buf)
		return "";
	if (n > t->size - t->len)
		return NULL;
	memcpy(at, text, n);
	t->len += n;
	return at;
}

static int stat_one(const struct container_info *info, void *arg)
{
	struct stat_target *t = arg;
	struct container_info copy = *info;

	copy.path = stat_text(t, info->path);
	copy.root = stat_text(t, info->root);
	if (!copy.path || !copy.root)
		return error_set(-ERANGE, "no room for its texts", NULL);
	copy.name = copy.path + name_parent_len(copy.path);
	*t->info = copy;
	return 1;
}

int walk_stat(const struct hierarchy *h, const struct object *o, unsigned int flags,
	      struct container_info *ret_info, char *buf, size_t size)
{
	struct stat_target target = {.info = ret_info, .buf = buf, .size = buf ? size : 0};
	struct walk w = {.h = h, .flags = flags, .fn = stat_one, .arg = &target};
	int r = buf ? begin_path(&w, o) : 0;

	if (r < 0)
		return r;
	r = report(&w, o->dir, ".", &o->spec, NULL, 0);
	/* report() passes over one that was removed in this moment. */
	return r == 0 ? -ENOENT : r < 0 ? r : 0;
}
