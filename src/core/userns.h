/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making user namespaces, and other namespaces that belong to one. A user namespace is made in that of the
 * parent container, and its maps are written from there: so they count in ids of the parent, and the kernel
 * refuses those that the parent does not have.
 *
 * It is done by an agent with memory of its own, the maker, who becomes root in there, and its child, the
 * writer, who stays in the parent's: for the kernel takes a map only from the parent user namespace. Neither
 * may be traced by root of any container. They know each other by fds, never by numbers: /proc may show
 * another pid namespace than the caller's.
 */
#pragma once

#include "idmap.h"
#include "nstype.h"

/*
 * Maps as the kernel takes them, each a text; or empty: all ids of the user namespace above as themselves, but the
 * group of keyrings.
 */
struct userns_maps {
	char text[2][ID_MAP_TEXT_SIZE]; /* by CONTAINER_UID_MAP, CONTAINER_GID_MAP */
};

/*
 * A new user namespace in parent (-EBADF: the caller's own), and in it new ones of these types (CLONE_NEW*, not
 * mount, pid, user), all into set. A uts namespace begins as a copy of the one that is in set already, if
 * any; a cgroup namespace shows what is below cgroup. -ENOSPC: 32 levels deep, or too many. -EPERM: the
 * parent does not have these ids.
 */
int userns_make(int parent, const struct userns_maps *maps, int cgroup, unsigned int types,
		struct ns_set *set);

/* The same types in a user namespace that is there already; -EBADF: the caller's own. */
int userns_fill(int user_ns, int cgroup, unsigned int types, struct ns_set *set);

/* The maps of one, both in ids as the caller's own user namespace has them. */
int userns_read_maps(int user_ns, struct userns_maps *ret_maps);

/* A /proc in which the caller and its children find themselves: an O_PATH fd. */
int userns_open_proc(void);

/* In a user namespace that was just joined: become who is first in its maps, root if there is one. */
int userns_become_first(int proc);
