/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a task that is to be moved has its new namespaces from: a process that has all of them, so that it
 * can join them in one step, by a pidfd of it. One of three:
 *
 *   - the agent that moves the task: it joins them itself while the task is stopped. Not where it could then
 *     not trace the task any more, or where the container could look into the memory that it shares
 *     with the caller: pid, user; nor time, which nobody joins who shares memory;
 *   - the container's init, if it has them all;
 *   - a holder, made for it.
 */
#pragma once

#include "entry.h"
#include "holder.h"
#include "nstype.h"
#include "proc.h"

struct source {
	pid_t number;		/* in the task's pid namespace; 0: the agent */
	int pidfd;		/* borrowed; -EBADF: the agent */
	struct join_plan join;	/* what is to be joined; fds borrowed */
	struct child_plan plan; /* for who joins it */
	struct holder holder;
};

void source_init(struct source *source);
void source_close(struct source *source);

/*
 * For the task pid, of which status was read; types: those that it lacks, of the entry's plan. Until
 * the source is closed the entry must stay as it is. -EINVAL: it could see no such process.
 */
int source_find(const struct entry *e, pid_t pid, const struct proc_status *status,
		unsigned int types, struct source *ret_source);

/* In the agent that the source may be: the number of the source, or -errno. Paths of /proc lead elsewhere then. */
pid_t source_join(const struct source *source);

/* Whether the process of that number still is the source. */
bool source_is_alive(const struct source *source);
