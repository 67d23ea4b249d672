/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's cgroup in a directory that somebody else manages: his limits and accounting are that
 * container's, too. The container's own cgroup, called by its id as everywhere, is made inside, so
 * that what is killed, frozen, listed and removed is never anything else of the manager's.
 */
#pragma once

#include "object.h"

/* fd: the directory. -EBUSY: there are tasks, or limits. -ENOTEMPTY: there are nested containers. */
int adopt_cgroup(const struct hierarchy *h, struct object *o, int fd);
