/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard of the calling thread: a function of a program that acts for others, which decides once more, when
 * nothing that it decided by can change any longer. See container_set_guard() in the public header.
 *
 * Each operation that changes a container asks it after it has its lock and before its first effect.
 */
#pragma once

#include <containerfs/container.h>

#include <stdbool.h>

#include "object.h"

void guard_set(int (*fn)(const struct container_guarded *what, void *arg), void *arg);

/* What a sweep does is nobody's act: it is not asked about. */
struct guard_pause {
	int (*fn)(const struct container_guarded *what, void *arg);
};
void guard_pause(struct guard_pause *ret_pause);
void guard_resume(const struct guard_pause *pause);

bool guard_is_set(void);

/* 0: go on, also where there is no guard; 1: as what->pid is moved, ask again; -errno, with an error. */
int guard_ask(const struct container_guarded *what);

/* The same for what concerns the container alone. */
int guard_ask_container(void);

/*
 * Where there is a guard, take the lock of the parent (shared): for operations on a name, which may be decided
 * by the parent's owner and mode. It is before that of the container itself.
 */
int guard_lock_parent(const struct hierarchy *h, const struct object *o);

/*
 * Where there is a guard, take the lock of the container (shared) if it is to be had soon, for operations that
 * must also be possible while somebody holds it for long, such as killing who does. Then ask.
 */
int guard_ask_soon(const struct hierarchy *h, const struct object *o);
