/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the threads of another process do system calls: all of them are stopped, a call is run at a
 * system call instruction of their own vDSO, and each goes on as if nothing had been. No signal is
 * involved: a handler, a blocked or an ignored signal, a stopped process stay what they are, and a system
 * call that was interrupted is begun anew by the kernel as after any other stop.
 *
 * A tracer is one thread, and its end detaches all that it traces, whatever state they are in. So this is
 * done in an agent, with signals blocked, and what did not stop in time is let go by the agent's end.
 * Only while a call is being run must the tracer not end: the thread would go on with the registers of the
 * call. Nothing else ends with it.
 *
 * Nothing that is in the process's memory is relied on, as others may share that and write there, to its vDSO
 * too: a call is let go only if at its entry it is the one that was meant, and is skipped otherwise. Nor
 * does it keep the tracer: each wait has an end, and at the last the tracer is killed by a timer. What not even
 * that would end is not begun: to look at memory that is a file, whose server may never answer.
 *
 * Allocates by mmap(2) alone, and takes no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tracee.h"

struct trace {
	pid_t pid;
	int proc, tasks; /* /proc/PID, its task */
	int timer;	 /* kills the tracer some time after calls.end; negative: there is none */
	struct tracee_calls calls; /* its end at first is when all must have stopped */
	struct tracee *threads;
	size_t count, room;
};

/* Of a process, by its pid: nothing is done to it yet. -ESRCH. */
int trace_open(struct trace *t, pid_t pid);

/*
 * Whether it is a program that can be made to do calls: as far as can be told of one that runs, and may
 * be at an exec. -EOPNOTSUPP: a 32-bit program, or one without vDSO.
 */
int trace_check(struct trace *t);

/*
 * Ask all its threads to stop, without waiting. -ESRCH; -EPERM: the kernel does not allow it; -EBUSY:
 * somebody else traces it.
 */
int trace_ask(struct trace *t);

/* Wait until all, new ones too, have stopped. -EBUSY: not within a second of trace_ask(). -ESRCH. */
int trace_wait(struct trace *t);

/*
 * Before the first call of a process that stands still. -EOPNOTSUPP, as above. -EPERM: a filter of system calls
 * that cannot be suspended.
 */
int trace_prepare(struct trace *t);

/* For all calls there are some seconds from then on; these begin anew. */
void trace_renew(struct trace *t);

/* The directory ns of a thread in /proc, also after the tracer has another root. -ESRCH. */
int trace_open_ns(const struct trace *t, pid_t tid);

/* The system call in which the thread was when it was asked to stop returns this. */
int trace_set_result(struct trace *t, pid_t tid, long result);

/* All go on as they were. Those that have not stopped are let go when the calling process ends. */
void trace_close(struct trace *t);
