/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exported calls on whose a container is, and which is above which. */
#include <containerfs/container.h>

#include <errno.h>

#include "access.h"
#include "call.h"
#include "error.h"
#include "guard.h"
#include "lock.h"

EXPORT int container_get_access(int container, struct container_access *ret_access)
{
	uint64_t id;
	int r;

	error_clear();
	/* No more of its record than tells that it is there: a file server asks this all the time. */
	r = container < 0 ? -EBADF : object_read_id(container, &id);
	r = r < 0 ? call_record_error(r) : 0;
	if (r == 0 && ret_access->size != sizeof(*ret_access))
		r = error_set(-EINVAL, "unknown size", NULL);
	return (int)call_done(r ? r : access_load(container, ret_access), "read owner", NULL);
}

EXPORT int container_set_access(int container, const struct container_access *access)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_SWEEP);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	if (r == 0 && access->size != sizeof(*access))
		r = error_set(-EINVAL, "unknown size", NULL);
	r = r ? r : lock_take(c.h.lock, c.o.spec.id, LOCK_EXCLUSIVE);
	/* It may have been removed before the lock was had. */
	r = r ? r : call_load(container, &c.o.spec);
	if (r == 0 && c.o.spec.transient)
		r = access_refuse();
	r = r ? r : guard_ask_container();
	return (int)call_done(r ? r : access_store(container, access), "set owner", NULL);
}

EXPORT int container_contains(int above, int below)
{
	struct spec upper, lower;
	int r = call_load(above, &upper);

	r = r ? r : call_load(below, &lower);
	r = r ? r : object_chain_within(lower.cgroup, upper.cgroup);
	return (int)call_done(r, "compare", NULL);
}
