/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges of ids that a container has for itself: no other container, user of /etc/subuid or /etc/subgid, or
 * running process's map has any of them.
 *
 * A range is a directory STATE/ids/N, N being the first of its user ids as the hierarchy counts them, one for each
 * 65536 of a longer one; mkdir(2) makes it one container's alone. An entry of it, named by id, is for each
 * container that has to do with it: whose range it is, and who shares a namespace in which it is used. The
 * last one to go removes it. The container's link @ids says which it is, and is written before the directory
 * is made, so that a killed operation leaves nothing that is not found; @ids.2 in the second place (spec.h).
 *
 * A nested container gets its range from what its parent container has: half of what is left.
 */
#pragma once

#include "object.h"

#define RANGE_DEFAULT 65536

enum range_kind {
	RANGE_NONE, /* nothing is recorded: nobody has decided yet */
	RANGE_HOST, /* those of the parent container, as themselves */
	RANGE_MAP,  /* both maps are given */
	RANGE_AUTO, /* a range */
};

struct range {
	enum range_kind kind;
	uint32_t count;
	uint32_t id
		[2]; /* the first, as the parent counts: by CONTAINER_UID_MAP, CONTAINER_GID_MAP */
	uint32_t slot; /* N */
	uint32_t
		whole; /* what "auto:COUNT" asked for; 0: as many as there are, at most RANGE_DEFAULT */
};

/* What is recorded for the place of its user namespace. -EUCLEAN. */
int range_load(const struct object *o, bool second, struct range *ret_ids);

/* Take a range, and record it for the place that the object's record names. whole: see above. */
int range_take(const struct hierarchy *h, const struct object *o, uint32_t whole);

/* Whether a text is such a record: -EUCLEAN. */
int range_check(const char *text);

/* Record a kind without a range. */
int range_set(const struct object *o, enum range_kind kind);

/* What is recorded for both places changes places. */
int range_exchange(const struct object *o);

/* The record of one place goes, and the range with it, unless the other place has the same. */
int range_drop(const struct hierarchy *h, const struct object *o, bool second);

/* The same range for the other place: to is recorded as from is. */
int range_copy(const struct object *from, const struct object *to);

/* Whether the record is of what the container has: it may have been damaged, or be another's. */
bool range_is_told(const struct hierarchy *h, const struct object *o);

/* Whoever has a namespace shares in the ranges of the user namespaces that it belongs to. */
int range_refer(const struct hierarchy *h, uint64_t id, int ns);
void range_forget(const struct hierarchy *h, uint64_t id);
