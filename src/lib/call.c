/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "error.h"
#include "record.h"

void call_end(struct call *c)
{
	hierarchy_close(&c->h);
}

ssize_t call_done(ssize_t r, const char *step, const char *object)
{
	if (r >= 0)
		return r;
	error_default((int)r, step, NULL);
	if (object)
		error_object(object);
	errno = (int)-r;
	return -1;
}

int call_open(struct call *c, enum hierarchy_use use)
{
	hierarchy_init(&c->h);
	c->o = (struct object){.dir = -EBADF};
	error_clear();
	return hierarchy_open(&c->h, use);
}

int call_check_fds(const int *fds, size_t count, bool none_allowed)
{
	for (size_t i = 0; i < count; i++)
		if (!(none_allowed && fds[i] == -1) && fcntl(fds[i], F_GETFD) < 0)
			return error_set(-EBADF, "not an open fd", NULL);
	return 0;
}

/* A removed container has no record; what was never one has none either. */
int call_record_error(int r)
{
	if (r == -EUCLEAN)
		return error_default(
			r, "its record is damaged; container check tells what can be done", NULL);
	return error_set(r == -EINVAL || r == -ENOTDIR ? -EBADF : r, "not a container, or removed",
			 NULL);
}

int call_load(int container, struct spec *ret_spec)
{
	int r;

	error_clear();
	r = container < 0 ? -EBADF : object_load(container, ret_spec);
	return r < 0 ? call_record_error(r) : 0;
}

/* What call_load() says then. What could not be read for another reason is not damaged. */
static bool lacks_record(int r)
{
	return r == -ENOENT || r == -EBADF || r == -ENAMETOOLONG;
}

/* r: why it has no record. In the tree a container has one; removed, or never one, it has none. */
static int without_record(struct call *c, int container, int r)
{
	struct container_error error = *error_last();
	struct stat st;
	bool is_ours = lacks_record(r) && container >= 0 && fstat(container, &st) == 0 &&
		       S_ISDIR(st.st_mode) && call_open(c, HIERARCHY_LOOK) == 0 &&
		       object_check_place(&c->h, container, NULL) == 0;

	if (is_ours)
		return record_damaged(container, OBJECT_SPEC);
	error_copy(&error);
	return r;
}

/* Of a container in an open hierarchy: -EUCLEAN if its own record is damaged, or another's. */
static int check_record(struct call *c, int container, const struct spec *spec)
{
	int r = object_check_place(&c->h, container, spec->cgroup);

	c->o = (struct object){.dir = container, .spec = *spec};
	/* In the tree, but elsewhere: the record is another container's. */
	if (r == -ENOENT && object_check_place(&c->h, container, NULL) == 0)
		return record_damaged(container, OBJECT_SPEC);
	return r ? r : object_check_own(&c->h, container, spec);
}

int call_look_again(struct call *c, int container)
{
	struct spec spec;
	int r = call_load(container, &spec);

	if (lacks_record(r) && object_check_place(&c->h, container, NULL) == 0)
		return record_damaged(container, OBJECT_SPEC);
	return r ? r : check_record(c, container, &spec);
}

/* The fd is looked at before any of ours is opened, which could get the number of a closed one. */
int call_begin(struct call *c, int container, enum hierarchy_use use)
{
	struct spec spec;
	int r;

	hierarchy_init(&c->h);
	r = call_load(container, &spec);
	if (r < 0)
		return r == -EUCLEAN ? r : without_record(c, container, r);
	r = call_open(c, use);
	c->o = (struct object){.dir = container, .spec = spec};
	return r ? r : check_record(c, container, &spec);
}
