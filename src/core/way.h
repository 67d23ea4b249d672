/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How an agent gets into one of a container's namespaces. Found by the caller, gone by the agent,
 * which may do with it whatever is done by paths and fds and leaves the caller where it was.
 */
#pragma once

#include "join.h"
#include "object.h"

struct way {
	enum nstype type;
	int cradle;   /* borrowed */
	uint64_t pin; /* whose pin the agent opens itself; 0: what the plan says */
	bool lost;    /* it was not there */
	struct join_plan plan;
};

void way_init(struct way *way, enum nstype type);

/* Whether the container itself has it pinned: then h needs no more than the cradle. */
static inline bool way_is_short(const struct object *o, enum nstype type)
{
	return o->spec.mode[type] != CONTAINER_NS_INHERIT && o->spec.pinned[type];
}

/* In an agent. */
int way_go(struct way *way);

/*
 * Finds the way and runs the agent, which goes it; once more if a pin is gone since its record is another by
 * now, and check (or NULL) allows it to be as it is.
 */
int way_run(const struct hierarchy *h, const struct object *o, struct way *way,
	    int (*check)(const struct object *o), int (*agent)(void *arg), void *arg);

void way_close(struct way *way);
#define autoway __attribute__((cleanup(way_close)))
