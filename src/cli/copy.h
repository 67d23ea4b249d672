/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying files with all that belongs to them, where somebody else may change names on either side
 * meanwhile.
 */
#pragma once

#include <sys/types.h>

#include "ids.h"
#include "made.h"
#include "there.h"

#define COPY_NAME_MAX 256

struct copy {
	const struct ids *from; /* whose numbers owners have; set it for each tree */
	const struct ids *to;
	const struct there *there;  /* where it goes to */
	bool no_set_id, no_devices; /* what is not given to what is copied; set it for each tree */
	bool set_id_lost;	    /* there was some */
	int status;		    /* EXIT_FAILED once something was not copied, which was told */
	bool owners_lost;	    /* somebody has no number on the other side */
	bool several; /* more than one tree: what is made of one is not replaced by the next */
	struct made made;
	/* of the walk */
	char path[4096]; /* for messages */
	unsigned int depth, temporary;
	dev_t top_dev;
	ino_t top_ino;
	char mark[COPY_NAME_MAX];
	char *buf;
};

/* -1: told. */
int copy_init(struct copy *c, const struct ids *to, const struct there *there, bool several);
void copy_free(struct copy *c);
#define autocopy __attribute__((cleanup(copy_free)))

/*
 * Copy what src is, an O_PATH fd, as the entry to_name (one component; "." for a directory: into to_dir
 * itself) of to_dir. A directory that is there is gone into; all else that is there is replaced in one
 * step, links too. path is src in messages. The src of a directory is closed.
 */
void copy_tree(struct copy *c, int *src, const char *path, int to_dir, const char *to_name);
