/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The general registers of a stopped thread, and all that depends on the architecture in making it do a
 * system call. Only threads that run the kernel's own 64-bit code are known.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define REGS_WORDS 40 /* room for more than any of ours has, so that more can be told */

struct regs {
	unsigned long word[REGS_WORDS];
};

/* -EOPNOTSUPP: it runs 32-bit code. -ESRCH: it is not there, or not stopped. */
int regs_get(pid_t tid, struct regs *ret_regs);
int regs_set(pid_t tid, const struct regs *regs);

/*
 * At the instruction insn: a system call that is none of those that the kernel would begin anew. If the
 * instruction has become another one, no more than that one runs, where the processor can see to it.
 */
void regs_set_call(struct regs *regs, unsigned long insn, long nr, const long args[6]);

/* -EPROTO: the thread has stopped elsewhere than at the entry of exactly this call; at the exit of one. */
int regs_check_entry(pid_t tid, unsigned long insn, long nr, const long args[6]);
int regs_check_exit(pid_t tid, unsigned long insn, long *ret_result);

/* At the entry of a call: it is not made. */
int regs_skip_call(pid_t tid);

/*
 * For a thread that was stopped on its way out of a system call: it returns this, and is not begun
 * anew. Nothing if it was stopped elsewhere and that can be told.
 */
void regs_set_result(struct regs *regs, long result);

/*
 * The number of the call that has been interrupted by the stop, and is about to return EINTR; -1: of none, as far
 * as that can be told. *ret_anew: the kernel is about to begin it anew, if no handler of a signal is run.
 */
long regs_interrupted(const struct regs *regs, bool *ret_anew);

/* Then: it is to be begun anew by the kernel, with these arguments, unless a handler is run: then it is EINTR. */
void regs_begin_anew(struct regs *regs);
unsigned long regs_argument(const struct regs *regs, int i);
void regs_set_argument(struct regs *regs, int i, unsigned long value);

/* Whether it was stopped on its way out of one. False where that cannot be told. */
bool regs_is_in_call(const struct regs *regs);

/* Where a system call instruction is in code of len bytes; -ENOENT. */
ssize_t regs_find_call(const unsigned char *code, size_t len);
