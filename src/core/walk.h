/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listing: what stands in the tree, without a lock.
 */
#pragma once

#include "object.h"

int walk_containers(const struct hierarchy *h, const struct object *o, unsigned int flags,
		    int (*fn)(const struct container_info *info, void *arg), void *arg);
