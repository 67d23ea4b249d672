/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A surrogate: a short-lived child with the credentials, and if wanted the namespaces and root, of a
 * caller, through which the kernel itself decides what that caller may do.
 *
 * It has memory of its own and none of our fds, whatever it may find in /proc/self is its own; and
 * it is not waited for longer than a second, whatever it waits for itself.
 */
#pragma once

#include "caller.h"

#define SURROGATE_KEEP_MAX 2
#define SURROGATE_KEPT 3 /* the number that the first fd has in it */

/* What it does: in it, with the fds that it was given, as 3, 4... Returns a fd to hand over, or 0. */
typedef int surrogate_fn(const void *arg);

/* What it is asked later, in the same place: 0 or -errno. */
typedef int surrogate_again_fn(const void *question, size_t size);

#define SURROGATE_QUESTION_MAX 2048

struct surrogate_job {
	surrogate_fn *fn;
	const void *arg;
	surrogate_again_fn *again;    /* it stays, and is asked more */
	int keep[SURROGATE_KEEP_MAX]; /* fds that it needs; -1: none */
	bool in_its_place;	      /* in the caller's namespaces and root, not in ours */
	bool gives_fd;		      /* what fn returns is an fd, if it is not negative */
};

/* What fn returned, or a copy of the fd; -ETIMEDOUT; -EPERM: it could not become the caller. */
int surrogate_run(const struct caller *as, const struct surrogate_job *job);

/* One that stays. */
struct surrogate {
	pid_t pid; /* 0: there is none */
	int pidfd, socket;
	struct quota *user; /* who has to pay if it does not end */
};

/* The same as surrogate_run(), of a job with again; 0: it waits to be asked. */
int surrogate_start(const struct caller *as, const struct surrogate_job *job,
		    struct surrogate *ret_surrogate);

/*
 * What again() returns. Neither allocates nor takes locks: an agent of the calling thread may ask. -ETIMEDOUT;
 * -EPERM: there is none, or it was killed.
 */
int surrogate_ask(const struct surrogate *s, const void *question, size_t size);

void surrogate_end(struct surrogate *s);
#define autosurrogate __attribute__((cleanup(surrogate_end)))

/* Reap those that were given up. */
void surrogate_tidy(void);
