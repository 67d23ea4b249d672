/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Controllers of cgroup v2: one acts in a cgroup if it is switched on in all those above it. Where the
 * tasks are does not matter to one at the top; above a nested container there are tasks of containers,
 * and cgroup v2 wants those in leaves first.
 */
#pragma once

#include "limittext.h"
#include "object.h"

/* Whether there is such a controller: -EOPNOTSUPP as below. Nothing is changed. */
int controllers_check(const struct hierarchy *h, const struct object *o, const char *controller);

/*
 * Switch a controller on in all cgroups above that of o, which need not be there yet. The containers
 * above must have their tasks in leaves by their records (spec.leaf); those that are not there yet are
 * moved. -EOPNOTSUPP: there is no such controller here; the error says why, and what to do. -EBUSY: a
 * cgroup above has processes that are not a container's, or fork faster than they can be moved.
 */
int controllers_enable(const struct hierarchy *h, const struct object *o, const char *controller);

/* When the hierarchy of the state directory dir is taken down: top is the topmost cgroup of the mount. */
void controllers_disable(int dir, int top);
