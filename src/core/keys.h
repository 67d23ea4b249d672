/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A keyring for each container. Its tasks find it in their session keyring, which is a new one for each
 * task that comes in: nobody brings the caller's keys with him.
 *
 * Its serial number is in the link @keys, "SERIAL" while only tasks hold it, "SERIAL held" from the first
 * key on that was added from outside. It is checked at each use by the keyring's name.
 */
#pragma once

#include <stddef.h>

#include "idmap.h"
#include "object.h"

/* Who is in it may link the keyring of any container: no user namespace of a container maps it. */
#define KEYS_GROUP ID_MAP_LAST

/* Add a key, or update it: returns its serial number. Makes the keyring; locks the container. */
int keys_add(const struct hierarchy *h, struct object *o, const char *type, const char *description,
	     const void *payload, size_t len);

/* Takes no lock. A positive result of fn ends it and is returned. */
int keys_list(const struct hierarchy *h, const struct object *o,
	      int (*fn)(const struct container_key *key, void *arg), void *arg);

/*
 * By the task itself, as the last step on its way in, with its privilege: a new session keyring with the
 * container's keyring, which the first task makes. No keyring to be had is no reason to fail. All but adding
 * and listing may be used between clone and exec.
 */
int keys_join(int dir, uint64_t id);

/*
 * The same in two steps, for who loses the privilege between them. What is taken is in the thread's keyring;
 * its serial number, 0: it is not to be had. Joined or dropped, it is not there any more.
 */
int keys_take(int dir, uint64_t id);
int keys_join_taken(int serial);
void keys_drop(int serial);

/* When the container is removed; the keys are revoked, wherever they were linked to meanwhile. */
int keys_revoke(const struct hierarchy *h, const struct object *o);

/* Whether a text is such a record: -EUCLEAN. */
int keys_check(const char *text);
