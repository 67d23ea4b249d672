/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's init: its first task, number 1 of an own pid namespace. Recorded as "PID IDENTITY"
 * in the link @init; the record is a hint that is checked at each use, and made again from the
 * cgroup if the one who should have written it was killed.
 */
#pragma once

#include "cleanup.h"
#include "object.h"

#define INIT_TEXT_SIZE 48

struct init {
	pid_t pid;
	int pidfd;		   /* the caller's; -EBADF if there is none */
	char text[INIT_TEXT_SIZE]; /* what is recorded of it: that of no other process */
};

static inline void init_close(struct init *init)
{
	close_fd(&init->pidfd);
}
#define autoinit __attribute__((cleanup(init_close)))

/* The init that is alive now. -ESRCH: none. */
int init_find(const struct hierarchy *h, const struct object *o, struct init *ret_init);

/* Record a new one; pidfd is borrowed. */
int init_record(const struct object *o, pid_t pid, int pidfd);

/* What is recorded of the last one, alive or not. -ESRCH: nothing. */
int init_read_text(int dir, char text[INIT_TEXT_SIZE]);

/* A pidfd of the process that such a text is of, also if it has ended but was not waited for yet. -ESRCH. */
int init_open_text(const char *text);

/* Whether a text is of the process of a pidfd, which may have ended, but must not be reaped yet. */
bool init_text_is_of(const char *text, int pidfd);

/* Whether the container ever had one. */
bool init_was_recorded(int dir);

/* The pid of what is recorded; 0: there is none, or it is dead. */
int init_peek(int dir, pid_t *ret_pid);

/* Whether a text is such a record: -EUCLEAN. */
int init_check(const char *text);
