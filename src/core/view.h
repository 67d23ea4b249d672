/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the file systems that the caller has mounted below "/" a private view covers too: those
 * that hold data of the machine (on a block device or a network), outside /dev, /proc, /run, /sys and
 * /tmp. A tmpfs, another container's overlay or a FUSE mount is not looked into, and an automount
 * point is not triggered.
 */
#pragma once

#include "root.h"

/* Sets plan->mounts; what they point to is in *ret_memory, which the caller frees. */
int view_list_mounts(int state_dir, char **ret_memory, struct root_plan *plan);
