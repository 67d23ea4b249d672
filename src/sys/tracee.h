/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread of another process that is traced: made to stop, to do system calls, and to go on as if nothing
 * had been. Who it belongs to, and how many there are, is the business of trace.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "anew.h"
#include "regs.h"

#define TRACEE_OPTIONS PTRACE_O_TRACESYSGOOD

struct tracee {
	pid_t tid;
	bool stopped;
	bool settled; /* stopped on its way to user mode, where the kernel looks for calls to begin anew */
	bool changed; /* its registers are those of a call; what is its own is below */
	bool moved;   /* it has made calls */
	bool begun;   /* its own call will be begun anew */
	struct regs regs;
	struct anew anew; /* its call, as it was before it was asked to stop */
	uint64_t signals;
	unsigned long rseq_field, rseq_cs;
};

/* What the calls of all threads of a process have in common, and what has come of them. */
struct tracee_calls {
	int tasks;	    /* /proc/PID/task */
	unsigned long insn; /* a system call instruction in its vDSO */
	int64_t end;	    /* when they must have begun, on the monotonic clock, in ns */
	bool suspends;	    /* the tracer may suspend filters of system calls */
	bool touched;	    /* a thread has registers or blocked signals that are not its own */
	bool lost;	    /* a call failed, and who was to do it may be doing it still */
};

/* ptrace(2). -errno. */
int tracee_request(long what, pid_t tid, unsigned long addr, unsigned long data);

/*
 * A word of the memory of a thread that stands still; tasks: /proc/PID/task. -EOPNOTSUPP: the page is none, or one of a
 * file, which may be one whose server never answers: who looks at it waits, and not even SIGKILL ends that.
 */
int tracee_peek(int tasks, pid_t tid, unsigned long address, unsigned long *ret_word);

/* Until it has stopped because it was asked to. -EBUSY: not until end. -ESRCH. */
int tracee_wait(struct tracee *t, int64_t end);

/*
 * A stopped thread makes a system call; *ret_result is what it returned, a negative errno for example.
 * -ESRCH: it was killed. -EBUSY: something keeps it from going on, the freezer for example. -EPROTO: it came
 * to something else, which was not done.
 */
int tracee_call(struct tracee *t, struct tracee_calls *calls, long nr, const long args[3],
		long *ret_result);

/* The system call in which it was when it was asked to stop returns this. */
int tracee_set_result(struct tracee *t, long result);

/* A stopped thread gets back all that is its own; its call, if the stop has ended that, will be begun anew. */
void tracee_restore(struct tracee *t);

/*
 * What that call has waited already is taken off its time limit, when no thread has anything that is not its own:
 * this looks at its memory. Who was not moved is not made to do anything for it. tasks: /proc/PID/task, open.
 */
void tracee_shorten(struct tracee *t, struct tracee_calls *calls, int tasks);
