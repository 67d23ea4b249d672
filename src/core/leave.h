/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a task leaves limits behind by a move from one cgroup to another.
 *
 * The kernel asks who writes to cgroup.procs for the right to write to that of the cgroup above both
 * as well: that is what keeps a task where it is limited. A library that moves with its own rights asks
 * nothing by that; a server that acts for others has to (attach.h). It need not where the task is limited
 * no less after the move.
 *
 * Paths are absolute from the top of the cgroup v2 mount, "/" or "/a/b". No allocation, no lock: also for an
 * agent.
 */
#pragma once

#include <stddef.h>

#include "limittext.h"

/* How many bytes of from are the cgroup above both, or the same: 0 is the topmost. */
size_t leave_common(const char *from, const char *to);

/*
 * Whether something limits the tasks of from that limits those of to less or not at all: 1, and what; 0.
 * In doubt it does: what cannot be read or compared, such as a weight or a BPF program, is left behind. Limits
 * of to count only where nobody but the owner of top can change them. -errno: from is not there.
 */
int leave_limits(int top, const char *from, const char *to, char ret_what[LIMIT_NAME_SIZE]);
