/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan of which namespaces a task of a container gets and where from. Made before any clone; the
 * child only walks it.
 */
#pragma once

#include "init.h"
#include "object.h"

/* How often a pin that is not there any more is looked for, each time by the record anew. */
#define JOIN_TRIES 8

struct join_plan {
	int task;		 /* pidfd of a task that has those in task_types; may be -EBADF */
	pid_t task_pid;		 /* its number, as long as it lives */
	unsigned int task_types; /* CLONE_NEW* */
	struct ns_set fds;	 /* others to join */
	uint64_t pins[NS_COUNT]; /* others, not opened yet: spec_pin_id(), or 0 */
	unsigned int make;	 /* own ones that come with the first task */
};

void join_plan_init(struct join_plan *plan);

/*
 * types: those wanted (CLONE_NEW*), 0 for all. What equals the caller's is left out. -ESRCH: it
 * would come from a container above whose own one has no task yet.
 */
int join_plan_make(const struct hierarchy *h, const struct object *o, unsigned int types,
		   struct join_plan *ret_plan);

/* The same, but pinned ones are not opened. That is half the work. */
int join_plan_find(const struct hierarchy *h, const struct object *o, unsigned int types,
		   struct join_plan *ret_plan);

bool join_plan_has_pins(const struct join_plan *plan);

/*
 * Whether the pins may be opened by a child that goes by the plan: it needs none of them earlier, and
 * leaves the vault again.
 */
bool join_plan_opens_late(const struct join_plan *plan);

/* The pins become fds: by an agent, or in a child, which is in the vault then. -ENOENT: one is lost. */
int join_plan_open_pins(struct join_plan *plan, int cradle);
int join_plan_open_pins_here(struct join_plan *plan, int cradle);

/* The nsfs fd or pidfd to join one of this type by; -EBADF: there is none to join, or none open. */
static inline int join_plan_fd(const struct join_plan *plan, enum nstype type)
{
	bool by_task = plan->task_types & (unsigned int)nstype_info(type)->clone_flag;

	return by_task ? plan->task : plan->fds.fd[type];
}

/* Whether there is one of this type to join. */
static inline bool join_plan_joins(const struct join_plan *plan, enum nstype type)
{
	return plan->pins[type] || join_plan_fd(plan, type) >= 0;
}

/* For a type in make, where it cannot be made: sets the error, returns -ESRCH. */
int join_none_yet(enum nstype type);

/*
 * For r, of a clone into the pid namespace of a plan: sets the error and returns it if that may have no
 * init any more, else r.
 */
int join_clone_error(int r);

/* The parent, to plan from: what the init container has needs no look at its record. */
int join_open_parent(const struct object *o, struct object *ret_parent);

/* For a new uts namespace of o: the one it begins as a copy of, unless that is the caller's. */
int join_plan_copied(const struct hierarchy *h, const struct object *o, struct ns_set *fds);

/* One namespace as an nsfs fd: of the container, or the caller's own. -ESRCH as above. */
int join_open_one(const struct hierarchy *h, const struct object *o, enum nstype type);

/* The inodes of the namespaces of these types that the plan leads to. -ESRCH: its task has ended. */
int join_plan_inodes(const struct join_plan *plan, unsigned int types, uint64_t inode[NS_COUNT]);

void join_plan_close(struct join_plan *plan);
#define autojoin __attribute__((cleanup(join_plan_close)))
