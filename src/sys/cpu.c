/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu.h"

#include <errno.h>
#include <string.h>

void cpu_hold(struct cpu_hold *ret_hold)
{
	int cpu = sched_getcpu();
	cpu_set_t here;

	ret_hold->held = false;
	if (cpu < 0 || cpu >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(ret_hold->old), &ret_hold->old) < 0 ||
	    CPU_COUNT(&ret_hold->old) < 2)
		return;
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	ret_hold->held = sched_setaffinity(0, sizeof(here), &here) == 0;
}

int cpu_release_all(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return sched_setaffinity(0, sizeof(all), &all) < 0 ? -errno : 0;
}

/*
 * The kernel remembers what was asked for, and has it follow the machine's and the cpuset's CPUs as they
 * come and go. Mostly nothing ever was: then all that there may be are asked for, which is the same.
 */
void cpu_release(const struct cpu_hold *hold)
{
	cpu_set_t now;

	if (!hold->held)
		return;
	if (cpu_release_all() < 0 || sched_getaffinity(0, sizeof(now), &now) < 0 ||
	    !CPU_EQUAL(&now, &hold->old))
		sched_setaffinity(0, sizeof(hold->old), &hold->old);
}
