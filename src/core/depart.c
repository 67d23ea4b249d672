/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "depart.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "leave.h"
#include "text.h"

void depart_init(struct departure *d)
{
	d->top = -EBADF;
	d->allowed = false;
}

void depart_close(struct departure *d)
{
	close_fd(&d->top);
}

/* Where the tasks of a container are. */
static int path_of(const struct hierarchy *h, const struct spec *spec, char path[PATH_SIZE])
{
	char relative[PATH_SIZE];
	size_t len = 0;
	int r = object_cgroup_path(h, spec, relative);

	if (r < 0)
		return r;
	/* What was adopted is told by "../PATH". */
	if (!spec->adopted) {
		r = text_append(path, PATH_SIZE, &len, "/");
		r = r ? r : text_append(path, PATH_SIZE, &len, h->cgroup_name);
		r = r ? r : text_append(path, PATH_SIZE, &len, "/");
	}
	r = r ? r : text_append(path, PATH_SIZE, &len, relative + (spec->adopted ? 2 : 0));
	if (r == 0 && spec->leaf)
		r = text_append(path, PATH_SIZE, &len, "/" OBJECT_LEAF);
	return r;
}

static int find_from(const struct hierarchy *h, const char *path, const char *searched,
		     struct departure *d)
{
	autoobject struct object o = {.dir = -EBADF};
	int r;

	if (!searched) {
		memcpy(d->from, path, strlen(path) + 1);
		return 0;
	}
	r = object_find_cgroup(h, searched, &o);
	return r < 0 ? r : path_of(h, &o.spec, d->from);
}

static int refused(const char *what)
{
	return error_set(-EPERM, "it would leave what limits it behind", what);
}

static unsigned int depth_below(const char *path, size_t common)
{
	unsigned int depth = 0;

	for (const char *s = path + common; *s; s++)
		depth += *s == '/' && s[1] != '\0';
	return depth;
}

static int ask_for_right(const struct departure *d, const struct depart_asked *asked,
			 const char *what)
{
	size_t common = leave_common(d->from, d->to), len = common + 1;
	char file[PATH_SIZE] = ".";
	autoclose int procs = -EBADF;
	int r;

	memcpy(file + 1, d->from, common < sizeof(file) - 2 ? common : 0);
	file[len] = '\0';
	r = text_append(file, sizeof(file), &len, "/cgroup.procs");
	procs = r < 0 ? r : openat(d->top, file, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (procs < 0)
		return error_set(r ? r : -errno, "open its cgroup", d->from);
	r = asked->ask(asked->arg, procs, depth_below(d->from, common));
	if (r == -EPERM || r == -EACCES)
		return refused(what);
	return r < 0 ? error_set(r, "ask who may move it", NULL) : 0;
}

int depart_begin(const struct hierarchy *h, const struct object *o, const char *path,
		 const char *searched, const struct depart_asked *asked, struct departure *ret_d)
{
	char what[LIMIT_NAME_SIZE];
	int r = find_from(h, path, searched, ret_d);

	r = r ? r : path_of(h, &o->spec, ret_d->to);
	if (r < 0)
		return error_set(r, "find its cgroup", path);
	ret_d->top = openat(h->cgroup, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret_d->top < 0)
		return error_set(-errno, "open cgroup", "..");
	r = leave_limits(ret_d->top, ret_d->from, ret_d->to, what);
	if (r < 0)
		return error_set(r, "look at its cgroup", ret_d->from);
	if (r == 0)
		return 0;
	r = ask_for_right(ret_d, asked, what);
	ret_d->allowed = r == 0;
	return r;
}

int depart_check(const struct departure *d)
{
	char what[LIMIT_NAME_SIZE];
	int r;

	if (d->top < 0 || d->allowed)
		return 0;
	r = leave_limits(d->top, d->from, d->to, what);
	if (r > 0)
		return refused(what);
	return r < 0 ? error_set(r, "look at its cgroup", d->from) : 0;
}
