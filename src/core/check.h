/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at all that stands in the state directory, in the vault and below the hierarchy's cgroup, for what
 * is damaged, belongs to nobody, or is told to others. Nothing that is found is acted upon but to mend it.
 */
#pragma once

#include <containerfs/container.h>

/*
 * fn is called for each finding. With CONTAINER_CHECK_REPAIR what can be mended is, while no other operation
 * is under way: -EBUSY.
 */
int check_state(unsigned int flags, int (*fn)(const struct container_problem *, void *), void *arg);
