/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A task that is moved by who acts for others goes where its limits do not follow: whether those may do
 * that. Asked before, as the answer may take a while; and whether it is about what is there is looked at
 * again once the task stands still.
 *
 * Where the task is cannot change then but by those who may write to the cgroup.procs above: for them
 * the answer is yes anyway.
 */
#pragma once

#include <stdbool.h>

#include "object.h"

/*
 * Whether they may write to procs: the file, O_PATH, of the cgroup above both. depth: how many levels the
 * task's cgroup is below that. 0 or -errno.
 */
typedef int depart_ask(void *arg, int procs, unsigned int depth);

struct depart_asked {
	depart_ask *ask;
	void *arg;
};

struct departure {
	char from[PATH_SIZE], to[PATH_SIZE]; /* as in leave.h */
	int top;			     /* of the mount; -EBADF: nobody is to be asked */
	bool allowed;
};

void depart_init(struct departure *d);
void depart_close(struct departure *d);

/*
 * For a task of the cgroup at path, as /proc tells it, or if that does not tell where it is (searched) of the
 * container with this chain; it goes to o. -EPERM: they may not.
 */
int depart_begin(const struct hierarchy *h, const struct object *o, const char *path,
		 const char *searched, const struct depart_asked *asked, struct departure *ret_d);

/* Once more, of a task that stands still; also in an agent. */
int depart_check(const struct departure *d);
