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

#include "object.h"

/* Add a key, or update it: returns its serial number. Makes the keyring; locks the container. */
int keys_add(const struct hierarchy *h, struct object *o, const char *type, const char *description,
	     const void *payload, size_t len);

/* Takes no lock. A positive result of fn ends it and is returned. */
int keys_list(const struct hierarchy *h, const struct object *o,
	      int (*fn)(const struct container_key *key, void *arg), void *arg);

/*
 * By the task itself, on its way in: a new session keyring with the container's keyring, which the first
 * task makes. May be used between clone and exec.
 */
int keys_join(int dir, uint64_t id);

/*
 * By an agent, for a task that has come in and is to link the container's keyring: its serial number, which
 * is good while the agent lives; 0: there is none. make: it may be made, by this user.
 */
int keys_find(int dir, uint64_t id, bool make);

/* When the container is removed; the keys are revoked, wherever they were linked to meanwhile. */
int keys_revoke(const struct hierarchy *h, int dir);
