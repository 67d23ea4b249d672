/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a container belongs to, and what others may do with it: owner, group, and the mode of a directory.
 *
 * Kept in the link @owner: "UID GID MODE"; none: root's, with the mode that its directory has. The directory
 * itself stays root's, who alone may write: whoever could do so could forge the container's record. But its
 * group, the bits of its mode for looking, and an access control list for the owner are those of the
 * container, so that the kernel shows everybody what the tree of containers would.
 */
#pragma once

#include <stdbool.h>

#include <containerfs/container.h>

#define OBJECT_OWNER "@owner"

/* Of a record, its text: -EUCLEAN: not such a one. */
int access_check(const char *text);

/* -ENOENT: removed. -EUCLEAN: the record is damaged. */
int access_load(int dir, struct container_access *ret_access);

/* The same of a container below dir, by its name. */
int access_load_at(int dir, const char *name, struct container_access *ret_access);

/* The record, and the directory. Of one that ends with its fd only before others can open that. */
int access_store(int dir, const struct container_access *access);

/* What is said of one that ends with its creator's fd: -EOPNOTSUPP. */
int access_refuse(void);

/* Of the directory alone: whether it is as the record says, and making it so. */
bool access_is_shown(int dir, const struct container_access *access);
int access_show(int dir, const struct container_access *access);
