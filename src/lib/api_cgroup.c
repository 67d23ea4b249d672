/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exported calls on a container's cgroup: the directory, limits, and whose directory it is in. */
#include <containerfs/container.h>

#include <errno.h>

#include "adopt.h"
#include "call.h"
#include "control.h"
#include "error.h"
#include "limit.h"

EXPORT int container_cgroup(int container)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_READ);

	if (r < 0)
		return (int)call_done(r, "open cgroup", NULL);
	r = control_cgroup(&c.h, &c.o);
	/* It has none yet: only for making it must others be waited for. */
	if (r == -ENOENT) {
		hierarchy_close(&c.h);
		r = hierarchy_open(&c.h, HIERARCHY_WRITE);
		r = r ? r : control_make_cgroup(&c.h, &c.o);
	}
	return (int)call_done(r, "open cgroup", NULL);
}

EXPORT int container_adopt_cgroup(int container, int fd)
{
	autocall struct call c;
	int r = call_check_fds(&fd, 1, false);

	hierarchy_init(&c.h);
	r = r ? r : call_begin(&c, container, HIERARCHY_SWEEP);
	return (int)call_done(r ? r : adopt_cgroup(&c.h, &c.o, fd), "adopt cgroup", NULL);
}

EXPORT int container_set_limit(int container, const char *file, const char *value)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_SWEEP);

	return (int)call_done(r ? r : limit_set(&c.h, &c.o, file, value), "set limit", file);
}

EXPORT ssize_t container_get_limit(int container, const char *file, char *buf, size_t size)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	if (r == 0 && file)
		r = hierarchy_open_cgroup(&c.h);
	return call_done(r ? r : limit_get(&c.h, &c.o, file, buf, size), "read limit", file);
}
