/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all ways into a container have in common: the lock, the plan, the cgroup, and for the time of one
 * clone the pid namespace of the next child. Used by task.c, which starts tasks in it or enters it
 * itself, and by attach.c, which moves others.
 *
 * The lock on the container is held until the hierarchy's lock fd is closed, with the operation.
 */
#pragma once

#include "child.h"
#include "join.h"
#include "kernel.h"
#include "object.h"
#include "root.h"

/* What is prepared, and held until the task is in the container. */
struct entry {
	struct join_plan join;
	struct root_plan root;
	struct child_plan child;
	char *view_memory;
	int cgroup;
	int base_mount;
	bool makes; /* the task brings namespaces to life, which are found through it */
	bool make_pid; /* the task begins a pid namespace: if that belongs to a user namespace, as second child */
	bool opens_late; /* the child opens what is pinned, if that can be */
	/*
	 * The task has memory of its own from its start: it joins a time namespace, which is not allowed
	 * else, or takes credentials with which somebody inside is its equal, so that the kernel, or
	 * child_setup(), has to keep others from looking into it. That would be done to the caller too.
	 */
	bool own_mm;
	bool records_init;
	/* The process that is to be moved, for the guard; and whether that wants to be asked once more. */
	pid_t moves;
	bool ask_again;
};

void entry_init(struct entry *e);
void entry_close(struct entry *e);
#define autoentry __attribute__((cleanup(entry_close)))

/*
 * Whether the caller may and the container can: its lock, its cgroup, and where each of types (0: all)
 * is from. Makes nothing but the cgroup. -EPERM, -EBUSY: it is frozen.
 */
int entry_begin(const struct hierarchy *h, struct object *o, unsigned int types, struct entry *e);

/* The same, and all that goes before the first task: its user namespace, the plan of its root. */
int entry_prepare(const struct hierarchy *h, struct object *o, unsigned int types, struct entry *e);

/*
 * After the clone: remember init. A failure loses a hint, since number 1 of a pid namespace is found without; but
 * not where the next task would make namespaces once more. pidfd may be what opening it failed with: with
 * -ESRCH it has ended, was reaped already, and is nobody's init.
 */
int entry_record_init(const struct object *o, const struct entry *e, pid_t pid, int pidfd);

/* What a child says through a pipe: 0 or -errno and its error; if nothing, -ECHILD and "died". */
int entry_read_result(pid_t pid, int pipe, const char *died, struct child_result *ret_result);

/*
 * The pid namespace that the calling thread's next child will be in. Nothing else of the thread
 * changes, and only for the moment of one clone with signals blocked.
 */
struct pid_switch {
	int old; /* nsfs fd to go back to; -EBADF: nothing was changed */
};

/* To that of the plan, or with make to a new one. */
int pid_switch_begin(struct pid_switch *s, const struct join_plan *join, bool make);

/* False: only if the thread has joined a user namespace meanwhile. */
bool pid_switch_back(struct pid_switch *s);

/* The same where that cannot be. */
void pid_switch_end(struct pid_switch *s);

/* What r, of a clone or fork in between, means: sets the error. */
int pid_switch_error(const struct pid_switch *s, int r, const char *step);

/* kernel_clone() into the pid namespace of an nsfs fd or pidfd, or into the thread's own: -EBADF. */
pid_t pid_switch_clone(int ns, const struct clone_request *req, int (*fn)(void *arg), void *arg);
