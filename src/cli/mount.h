/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mount -o says: attributes of the mount, and options of the file system.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOUNT_OPTIONS 64

struct mount_options {
	uint64_t set, clear; /* MOUNT_ATTR_*, as mount_setattr(2) takes them */
	bool bind, recursive;
	/* KEY=VALUE or KEY, for fsconfig(2); parts of text */
	const char *option[MOUNT_OPTIONS];
	size_t count;
};

/*
 * Take a list with commas apart, in place; commas between double quotes are the value's. 0, or
 * EXIT_FAILED and told.
 */
int mount_options_parse(struct mount_options *o, char *text);

/*
 * A free loop device with the file behind it, which it loses with its last user. Its fd, to be closed
 * when it is mounted, and its path; -1: told.
 */
int loop_open(const char *name, const char *file, bool read_only, char path[32]);
