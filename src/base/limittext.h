/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits as text: names of cgroup v2 interface files, values as people write them, and the list of a
 * container's limits, "FILE=VALUE\n" for each line that is to be written to FILE. Pure text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LIMIT_NAME_SIZE 64   /* a file's name and its NUL */
#define LIMIT_LIST_SIZE 4096 /* of a list, and of a value: what a symbolic link can hold */

/* NULL if it can be the name of a limit, "memory.max", else a sentence saying why not. */
const char *limit_name_error(const char *file);

/* The controller's part of such a name: "memory". */
void limit_controller(const char *file, char buf[LIMIT_NAME_SIZE]);

/*
 * A value with the sizes in it written out, since not all files of the kernel know what 512M or 2GiB
 * is, and some would take it for 512: "8:0 rbps=1M" gives "8:0 rbps=1048576". Other words stay. -EINVAL:
 * empty, or more than a line. -ERANGE.
 */
int limit_expand(const char *value, char *buf, size_t size);

/* Put what the kernel says of file, any number of lines, in place of what list has. -ENAMETOOLONG. */
int limit_list_put(char list[LIMIT_LIST_SIZE], const char *file, const char *lines);

/* What the list has for file, each line with its newline; its length, 0 if nothing. -ERANGE. */
int limit_list_get(const char *list, const char *file, char *buf, size_t size);

/* The next line of *list, which is moved past it. False at the end, and of what is no such list. */
bool limit_list_next(const char **list, char file[LIMIT_NAME_SIZE], char value[LIMIT_LIST_SIZE]);
