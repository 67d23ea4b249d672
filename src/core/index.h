/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A packed copy of the records of one container's children, for listing many: STATE/lists/ID holds
 * what one readlinkat(2) for each child would give. It is a cache and nothing else: made by whoever
 * lists and may write it, used only while the parent's directory has the modification time that it
 * was made at, and of no consequence if it is lost.
 *
 * The kernel changes that time when a child comes, goes or is renamed, and object_store() does when a
 * child's record changes. Times are as coarse as a clock tick, so no copy is made of a directory
 * that has changed within the last moments: a change in the same tick would go unseen.
 */
#pragma once

#include <stddef.h>
#include <time.h>

#include "object.h"

#define INDEX_MINIMUM 64 /* children: fewer are read one by one */

/* Pairs of name and record, each ended by a NUL. */
struct index {
	char *text;
	size_t len, room;
	size_t count;
	struct timespec changed; /* the directory's time when reading it began */
	bool settled;		 /* it had not changed for a while then */
};

/* -ENOENT: there is none that is up to date. dir: of the container whose id this is. */
int index_read(const struct hierarchy *h, uint64_t id, int dir, struct index *ret_index);

/* Begin a new one, from the directory itself. */
int index_begin(int dir, struct index *ret_index);
int index_add(struct index *index, const char *name, const char *record);

/* Keep it for the next reader, if it may be kept. Failures are of no consequence. */
void index_keep(const struct hierarchy *h, uint64_t id, int dir, const struct index *index);

/* The pair after the one at *position, or false at the end; both stay valid with the index. */
bool index_next(const struct index *index, size_t *position, const char **ret_name,
		const char **ret_record);

void index_free(struct index *index);
#define autoindex __attribute__((cleanup(index_free)))
