/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another process is moved into a container while it runs.
 */
#pragma once

#include "object.h"

/*
 * types: which namespaces (CLONE_NEW*), 0 for all. With answer, pid is the thread that waits for it in a
 * system call: see container_attach_writer().
 */
int attach_task(const struct hierarchy *h, struct object *o, pid_t pid, unsigned int types,
		void (*answer)(void *arg), void *arg);
