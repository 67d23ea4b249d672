/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line of mountinfo (proc_pid_mountinfo(5)), taken apart where it is.
 */
#pragma once

#include <containerfs/container.h>

/* The octal escapes of mountinfo, in place: space, tab, newline, backslash, '#'. */
void mountinfo_unescape(char *s);

/* All of ret_mount is filled in, its texts are parts of line. -EINVAL: no such line. */
int mountinfo_parse(char *line, struct container_mount *ret_mount);
