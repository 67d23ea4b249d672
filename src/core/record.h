/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands in a container's directory beside the containers nested in it: records, each a symbolic
 * link whose target is the value. One table has all of them; removal and `container check` go by it.
 *
 * A record may have been damaged: by a disk that was full, by hand, by a program that took the state
 * directory for something else. Whoever reads one says -EUCLEAN then and names the file, and goes on
 * without it only if it is no more than a hint.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What can be done about one that is damaged. */
enum record_remedy {
	RECORD_REMOVES,	  /* nothing is known of the container any more: it can be removed */
	RECORD_FORGOTTEN, /* it goes; what it said is found again, or is what it was to begin with */
	RECORD_CLOSED,	  /* the container is made root's alone */
	RECORD_BY_HAND, /* without it the container would be less confined: it is to be set anew */
};

struct record_kind {
	const char *name;
	const char *module;		/* of src/core, which writes and reads it */
	int (*check)(const char *text); /* -EUCLEAN: not such a record */
	enum record_remedy remedy;
	const char *lost; /* what is not known without it */
};

/* The most frequent ones first; ended by one without a name. */
extern const struct record_kind record_kinds[];

/* By its name, or NULL. */
const struct record_kind *record_kind_of(const char *name);

/* The name by which kernel_replace_link() puts it in its place: "@new." before the name itself. */
#define RECORD_NEW "@new."

/* Says that the file name in dir is damaged: -EUCLEAN. */
int record_damaged(int dir, const char *name);

/*
 * The text, with a NUL; its length. -ENOENT: there is none; -EUCLEAN: it is no link, or longer than any of
 * this kind.
 */
ssize_t record_read(int dir, const char *name, char *buf, size_t size);

/* Put it in the place of what is there. -EUCLEAN: that is a directory. */
int record_write(int dir, const char *name, const char *text);
