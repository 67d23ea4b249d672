/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What both kinds of lists say in the same words.
 */
#pragma once

#include <containerfs/container.h>

#include <stdbool.h>
#include <stddef.h>

const char *listing_state(enum container_state state);

/* "mount,pid" of CLONE_NEW* flags. */
void listing_types(unsigned int flags, char *buf, size_t size);

/* The limits that were set, "memory.max=536870912; pids.max=100"; "": none. -1 and errno. */
int listing_limits(int container, char *buf, size_t size);

/* Whether errno says that something cannot be told without privilege, or before the first task. */
bool listing_may_be_untold(void);

/*
 * Types, as flags, of namespaces that a container shares or inherits and that do not belong to its user namespace: root
 * inside cannot configure them. Not those that may be untold. -1 and errno.
 */
int listing_foreign(int container, unsigned int *ret_types);

/* What names are relative to, set by listing_open(). */
struct listing_base {
	char path[4096];
	size_t len;
};

/*
 * The container named, the current one without a name, and what names are shown relative to. Its fd;
 * -1: told; -2: there is no hierarchy, so nothing to list.
 */
int listing_open(const char *name, struct listing_base *ret_base);

/* "/web/db" seen from "/web" is "db"; the container itself is "<current>". */
const char *listing_name(const struct listing_base *base, const char *path);
