/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts for a mount namespace of another user namespace than the caller's. What privilege in there could
 * take away, read-only and nosuid for example, must be locked, as the kernel does with all that it copies
 * into such a namespace itself.
 */
#pragma once

#include <stdbool.h>

#include "hierarchy.h"

/*
 * In an agent: whether its mount namespace is of another user namespace than it is in: 1, 0; -errno. proc is
 * the caller's /proc.
 */
int locked_is_needed(int proc);

/*
 * The detached mount mnt is replaced, as the same fd, by a copy that is locked, with what is mounted below
 * it.
 */
int locked_replace(const struct hierarchy *h, int mnt);
