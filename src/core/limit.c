/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allot.h"
#include "cgroup.h"
#include "cleanup.h"
#include "controllers.h"
#include "error.h"
#include "guard.h"
#include "kernel.h"
#include "lock.h"
#include "record.h"
#include "text.h"

bool limit_is_set(const struct object *o)
{
	return faccessat(o->dir, OBJECT_LIMITS, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int limit_check(const char *text)
{
	char file[LIMIT_NAME_SIZE], value[LIMIT_LIST_SIZE];

	while (*text)
		if (!limit_list_next(&text, file, value))
			return -EUCLEAN;
	return 0;
}

/* Nobody starts a task with less than all limits: what is no list is not a short one. */
int limit_load(const struct object *o, char list[LIMIT_LIST_SIZE])
{
	ssize_t n = record_read(o->dir, OBJECT_LIMITS, list, LIMIT_LIST_SIZE);

	if (n >= 0)
		return limit_check(list) < 0 ? record_damaged(o->dir, OBJECT_LIMITS) : 0;
	list[0] = '\0';
	return n == -ENOENT ? 0 : error_default((int)n, "read its limits", NULL);
}

static int store(const struct object *o, const char *list)
{
	int r;

	if (list[0])
		r = record_write(o->dir, OBJECT_LIMITS, list);
	else
		r = unlinkat(o->dir, OBJECT_LIMITS, 0) < 0 && errno != ENOENT ? -errno : 0;
	return r < 0 ? error_set(r, "record limit", NULL) : 0;
}

static int refused(int r, const char *file, const char *value)
{
	char step[LIMIT_NAME_SIZE + 48] = "the kernel does not take this value for ";
	size_t len = strlen(step);

	text_append(step, sizeof(step), &len, file);
	return error_set(r, step, value);
}

/* The controller is switched on if its file is not there. */
static int write_limit(const struct hierarchy *h, const struct object *o, int cgroup,
		       const char *file, const char *value)
{
	char controller[LIMIT_NAME_SIZE];
	int r = kernel_write_file(cgroup, file, value);

	if (r == -ENOENT) {
		limit_controller(file, controller);
		r = controllers_enable(h, o, controller);
		if (r < 0)
			return r;
		r = kernel_write_file(cgroup, file, value);
	}
	if (r == -ENOENT)
		return error_set(-EOPNOTSUPP, "the kernel has no such limit", file);
	return r < 0 ? refused(r, file, value) : 0;
}

static int write_list(const struct hierarchy *h, const struct object *o, int cgroup,
		      const char *list)
{
	char file[LIMIT_NAME_SIZE], value[LIMIT_LIST_SIZE];
	int r = 0;

	while (r == 0 && limit_list_next(&list, file, value))
		if (!allot_is(file))
			r = write_limit(h, o, cgroup, file, value);
	return r;
}

/*
 * Whoever makes the cgroup of a container above its own has no lock of that container: if its limits are
 * set meanwhile, the new ones are written once more by one of both.
 */
static int apply(const struct hierarchy *h, const struct object *o, int cgroup)
{
	char list[LIMIT_LIST_SIZE], again[LIMIT_LIST_SIZE];
	int r = limit_load(o, list);

	while (r == 0 && list[0]) {
		r = write_list(h, o, cgroup, list);
		r = r ? r : limit_load(o, again);
		if (r < 0 || strcmp(list, again) == 0)
			break;
		memcpy(list, again, sizeof(list));
	}
	return r;
}

static int make_above(const struct hierarchy *h, const struct object *o)
{
	autoobject struct object parent = {.dir = -EBADF};
	int above, r = object_open_parent(o, &parent);

	above = r < 0 ? r : limit_make_cgroup(h, &parent);
	if (above < 0)
		return above;
	close(above);
	return 0;
}

static int make_cgroup(const struct hierarchy *h, const struct object *o)
{
	char path[PATH_SIZE];
	int fd, r = object_cgroup_path(h, &o->spec, path);

	if (r == 0 && object_is_root(o))
		return object_open_cgroup(h, o);
	/* One that a single command brings and takes with it is not there yet. */
	fd = r == 0 && !o->spec.transient ? object_open_cgroup(h, o) : -ENOENT;
	if (fd >= 0)
		return fd;
	r = r ? r : cgroup_make(h->cgroup, path);
	/* Usually only the last one is missing. What was adopted is not ours to make. */
	if (r == -ENOENT && object_has_parent(o)) {
		r = make_above(h, o);
		r = r ? r : cgroup_make(h->cgroup, path);
	}
	if (r < 0)
		return error_default(
			r,
			r == -ENOENT && o->spec.adopted
				? "make cgroup in the one that was adopted, which is gone"
				: "make cgroup",
			path);
	fd = openat(h->cgroup, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set(-errno, "open cgroup", path) : fd;
}

int limit_make_cgroup(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = make_cgroup(h, o);
	int r = cgroup < 0 ? cgroup : apply(h, o, cgroup);

	return r < 0 ? r : take_fd(&cgroup);
}

int limit_make_tasks(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = limit_make_cgroup(h, o);
	int leaf, r;

	if (cgroup < 0 || !o->spec.leaf)
		return take_fd(&cgroup);
	r = cgroup_make(cgroup, OBJECT_LEAF);
	if (r < 0)
		return error_set(r, "make cgroup", OBJECT_LEAF);
	leaf = openat(cgroup, OBJECT_LEAF, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return leaf < 0 ? error_set(-errno, "open cgroup", OBJECT_LEAF) : leaf;
}

/*
 * Before a container gets a limit those above it have their tasks in leaves, by their records: whoever
 * starts one after that puts it there. Tasks that are there already are moved when it is needed. Locks
 * are taken from the outermost on, as everywhere.
 */
static int use_leaves_above(const struct hierarchy *h, const struct object *o)
{
	autoobject struct object parent = {.dir = -EBADF};
	int r;

	if (!object_has_parent(o))
		return 0;
	r = object_open_parent(o, &parent);
	r = r ? r : use_leaves_above(h, &parent);
	r = r ? r
	      : lock_take(h->lock, parent.spec.id, parent.spec.leaf ? LOCK_SHARED : LOCK_EXCLUSIVE);
	r = r ? r : object_load(parent.dir, &parent.spec);
	if (r < 0 || parent.spec.leaf)
		return r;
	parent.spec.leaf = true;
	return object_store(parent.dir, &parent.spec);
}

/* The controller is there, and the file; it is one to be read and written. */
static int check_file(const struct hierarchy *h, const struct object *o, int cgroup,
		      const char *file)
{
	char controller[LIMIT_NAME_SIZE];
	struct stat st;
	int r = fstatat(cgroup, file, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

	if (r == -ENOENT) {
		limit_controller(file, controller);
		r = controllers_enable(h, o, controller);
		if (r == 0 && fstatat(cgroup, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = error_set(errno == ENOENT ? -EOPNOTSUPP : -errno,
				      "the kernel has no such limit", NULL);
	}
	if (r == 0 && (!S_ISREG(st.st_mode) || (st.st_mode & 0600) != 0600))
		r = error_set(-EINVAL, "it is not for reading and writing: not a limit", NULL);
	return r;
}

/*
 * As it is now, to be written again: without what the kernel adds for people, "root invalid (...)", and
 * nothing if it limits nothing.
 */
static int read_back(int cgroup, const char *file, char lines[LIMIT_LIST_SIZE])
{
	ssize_t n = kernel_read_file(cgroup, file, lines, LIMIT_LIST_SIZE);
	char *remark;

	if (n < 0)
		return error_set((int)n, "read limit", NULL);
	remark = strstr(lines, " invalid");
	if (remark)
		*remark = '\0';
	if (strncmp(lines, "max", 3) == 0)
		lines[0] = '\0';
	return 0;
}

/* The kernel is asked first: what it refuses is not recorded. */
static int set_locked(const struct hierarchy *h, const struct object *o, const char *file,
		      const char *value)
{
	char list[LIMIT_LIST_SIZE], lines[LIMIT_LIST_SIZE];
	autoclose int cgroup = make_cgroup(h, o);
	int r = cgroup < 0 ? cgroup : check_file(h, o, cgroup, file);

	r = r ? r : write_limit(h, o, cgroup, file, value);
	r = r ? r : read_back(cgroup, file, lines);
	r = r ? r : limit_load(o, list);
	if (r < 0)
		return r;
	r = limit_list_put(list, file, lines);
	r = r < 0 ? error_set(r, "too many limits", NULL) : store(o, list);
	return r ? r : apply(h, o, cgroup);
}

/* A limit whose controller is there no more, as missing says: nothing but the record is left of it. */
static int forget(const struct hierarchy *h, struct object *o, const char *file, int missing)
{
	char list[LIMIT_LIST_SIZE], value[LIMIT_LIST_SIZE];
	int r = lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);

	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	r = r ? r : limit_load(o, list);
	if (r < 0)
		return r;
	if (limit_list_get(list, file, value, sizeof(value)) <= 0)
		return missing;
	limit_list_put(list, file, "");
	return store(o, list);
}

/* One of ours: nothing but the record. "max" is recorded, too: it is not what is usual. */
static int set_allotment(const struct hierarchy *h, struct object *o, const char *file,
			 const char *value)
{
	char list[LIMIT_LIST_SIZE];
	int r = allot_check(file, value);

	r = r ? r : lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : limit_load(o, list);
	if (r < 0)
		return r;
	r = limit_list_put(list, file, strcmp(value, "default") == 0 ? "" : value);
	return r < 0 ? error_set(r, "too many limits", NULL) : store(o, list);
}

static int check(const struct hierarchy *h, const struct object *o, const char *file,
		 const char *value, char expanded[LIMIT_LIST_SIZE])
{
	const char *why = limit_name_error(file);
	int r;

	if (why)
		return error_set(-EINVAL, why, NULL);
	r = limit_expand(value, expanded, LIMIT_LIST_SIZE);
	if (r < 0)
		return error_set(r, r == -ERANGE ? "too large" : "not a value of one line", NULL);
	r = object_check_below_caller(h, o);
	if (r == 0 && (object_is_root(o) || strcmp(o->spec.cgroup, h->caller) == 0))
		return error_set(-EPERM, "a container is limited from above, not by itself", NULL);
	return r;
}

int limit_set(const struct hierarchy *h, struct object *o, const char *file, const char *value)
{
	char expanded[LIMIT_LIST_SIZE], controller[LIMIT_NAME_SIZE];
	int r = check(h, o, file, value, expanded);

	if (r < 0)
		return r;
	if (allot_is(file))
		return set_allotment(h, o, file, expanded);
	limit_controller(file, controller);
	r = controllers_check(h, o, controller);
	if (r == -EOPNOTSUPP && strncmp(expanded, "max", 3) == 0)
		return forget(h, o, file, r);
	r = r ? r : use_leaves_above(h, o);
	r = r ? r : lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	return r ? r : set_locked(h, o, file, expanded);
}

/* Of the cgroup, or if there is none now, what will be written to it. */
static ssize_t in_force(const struct hierarchy *h, const struct object *o, const char *file,
			const char *list, char *buf, size_t size)
{
	autoclose int cgroup = object_open_cgroup(h, o);
	ssize_t n = cgroup < 0 ? -ENOENT : kernel_read_file(cgroup, file, buf, size);

	return n == -ENOENT || n == -ENODEV ? limit_list_get(list, file, buf, size) : n;
}

int limit_get(const struct hierarchy *h, const struct object *o, const char *file, char *buf,
	      size_t size)
{
	const char *why = file ? limit_name_error(file) : NULL;
	char list[LIMIT_LIST_SIZE];
	ssize_t n;
	int r;

	if (why)
		return error_set(-EINVAL, why, NULL);
	r = limit_load(o, list);
	if (r < 0)
		return r;
	if (!file) {
		r = allot_list(h, o, list);
		if (r < 0)
			return error_default(r, "list its limits", NULL);
		if (strlen(list) >= size)
			return error_set(-ERANGE, "no room for its limits", NULL);
		memcpy(buf, list, strlen(list) + 1);
		return (int)strlen(list);
	}
	n = allot_is(file) ? allot_get(h, o, file, buf, size)
			   : in_force(h, o, file, list, buf, size);
	if (n == -E2BIG || n == -ERANGE)
		return error_set(-ERANGE, "no room for the limit", NULL);
	if (n == 0)
		return error_set(-ENODATA, "there is no such limit", NULL);
	return n < 0 ? error_set((int)n, "read limit", NULL) : (int)n;
}
