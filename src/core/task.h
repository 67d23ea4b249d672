/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks come into a container: spawn, fork, and the caller itself.
 */
#pragma once

#include "object.h"

pid_t task_spawn(const struct hierarchy *h, struct object *o, const struct container_spawn *how);
pid_t task_fork(const struct hierarchy *h, struct object *o);
int task_enter(const struct hierarchy *h, struct object *o, unsigned int types);
