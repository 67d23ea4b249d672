/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a container's tasks are: its root directory, as an fd for callers outside.
 */
#pragma once

#include "object.h"

/*
 * O_PATH fd of the root of the mount namespace that a task would have. It keeps that one mount, not the
 * namespace. -ESRCH: an own namespace that no task has brought to life.
 */
int place_open_root(const struct hierarchy *h, const struct object *o);
