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
	struct join_plan plan;
};

void way_init(struct way *way);

/* -ESRCH: an own namespace that no task has brought to life. */
int way_find(const struct hierarchy *h, const struct object *o, enum nstype type, struct way *way);

/* Whether the container itself has it pinned: then h needs no more than the cradle. */
static inline bool way_is_short(const struct object *o, enum nstype type)
{
	return o->spec.mode[type] != CONTAINER_NS_INHERIT && o->spec.pinned[type];
}

/* In an agent. */
int way_go(const struct way *way);

void way_close(struct way *way);
#define autoway __attribute__((cleanup(way_close)))
