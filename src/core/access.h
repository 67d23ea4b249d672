/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a container belongs to, and what others may do with it: owner, group, and the mode of a directory.
 *
 * Kept in the link @owner: "UID GID MODE". None: root's, 0755. The directory itself always stays
 * root's: whoever could write in it could forge the container's record.
 */
#pragma once

#include <containerfs/container.h>

#define OBJECT_OWNER "@owner"

/* Of a record, its text: -EUCLEAN: not such a one. */
int access_check(const char *text);

/* -ENOENT: removed. -EUCLEAN: the record is damaged. */
int access_load(int dir, struct container_access *ret_access);

/* The same of a container below dir, by its name. */
int access_load_at(int dir, const char *name, struct container_access *ret_access);

int access_store(int dir, const struct container_access *access);
