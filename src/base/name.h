/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of containers: what is one, and walking a path of them. Pure text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NAME_SIZE 256  /* a component and its NUL */
#define PATH_SIZE 4096 /* a full name and its NUL */

/* A component of len bytes: NULL if it can name a container, else a sentence saying why not. */
const char *name_error(const char *name, size_t len);

/*
 * Take the next component of *path: copied to name, and *path moved past it and the slashes around.
 * Returns its length, 0 at the end; -EINVAL if it cannot name a container (name is then cut short,
 * for the message).
 */
int name_next(const char **path, char name[NAME_SIZE]);

/*
 * Cut a path before its last component: the length of what is before, slashes included. "a/b" gives
 * 2, "web" 0, "/web" 1.
 */
size_t name_parent_len(const char *path);

/*
 * The kernel takes any 64 bytes. Programs print them, and write them into files of lines: so none but ASCII characters
 * that print, the space among them.
 */
#define NAME_HOSTNAME_RULE "a hostname has 1 to 64 bytes, all of them ASCII characters that print"
bool name_is_hostname(const char *text);
