/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reaching into a container from outside: fds that are made in its namespaces by an agent and left to
 * the caller, whose own namespaces never change.
 */
#pragma once

#include "object.h"

/* A socket in its network namespace. h may be opened as HIERARCHY_PINS if way_is_short(). */
int reach_socket(const struct hierarchy *h, const struct object *o, int domain, int type,
		 int protocol);

/*
 * Its root directory as an O_PATH fd, through which all that is mounted there is seen. -ENOENT: it has
 * no root yet.
 */
int reach_root(const struct hierarchy *h, const struct object *o);

/*
 * The same of the whole mount namespace: they differ for a caller who is in a chroot, and in the container's
 * mount namespace. It keeps that one mount, not the namespace.
 */
int reach_top(const struct hierarchy *h, const struct object *o);

/* A file system context (fsopen(2)) made in its namespaces; close-on-exec. */
int reach_fsopen(const struct hierarchy *h, const struct object *o, const char *fsname);

/* Its mount table as its root shows it: an open mountinfo, which stays as good as the namespace. */
int reach_mountinfo(const struct hierarchy *h, const struct object *o);
