/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is allotted to a container: how many containers there may be in it, how deep, how many own networks, and
 * how large the memory of a private view is. They are limits of the library's own, and stand among the
 * others in @limits (limit.h), as containers.NAME.
 *
 * Each holds for all that is nested in the container. Those that are not set are the usual ones for the
 * outermost container that somebody but root owns, may make containers in by its mode, or is root in by a user
 * namespace; for all others there is no limit. Who counts has a lock on the container that counts, of its own: taken
 * before all locks of objects but a new one's, from the outermost on, and kept until what is counted has been made.
 */
#pragma once

#include <stdbool.h>

#include "limittext.h"
#include "object.h"

/* Whether it is the name of such a limit. */
bool allot_is(const char *file);

/* A value for it: decimal digits, "max", or "default" for the usual one. -EINVAL. */
int allot_check(const char *file, const char *value);

/* What holds for the container, with a newline; the length, or 0: nothing. -ERANGE. */
int allot_get(const struct hierarchy *h, const struct object *o, const char *file, char *buf,
	      size_t size);

/* What holds for it and was not set, as lines at the end of list. */
int allot_list(const struct hierarchy *h, const struct object *o, char list[LIMIT_LIST_SIZE]);

/*
 * Before something is made in o: a nested container, one with an own network, or of o itself an own network.
 * Takes the locks. -EDQUOT, and what is used up.
 */
struct allot_wish {
	bool nested, network;
};
int allot_ask(const struct hierarchy *h, const struct object *o, const struct allot_wish *wish);

/* The size of the memory of a private view of o, for tmpfs: "" for no limit. */
int allot_view_size(const struct hierarchy *h, const struct object *o, char size[21]);
