/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing what a container is: its namespaces, root, name and hostname.
 *
 * Each takes the object's lock exclusively and reads its record again under it. Namespaces change
 * for the tasks that come later; those that a running task cannot do without (mount, pid, user)
 * change only while there is no task.
 */
#pragma once

#include "object.h"

/* What they all begin with: may the caller change it? Locks it, and reads its record again. */
int change_begin(const struct hierarchy *h, struct object *o, const char *step);

/* -EBUSY: there are, nested ones included. */
int change_check_no_tasks(const struct hierarchy *h, const struct object *o);

/*
 * The record says what next says, if r is 0, and o what the record then says. Pins are made in places that the
 * record does not name yet: those that it names no more go, or the new ones if it could not be written.
 */
int change_commit(const struct hierarchy *h, struct object *o, const struct spec *next, int r);

/* ns_fd: for CONTAINER_NS_SHARE, an nsfs fd. source: the container it is of, or NULL. */
int change_namespace(const struct hierarchy *h, struct object *o, enum nstype type,
		     enum container_ns_mode mode, int ns_fd, const struct object *source);

int change_root(const struct hierarchy *h, struct object *o, int fd, bool recursive);
int change_name(const struct hierarchy *h, struct object *o, const char *new_name);
int change_hostname(const struct hierarchy *h, struct object *o, const char *hostname);

/* What uname(2) says inside; returns its length. -ERANGE. */
int change_read_hostname(const struct hierarchy *h, struct object *o, char *buf, size_t size);
