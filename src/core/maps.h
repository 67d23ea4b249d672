/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which ids a container's own user namespace has: the record of range.h, and maps that are given instead, links
 * @uid_map and @gid_map in its directory, with ',' for a newline. As long as the user namespace is pinned in
 * the second place (spec.h) they are @uid_map.2 and @gid_map.2; what is in the other place was left by a killed
 * change, and means nothing.
 */
#pragma once

#include "idmap.h"
#include "object.h"
#include "userns.h"

/* In /proc/PID, too. */
const char *maps_name(int which);

/* The maps of a user namespace that is made now. -EUCLEAN: nothing tells. */
int maps_texts(const struct object *o, struct userns_maps *ret_maps);

/* Those of a user namespace that nobody has said anything about: a range. */
int maps_begin(const struct hierarchy *h, const struct object *o);

/* All of both places: it has no own user namespace any more, or not yet. The other alone. */
int maps_forget(const struct hierarchy *h, const struct object *o);
int maps_forget_others(const struct hierarchy *h, const struct object *o);

/* The maps for one that is made as to says, as they are of from's, or begun; to is not recorded yet. */
int maps_move(const struct hierarchy *h, const struct object *from, const struct object *to);

/*
 * Keep a map, and make the user namespace anew with it; with it all that belongs to it. -EINVAL,
 * -EPERM: no own one, or ids that the parent container does not have; -EBUSY: tasks, or somebody else uses
 * them; -ENOTEMPTY: nested containers. -ENOSPC: there is no such range.
 */
int maps_set(const struct hierarchy *h, struct object *o, int which, const char *text);

/* The same of both: "auto", "auto:COUNT", "host", or a map. */
int maps_set_ids(const struct hierarchy *h, struct object *o, const char *text);
#define IDS_MOST 16777216

/* In the same words; "map" if one is given. Returns its length; -ERANGE. */
int maps_get_ids(const struct object *o, char *buf, size_t size);

/*
 * The map of the user namespace that a task has. Returns its length; -ERANGE. If they are recorded h need
 * not be open for writing.
 */
int maps_get(const struct hierarchy *h, const struct object *o, int which, char *buf, size_t size);
bool maps_are_recorded(const struct object *o);

/*
 * Both maps of the user namespace that a container has, which is not the caller's, with the ids outside as the caller
 * counts them: not its parent's, who may be in a user namespace of its own. user_ns: an nsfs fd or pidfd.
 */
int maps_outside(const struct hierarchy *h, const struct object *o, int user_ns,
		 struct userns_maps *ret_maps);

/* The same of one, as maps_get() has it. */
int maps_outside_of(const struct hierarchy *h, const struct object *o, int which, char *buf,
		    size_t size);

/* Whether a text is such a record: -EUCLEAN. */
int maps_check(const char *text);
