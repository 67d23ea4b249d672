/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that the kernel ends with EINTR when their thread is made to stop, and does not begin anew: they are
 * made to be among those that it does begin anew, unless the handler of a signal is run. What they have waited
 * already is taken off their time limit.
 *
 * How long that was nobody tells. But the scheduler tells when a thread was on a processor last, by that
 * processor's clock, and one that waits has not been on any since: so this is read just before the thread is asked to
 * stop. If it was woken meanwhile, or this is not to be known, the limit begins anew as well: late rather than
 * early.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "regs.h"

/* A thread that was found waiting in a call with a time limit. */
struct anew {
	bool known;
	long call;
	uint64_t since;	   /* ns, on the clock of the processor */
	uint64_t switches; /* how often it has begun to wait */
	uint64_t cpu;
};

/* Before it is asked to stop. tasks: /proc/PID/task, open. */
void anew_look(struct anew *a, int tasks, pid_t tid);

/* When it has stopped: that it has waited all the time, in this call. */
void anew_check(struct anew *a, int tasks, pid_t tid);

/* A time limit that the call finds in memory: words of which one may be a pointer to the first. */
#define ANEW_WORDS 5
struct anew_limit {
	int count;	      /* 0: there is none to be changed */
	int argument, target; /* the call's argument, and the word to which it is to point */
	int pointer;	      /* the word that is to point to the first; -1 */
	unsigned long word[ANEW_WORDS];
};

/* regs, of a stopped thread, are changed so that its call is begun anew. False: it is none of those. */
bool anew_begin(struct regs *regs);

/*
 * Of one that is: what it has waited is taken off the time limit in regs, or in *ret_limit, which has to be put into
 * memory of the thread's. False: the limit stays as it is. Reads the thread's memory.
 */
bool anew_shorten(const struct anew *a, int tasks, pid_t tid, struct regs *regs,
		  struct anew_limit *ret_limit);

/* Put it there: room for ANEW_WORDS that nobody else writes to until the call has begun. */
int anew_put(pid_t tid, struct anew_limit *limit, unsigned long address, struct regs *regs);
