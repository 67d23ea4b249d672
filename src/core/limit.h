/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of containers, and the making of their cgroups, which is when limits come into force.
 *
 * A container's limits stand in its @limits (limittext.h): what the kernel made of what was set. They
 * are written to its cgroup before each task that comes in, so that it does not matter when and why
 * that was made anew; those of the containers above when their cgroup had to be made.
 */
#pragma once

#include "limittext.h"
#include "object.h"

/* Its cgroup, an O_PATH fd, made with those above it if need be. Limits are in force. */
int limit_make_cgroup(const struct hierarchy *h, const struct object *o);

/* The same, but where its tasks go: see object.h. */
int limit_make_tasks(const struct hierarchy *h, const struct object *o);

/* For containers below the caller's own only. */
int limit_set(const struct hierarchy *h, struct object *o, const char *file, const char *value);

/* file NULL: the list of all. Else what is in force; -ENODATA: nothing. The length; -ERANGE. */
int limit_get(const struct hierarchy *h, const struct object *o, const char *file, char *buf,
	      size_t size);

/* What stands in its record, "" if there is none. -EUCLEAN. */
int limit_load(const struct object *o, char list[LIMIT_LIST_SIZE]);

bool limit_is_set(const struct object *o);

/* Whether a text is such a record: -EUCLEAN. */
int limit_check(const char *text);
