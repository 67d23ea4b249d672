/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making containers, and making or changing their namespaces and root while they have no task.
 */
#pragma once

#include "object.h"
#include "root.h"

/*
 * name NULL: container_N. access: whose it is from the first moment on; NULL: root's. Returns the object,
 * which the caller closes.
 */
int make_container(const struct hierarchy *h, const struct object *parent, const char *name,
		   unsigned int flags, const struct container_access *access, struct object *ret_o);

/*
 * Make own namespaces of these types (CLONE_NEW*, no pid) for a container without tasks, and pin
 * them. What was pinned before, in the places that the record names, is replaced. root: for a mount
 * namespace. uts: what a new uts namespace is a copy of; -EBADF: the parent container's.
 */
int make_own(const struct hierarchy *h, const struct object *o, unsigned int types,
	     struct root_plan *root, int uts);

/* The plan of a root that nobody has given: the private view, or nothing. */
struct root_plan make_plan_view(const struct spec *spec);

/*
 * For a new own mount namespace with this root: the parent container's mount namespace, whose root a view is
 * of (-EBADF: the caller's own, which needs no joining), and what else root has to know. *ret_memory, which
 * root points into, is the caller's to free.
 */
int make_plan_root(const struct hierarchy *h, const struct object *o, struct root_plan *root,
		   int *ret_base_mount, char **ret_memory);

/*
 * The user namespace of a container or of its parent, to which namespaces that are made for it belong. -EBADF: the
 * caller's own, which needs no joining.
 */
int make_open_user(const struct hierarchy *h, const struct object *o, bool of_parent, int *ret_fd);

/* Whether a user namespace is the caller's own. */
bool make_is_own_user(int fd);
