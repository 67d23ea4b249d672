/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "ended.h"
#include "error.h"
#include "guard.h"
#include "kernel.h"
#include "kill.h"
#include "limit.h"
#include "lock.h"

#define FREEZE_TIMEOUT 2000 /* ms */

static int check_target(const struct hierarchy *h, const struct object *o)
{
	int r = object_check_below_caller(h, o);

	if (r == 0 && object_is_root(o))
		return error_set(-EPERM, "not for the init container", NULL);
	return r;
}

int control_kill(const struct hierarchy *h, const struct object *o, int sig)
{
	autoclose int cgroup = -EBADF;
	struct cgroup_events events;
	int r = check_target(h, o);

	if (r < 0)
		return r;
	if (sig < 0 || sig > SIGRTMAX)
		return error_set(-EINVAL, "not a signal", NULL);
	cgroup = object_open_cgroup(h, o);
	if (cgroup < 0)
		return error_set(cgroup == -ENOENT ? -ESRCH : cgroup, "it has no task", NULL);
	r = cgroup_read_events(cgroup, &events);
	if (r < 0 && r != -ENODEV)
		return r;
	if (r < 0 || !events.populated)
		return error_set(-ESRCH, "it has no task", NULL);
	r = guard_ask_soon(h, o);
	if (r < 0)
		return r;
	error_clear();
	r = sig == SIGKILL ? kill_all(h, &o->spec, cgroup, KILL_TIMEOUT)
			   : kill_signal(h, &o->spec, cgroup, sig);
	return r < 0 ? error_default(r, "signal", NULL) : 0;
}

/*
 * The lock: a container that is being removed must not get its cgroup back, and a task that is being
 * started is not to be caught half-way.
 */
static int freeze_locked(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = -EBADF;
	struct spec spec;
	int r = lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);

	r = r ? r : object_load(o->dir, &spec);
	r = r ? r : guard_ask_container();
	if (r < 0)
		return r;
	cgroup = limit_make_cgroup(h, o);
	if (cgroup < 0)
		return cgroup;
	r = cgroup_freeze(cgroup, true);
	if (r < 0)
		return error_set(r, "freeze", NULL);
	/* Who watches it may not know of its cgroup yet. */
	utimensat(o->dir, ".", NULL, 0);
	return take_fd(&cgroup);
}

/* Whoever holds the lock may be waiting for a task that is frozen. */
static int thaw(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = object_open_cgroup(h, o);
	int r = cgroup < 0 ? cgroup : guard_ask_soon(h, o);

	r = r ? r : cgroup_freeze(cgroup, false);

	return r < 0 ? error_set(r, "thaw", NULL) : take_fd(&cgroup);
}

int control_freeze(const struct hierarchy *h, const struct object *o, bool frozen)
{
	autoclose int cgroup = -EBADF;
	int r = check_target(h, o);

	if (r < 0)
		return r;
	cgroup = frozen ? freeze_locked(h, o) : thaw(h, o);
	if (cgroup < 0)
		return cgroup == -ENOENT && !frozen ? 0 : take_fd(&cgroup);
	r = cgroup_wait(cgroup, true, frozen, FREEZE_TIMEOUT);
	if (r == -ETIMEDOUT)
		return error_set(-EBUSY,
				 frozen ? "some task does not stop" : "a container above is frozen",
				 NULL);
	return r;
}

int control_check_not_frozen(int cgroup)
{
	struct cgroup_events events;
	int r = cgroup_read_events(cgroup, &events);

	if (r < 0)
		return error_set(r, "read cgroup.events", NULL);
	return events.frozen ? error_set(-EBUSY, "it is frozen; thaw it first", NULL) : 0;
}

int control_wait(const struct hierarchy *h, const struct object *o, int timeout)
{
	autoclose int cgroup = -EBADF;
	int r = check_target(h, o);

	if (r < 0)
		return r;
	cgroup = object_open_cgroup(h, o);
	if (cgroup < 0)
		return cgroup == -ENOENT ? 0 : cgroup;
	r = cgroup_wait(cgroup, false, false, timeout);
	return r < 0 ? error_set(r, "wait", NULL) : 0;
}

/*
 * The cgroup, made if it is not there yet. As freeze_locked(): one that is being removed must not get
 * it back.
 */
static int make_cgroup_locked(const struct hierarchy *h, const struct object *o)
{
	struct spec spec;
	int r = object_is_root(o) ? 0 : lock_take(h->lock, o->spec.id, LOCK_SHARED);

	r = r ? r : object_load(o->dir, &spec);
	return r ? r : limit_make_cgroup(h, o);
}

int control_wait_fd(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = -EBADF;
	int r = check_target(h, o);

	r = r ? r : (cgroup = make_cgroup_locked(h, o));
	return r < 0 ? r : cgroup_open_events(cgroup);
}

static int open_dir(int cgroup)
{
	int dir = openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? error_set(-errno, "open cgroup", NULL) : dir;
}

int control_cgroup(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = -EBADF;
	int r = object_check_below_caller(h, o);

	r = r ? r : (cgroup = object_open_cgroup(h, o));
	return r < 0 ? r : open_dir(cgroup);
}

int control_make_cgroup(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = make_cgroup_locked(h, o);

	return cgroup < 0 ? cgroup : open_dir(cgroup);
}

ssize_t control_tasks(const struct hierarchy *h, const struct object *o, pid_t *pids, size_t n)
{
	ssize_t count = check_target(h, o);

	if (count < 0)
		return count;
	count = object_tasks(h, o, pids, n);
	return count == -ENOENT ? 0 : count;
}

int control_state(const struct hierarchy *h, const struct object *o,
		  enum container_state *ret_state, int *ret_status)
{
	char path[PATH_SIZE];
	struct cgroup_events events = {0};
	int r = object_cgroup_path(h, &o->spec, path);

	r = r ? r : cgroup_read_events_of(h->cgroup, path, &events);
	if (r < 0 && r != -ENODEV && r != -ENOENT)
		return r;
	if (!events.frozen && !events.populated)
		return ended_state(o, ret_state, ret_status);
	*ret_status = -1;
	*ret_state = events.frozen ? CONTAINER_FROZEN : CONTAINER_RUNNING;
	return 0;
}
