/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A surrogate: a short-lived child with the credentials, and if wanted the namespaces and root, of a
 * caller, through which the kernel itself decides what that caller may do.
 *
 * It shares our memory and fds while the calling thread waits; nobody can trace it, since the memory
 * is marked as not to be dumped (main.c). It is killed after a second, whatever it waits for.
 */
#pragma once

#include "caller.h"

/* Returns what fn returned; -ETIMEDOUT; -EPERM: the credentials could not be taken on. */
int surrogate_run(const struct caller *as, bool in_its_place, int (*fn)(void *arg), void *arg);
