/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A task that is moved into a user namespace in which it is nobody becomes root of that, as one that is started
 * there does (child.c). It must: with its ids of outside, root above all, it would be whose those are outside
 * for all that is asked of ids alone, such as most files of /proc/sys.
 */
#pragma once

#include "tracee.h"
#include "userns.h"

struct become {
	bool asked; /* it joins a user namespace at all */
	struct id_map map[2];
};

/* user_ns: that which is joined. -EINVAL: nobody is root in there. */
int become_prepare(int user_ns, struct become *ret_become);

/*
 * Whether a thread, stopped where it was, has ids that are nobody's there: 1, 0; -errno. tasks: of its process, in
 * /proc, since paths may lead elsewhere by now.
 */
int become_is_nobody(const struct become *become, int tasks, pid_t tid);

/* A thread that has joined. */
int become_root(struct tracee *thread, struct tracee_calls *calls);
