/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listing: what stands in the tree, without a lock.
 */
#pragma once

#include "object.h"

int walk_containers(const struct hierarchy *h, const struct object *o, unsigned int flags,
		    int (*fn)(const struct container_info *info, void *arg), void *arg);

/*
 * The one container itself; its texts in buf, -ERANGE if that is too small; NULL: all empty. The
 * hierarchy's cgroup is looked at only for the state.
 */
int walk_stat(const struct hierarchy *h, const struct object *o, unsigned int flags,
	      struct container_info *ret_info, char *buf, size_t size);
