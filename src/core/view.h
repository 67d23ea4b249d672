/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the file systems that are mounted below "/" a private view covers too: those that hold data of
 * the machine (on a block device or a network), and what is mounted of the root's own file system, whatever
 * that is, outside /dev, /proc, /run, /sys and /tmp. A tmpfs, another container's overlay or a FUSE mount
 * is not looked into, and an automount point is not triggered.
 */
#pragma once

#include "root.h"

/*
 * Of the mount namespace whose nsfs fd is given; -EBADF: the caller's. Sets plan->mounts; what they point to
 * is in *ret_memory, which the caller frees.
 */
int view_list_mounts(int state_dir, int mount_ns, char **ret_memory, struct root_plan *plan);
