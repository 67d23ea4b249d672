/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one command has made: which files are its own, and those that get more names. All is known by
 * device and inode.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct made {
	void *files; /* tsearch(3) */
	struct made_link *links;
	size_t link_count;
};

/* A file with names that are still to come. */
struct made_link {
	dev_t dev; /* of what it is copied from */
	ino_t ino;
	nlink_t left;
	int fd; /* of what it was copied to */
};

/* A file made; those that cannot be remembered are not. */
void made_add(struct made *m, const struct stat *st);
bool made_has(const struct made *m, const struct stat *st);

/* What st, with several names, was copied to. Without room for it fd stays the caller's. */
void made_add_link(struct made *m, const struct stat *st, int *fd);
struct made_link *made_find_link(const struct made *m, const struct stat *st); /* NULL */

/* It has got one more name. */
void made_use_link(struct made *m, struct made_link *link);

/* Numbers may come again where somebody else has files: links are among those of one source only. */
void made_forget_links(struct made *m);

void made_free(struct made *m);
