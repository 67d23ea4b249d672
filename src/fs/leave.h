/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a task may be moved away from what limits it, as the kernel would decide it of cgroup.procs. */
#pragma once

#include "entry.h"

/*
 * For who writes and who opened: the right to write to procs, of the cgroup above both places, and that
 * this is in their cgroup namespace. pid is moved, and its cgroup is depth levels below that one. 0 or -errno.
 */
int leave_allowed(const struct look *l, pid_t pid, int procs, unsigned int depth);
