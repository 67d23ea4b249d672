/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

#include <errno.h>
#include <time.h>

#include "error.h"
#include "lock.h"

#define SOON 1000 /* ms; a change of owner holds the lock for some microseconds */

/* An agent has the thread-local variables of the thread that it works for. */
static _Thread_local struct {
	int (*fn)(const struct container_guarded *what, void *arg);
	void *arg;
} guard;

void guard_set(int (*fn)(const struct container_guarded *what, void *arg), void *arg)
{
	guard.fn = fn;
	guard.arg = arg;
}

void guard_pause(struct guard_pause *ret_pause)
{
	ret_pause->fn = guard.fn;
	guard.fn = NULL;
}

void guard_resume(const struct guard_pause *pause)
{
	guard.fn = pause->fn;
}

bool guard_is_set(void)
{
	return guard.fn;
}

int guard_ask(const struct container_guarded *what)
{
	int r = guard.fn ? guard.fn(what, guard.arg) : 0;

	return r < 0 ? error_set(r, "not allowed now", NULL) : r;
}

int guard_ask_container(void)
{
	const struct container_guarded what = {.size = sizeof(what)};
	int r = guard_ask(&what);

	return r < 0 ? r : 0;
}

int guard_lock_parent(const struct hierarchy *h, const struct object *o)
{
	autoobject struct object parent = {.dir = -EBADF};
	int r = guard.fn && !object_is_root(o) ? object_open_parent(o, &parent) : 0;

	if (r < 0 || parent.dir < 0)
		return r;
	return lock_take(h->lock, parent.spec.id, LOCK_SHARED);
}

int guard_ask_soon(const struct hierarchy *h, const struct object *o)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	int r = guard.fn && h->lock >= 0 ? -EAGAIN : 0;

	for (int i = 0; r == -EAGAIN && i < SOON; i++) {
		r = lock_try(h->lock, o->spec.id, LOCK_SHARED);
		if (r == -EAGAIN)
			nanosleep(&ms, NULL);
	}
	/* Whoever has had it for so long does not change the owner. */
	return r < 0 && r != -EAGAIN ? r : guard_ask_container();
}
