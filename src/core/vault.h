/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vault: a mount namespace of its own, holding a tmpfs with one nsfs mount for each pinned
 * namespace, named ID.TYPE; ID is that of spec_pin_id(). Beside it the cradle: a mount namespace that holds nothing but an empty
 * read-only tmpfs and, hidden, a /proc without processes, and that all containers' mount namespaces are copied from, which makes that copy
 * cheap whatever the host has mounted.
 *
 * The host's mount table has one line for both: the cradle's nsfs file on STATE/cradle. The vault's
 * is mounted on /vault inside the cradle, where copying leaves it behind, as it does all mounts of
 * mount namespaces; the pins must not be in the cradle, since those of other types would be copied.
 * The kernel lets a mount namespace be pinned only in an older one: cradle, vault, containers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nstype.h"
#include "spec.h"

/*
 * Make both, mount the cradle on STATE/cradle, and record the vault's number (0: this kernel gives
 * none) in the link STATE/vault. home: an nsfs fd of the mount namespace that state_dir is of, -EBADF: the
 * caller's.
 */
int vault_setup(int state_dir, int home);
int vault_teardown(int state_dir, int home);

/* Before the host's tree is cloned as a whole: the cradle is left out of the clone. */
int vault_make_unbindable(int state_dir, int home);

/* Called in an agent or a child: joins the vault; its root directory is then the place of the pins. */
int vault_enter(int cradle);

/* The same number once more, from the vault itself. */
int vault_record_number(int state_dir, int cradle);

/* The names of all pins, "ID.TYPE\n" for each. Owned by the caller. */
int vault_list(int cradle, char **ret_list);

/* The number that vault_setup() recorded. */
int vault_read_number(int state_dir, uint64_t *ret_number);

/*
 * In an agent, in a mount namespace that it has made and that is to be pinned: make sure that it is
 * newer than the vault. On a CPU that the maker of the vault could not look at it may not be; then
 * copies of it are made until one is. proc: an fd of /proc.
 */
int vault_outdate(int proc, uint64_t number);

/* In the vault: pin every fd that is set, where the record says. */
int vault_pin(const struct spec *spec, const struct ns_set *set);

/* Open one pin from outside, by an agent: an nsfs fd. -ENOENT. */
int vault_open_pin(int cradle, uint64_t id, enum nstype type);

/* One agent for several: a pin is asked for where id is not 0; missing ones give -ENOENT. */
int vault_open_pins(int cradle, const uint64_t id[NS_COUNT], struct ns_set *set);

/* The same in an agent or a child, which is in the vault then. */
int vault_enter_pins(int cradle, const uint64_t id[NS_COUNT], struct ns_set *set);

/* In an agent: enters the vault and opens the pin there. -ENOENT. */
int vault_enter_pin(int cradle, uint64_t id, enum nstype type);

/* Pin one more, or replace a pin, or remove (fd -EBADF). */
int vault_set_pin(int cradle, uint64_t id, enum nstype type, int fd);

/* Remove several, those whose id is not 0; missing ones are no error. */
int vault_unpin(int cradle, const uint64_t id[NS_COUNT]);

/* Remove all pins of a container, in both places. */
int vault_unpin_all(int cradle, uint64_t id);
