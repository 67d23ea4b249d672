/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Id maps of a container's own user namespace: links @uid_map and @gid_map in its directory, with
 * ',' for a newline. No link: all ids are mapped to themselves. As long as the user namespace is
 * pinned in the second place (spec.h) they are @uid_map.2 and @gid_map.2; what is in the other place
 * was left by a killed change, and means nothing.
 */
#pragma once

#include "idmap.h"
#include "object.h"

/* In /proc/PID, too. */
const char *maps_name(int which);

/* The map of a user namespace that is made now, as the kernel takes it. */
int maps_read(const struct object *o, int which, char buf[ID_MAP_TEXT_SIZE]);

/* Both maps of both places: it has no own user namespace any more, or not yet. */
void maps_forget(const struct object *o);

/* The maps for one that is made as to says, as they are of from's; to is not recorded yet. */
int maps_move(const struct object *from, const struct object *to);

/* Those of the place where its user namespace is not pinned. */
void maps_forget_others(const struct object *o);

/*
 * Keep a map, and make the user namespace anew with it; with it all that belongs to it. -EINVAL,
 * -EPERM: no own one; -EBUSY: tasks; -ENOTEMPTY: nested containers.
 */
int maps_set(const struct hierarchy *h, struct object *o, int which, const char *text);

/*
 * The map of the user namespace that a task has. Returns its length; -ERANGE. Of an own one h need not
 * be open for writing.
 */
int maps_get(const struct hierarchy *h, const struct object *o, int which, char *buf, size_t size);

/* Whether a text is such a record: -EUCLEAN. */
int maps_check(const char *text);
