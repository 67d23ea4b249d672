/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a mount forbids, and how it counts accesses: the attributes of fsmount(2) and mount_setattr(2),
 * MOUNT_ATTR_*. Whatever is made of a mount has at least those.
 */
#pragma once

#include <stdint.h>

/*
 * Those of the mount that the fd's file is seen through. A file system that is read-only as a whole, whatever
 * mount shows it, has MOUNT_ATTR_RDONLY too.
 */
int attribute_of(int fd, uint64_t *ret_attributes);

/* The same, of flags as statfs(2) tells them. */
uint64_t attribute_from_statfs(uint64_t flags);

/* More for one mount. Where accesses are counted less already, that stays. */
int attribute_add(int mnt, uint64_t more);
