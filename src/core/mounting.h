/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts of a running container, changed from outside by an agent that has joined its mount namespace,
 * and none other of its namespaces: no task of the container sees the agent, and it has the privilege
 * of the caller. Paths are resolved in the container's root.
 */
#pragma once

#include "object.h"

/*
 * Attach a detached mount. propagates: it keeps its propagation, else it and all mounted below become
 * slaves of what they are copies of.
 */
int mounting_attach(const struct hierarchy *h, const struct object *o, int mnt, const char *path,
		    bool propagates);

/* flags: those of umount2(2). */
int mounting_detach(const struct hierarchy *h, const struct object *o, const char *path, int flags);

/* A detached mount becomes the root of a container made without one. Locks it. */
int mounting_set_root(const struct hierarchy *h, struct object *o, int mnt, bool recursive);

/* What container_mounts() promises. */
int mounting_list(const struct hierarchy *h, const struct object *o,
		  int (*fn)(const struct container_mount *mount, void *arg), void *arg);
