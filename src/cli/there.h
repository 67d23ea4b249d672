/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mount namespace of a container, for the one step that asks what is mounted: a rename to a name where something
 * is mounted fails there, and takes the mount away if it is done from anywhere else.
 */
#pragma once

#include <stdbool.h>

struct there {
	int ns;		    /* -EBADF: it is the caller's own */
	int own, root, cwd; /* to go back to */
	bool is_hosts;	    /* the init container has the same */
};

void there_init(struct there *t);
void there_close(struct there *t);

/* Of a container; -1: told. Only a program of one thread may use it. */
int there_open(struct there *t, int container, const char *name);

/* rename(2) of entries of dir, an fd of a directory in there. */
int there_rename(const struct there *t, int dir, const char *from, const char *to);
