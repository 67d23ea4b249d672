/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals to all tasks of a container, and their end: seen, not believed. cgroup.kill reaches tasks that fork
 * meanwhile, but sends its signal to first threads: one that has ended lets it lie, while the others of its
 * process run on, and those that have been moved since then have none where they are. So who is left is
 * killed by pidfd, again and again, until the cgroup has no task.
 */
#pragma once

#include "object.h"

#define KILL_TIMEOUT 2000 /* ms for all to be gone, but for what keeps them in the kernel */

/*
 * SIGKILL to all in the cgroup of the container with this record, and until timeout (ms) is over wait for them to
 * be gone. 0: once, without waiting. -EBUSY: some are there still; the error tells who, and where they wait.
 */
int kill_all(const struct hierarchy *h, const struct spec *spec, int cgroup, int timeout);

/* A signal, once, to each process that has a thread there. -ESRCH: there is none. */
int kill_signal(const struct hierarchy *h, const struct spec *spec, int cgroup, int sig);
