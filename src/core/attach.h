/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another process is moved into a container while it runs.
 */
#pragma once

#include "depart.h"
#include "object.h"

/* Who is moved. With answer, pid is the thread that waits for it: see container_attach_writer(). */
struct attach_whom {
	pid_t pid;
	int pidfd; /* instead of a pid, or -EBADF */
	void (*answer)(void *arg);
	void *arg;
	depart_ask *may_leave; /* by who acts for others; NULL: the caller acts for itself */
};

/* types: which namespaces (CLONE_NEW*), 0 for all. */
int attach_task(const struct hierarchy *h, struct object *o, const struct attach_whom *whom,
		unsigned int types);
