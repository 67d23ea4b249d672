/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A holder: a process that has joined the namespaces of a plan, and does nothing but have them, so that
 * another can join them all at once, or none, by a pidfd of it. It has no memory, fd or lock in common
 * with the caller, cannot be looked into from inside the container, and ends with the caller.
 */
#pragma once

#include "child.h"

struct holder {
	pid_t pid; /* in the caller's pid namespace; 0: none */
	int pidfd;
};

void holder_init(struct holder *holder);

/*
 * pid_ns: an nsfs fd of the pid namespace that it shall be in, or -EBADF for the calling thread's. Signals
 * are blocked meanwhile.
 */
int holder_start(const struct child_plan *plan, int pid_ns, struct holder *ret_holder);

void holder_end(struct holder *holder);
#define autoholder __attribute__((cleanup(holder_end)))
