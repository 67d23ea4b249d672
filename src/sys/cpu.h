/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child that its parent waits for is born on the parent's CPU, while that is held: elsewhere an idle
 * CPU would have to be woken, and then this one again, which in a virtual machine takes longer than most
 * agents work (30 us of 60, Linux 6.18). The kernel has no flag of clone(2) for it.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>

struct cpu_hold {
	cpu_set_t old;
	bool held;
};

/* The calling thread stays where it is, as children do that are born meanwhile. Best effort. */
void cpu_hold(struct cpu_hold *ret_hold);

/* By the thread, and by a child that lives on. May be used between clone and exec. */
void cpu_release(const struct cpu_hold *hold);

/* By a child that is to be anywhere, whatever its parent's place was. */
int cpu_release_all(void);
