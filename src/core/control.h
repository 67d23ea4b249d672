/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Acting on a container's tasks by its cgroup: kill, freeze, wait, list.
 */
#pragma once

#include "object.h"

int control_kill(const struct hierarchy *h, const struct object *o, int sig);
int control_freeze(const struct hierarchy *h, const struct object *o, bool frozen);
/*
 * -EBUSY if the cgroup is frozen. A task or an agent that is born frozen would not come to the end of
 * its start, nor would the caller who waits for that, with a lock in his hands.
 */
int control_check_not_frozen(int cgroup);

int control_wait(const struct hierarchy *h, const struct object *o, int timeout);
int control_wait_fd(const struct hierarchy *h, const struct object *o);

/* Its cgroup directory, as an fd; -ENOENT: it has had no task yet. */
int control_cgroup(const struct hierarchy *h, const struct object *o);

/* The same, made if need be: h is open for writing. */
int control_make_cgroup(const struct hierarchy *h, const struct object *o);

ssize_t control_tasks(const struct hierarchy *h, const struct object *o, pid_t *pids, size_t n);

/*
 * What the container is doing, and how its last init has ended, or -1; dir alone is used of an object whose
 * cgroup is not there.
 */
int control_state(const struct hierarchy *h, const struct object *o,
		  enum container_state *ret_state, int *ret_status);
