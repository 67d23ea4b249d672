/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "kernel.h"
#include "text.h"

#define SECOND INT64_C(1000000000)
#define RUNNING (2 * SECOND) /* a call under way; a thread that was asked to stop */
#define PATIENCE 100000
#define CALL_STOP (SIGTRAP | 0x80)
#define PAGE 4096

/* linux/ptrace.h has it since 6.4 */
#define GET_USER_DISPATCH 0x4211
struct user_dispatch {
	uint64_t mode, selector, offset, len;
};

enum stop { STOP_GONE, STOP_LATE, STOP_CALL, STOP_EVENT, STOP_SIGNAL };

/* The system call itself: two C libraries have two opinions of what a peek returns. */
int tracee_request(long what, pid_t tid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, what, tid, addr, data) < 0 ? -errno : 0;
}

/*
 * Something that the tracer is told of this thread. -EBUSY: not until end. What it waits for takes some
 * microseconds on another processor, where sleeping and being woken up takes a hundred: first it looks
 * again, giving way to whoever else wants this processor.
 */
static int wait_event(pid_t tid, int64_t end, int *ret_status)
{
	int64_t begin = kernel_now_ns();
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(tid, ret_status, __WALL | WNOHANG);
		int64_t time = kernel_now_ns();
		struct timespec left;

		if (pid == tid)
			return 0;
		if (pid < 0)
			return errno == ECHILD ? -ESRCH : -errno;
		if (time < begin + PATIENCE) {
			sched_yield();
			continue;
		}
		if (time > end)
			return -EBUSY;
		left = kernel_timespec(end - time);
		/* It stays pending, from whichever thread it came: none is lost in between. */
		sigtimedwait(&child, NULL, &left);
	}
}

static enum stop stop_of(int status)
{
	if (!WIFSTOPPED(status))
		return STOP_GONE;
	if (status >> 16 == PTRACE_EVENT_STOP)
		return STOP_EVENT;
	return WSTOPSIG(status) == CALL_STOP ? STOP_CALL : STOP_SIGNAL;
}

/*
 * Until it has stopped because it was asked to. A signal that comes first is delivered: its handler is
 * entered, as far as the registers, before the stop.
 */
int tracee_wait(struct tracee *t, int64_t end)
{
	int status, r = wait_event(t->tid, end, &status);

	while (r == 0 && stop_of(status) != STOP_EVENT) {
		if (stop_of(status) == STOP_GONE)
			return -ESRCH;
		r = tracee_request(PTRACE_CONT, t->tid, 0, (unsigned long)WSTOPSIG(status));
		r = r ? r : wait_event(t->tid, end, &status);
	}
	t->stopped = t->settled = r == 0;
	return r;
}

static enum stop next_stop(struct tracee *t, int64_t end, int *ret_signal)
{
	int status, r = wait_event(t->tid, end, &status);
	enum stop stop = r == -EBUSY ? STOP_LATE : r < 0 ? STOP_GONE : stop_of(status);

	t->stopped = stop != STOP_GONE && stop != STOP_LATE;
	t->settled = stop == STOP_EVENT;
	*ret_signal = stop == STOP_SIGNAL ? WSTOPSIG(status) : 0;
	return stop;
}

static enum stop resume(struct tracee *t, long how, int64_t end, int *signal)
{
	if (tracee_request(how, t->tid, 0, (unsigned long)*signal) < 0) {
		t->stopped = false;
		return STOP_GONE;
	}
	return next_stop(t, end, signal);
}

/*
 * Let a stopped thread go on to its next stop of one kind; others in between are passed over, a stop of
 * the whole process for example, which then still is one. A thread that does not come to it is asked to
 * stop, which it does even where the freezer holds it.
 * -EBUSY: it did not come to it, and may not even have stopped. -EPROTO: what it came to is a signal.
 */
static int run_to(struct tracee *t, long how, enum stop wanted, int64_t end)
{
	bool late = false;
	int signal = 0;

	for (;;) {
		enum stop stop = resume(t, how, end, &signal);

		if (stop == STOP_LATE && !late) {
			late = true;
			end = kernel_now_ns() + RUNNING;
			tracee_request(PTRACE_INTERRUPT, t->tid, 0, 0);
			stop = next_stop(t, end, &signal);
		}
		if (stop == STOP_GONE || stop == STOP_LATE)
			return stop == STOP_GONE ? -ESRCH : -EBUSY;
		if (stop == wanted)
			return 0;
		if (stop == STOP_EVENT && (late || kernel_now_ns() > end))
			return -EBUSY;
		/* All are blocked but SIGSTOP; anything else is of the instruction's making. */
		if (signal && signal != SIGSTOP)
			return -EPROTO;
	}
}

/* On its way to user mode, of which it gets to nothing. A signal that is still made there is dropped. */
static int settle(struct tracee *t)
{
	int64_t end = kernel_now_ns() + RUNNING;
	int r = t->settled ? 0 : -EPROTO;

	while (r == -EPROTO && kernel_now_ns() < end) {
		r = tracee_request(PTRACE_INTERRUPT, t->tid, 0, 0);
		r = r ? r : run_to(t, PTRACE_CONT, STOP_EVENT, end);
	}
	return r;
}

#define PAGE_PRESENT (1ull << 63) /* of /proc/PID/pagemap */
#define PAGE_SWAPPED (1ull << 62)
#define PAGE_OF_FILE (1ull << 61)

static bool is_plain_memory(int tasks, pid_t tid, unsigned long address)
{
	const unsigned long size = getauxval(AT_PAGESZ);
	off_t at = (off_t)(address / size * sizeof(uint64_t));
	uint64_t page = 0;
	char path[40];
	size_t len = (size_t)text_format_u64((uint64_t)tid, path);
	bool found;
	int fd;

	text_append(path, sizeof(path), &len, "/pagemap");
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	found = fd >= 0 && pread(fd, &page, sizeof(page), at) == (ssize_t)sizeof(page);
	if (fd >= 0)
		close(fd);
	return found && (page & (PAGE_PRESENT | PAGE_SWAPPED)) && !(page & PAGE_OF_FILE);
}

int tracee_peek(int tasks, pid_t tid, unsigned long address, unsigned long *ret_word)
{
	if (!is_plain_memory(tasks, tid, address) ||
	    !is_plain_memory(tasks, tid, address + sizeof(*ret_word) - 1))
		return -EOPNOTSUPP;
	return tracee_request(PTRACE_PEEKDATA, tid, address, (unsigned long)ret_word);
}

/*
 * In a restartable sequence the kernel would forget that it is in one when it sees it elsewhere, and
 * would not abort it on its return. There are no system calls in one.
 */
static int read_rseq(struct tracee *t, int tasks)
{
	struct ptrace_rseq_configuration rseq = {0};
	unsigned long field;
	int r;

	t->rseq_cs = 0;
	if (regs_is_in_call(&t->regs) ||
	    tracee_request(PTRACE_GET_RSEQ_CONFIGURATION, t->tid, sizeof(rseq),
			   (unsigned long)&rseq) < 0 ||
	    rseq.rseq_abi_pointer == 0)
		return 0;
	field = rseq.rseq_abi_pointer + 8; /* struct rseq, linux/rseq.h */
	r = tracee_peek(tasks, t->tid, field, &t->rseq_cs);
	if (r == 0)
		t->rseq_field = field;
	return r == -EOPNOTSUPP ? r : 0;
}

/* Where a program has all its system calls but some turned into signals, ours would be one. */
static int check_dispatch(pid_t tid)
{
	struct user_dispatch dispatch = {0};
	int r = tracee_request(GET_USER_DISPATCH, tid, sizeof(dispatch), (unsigned long)&dispatch);

	return r == 0 && dispatch.mode != 0 ? -EOPNOTSUPP : 0;
}

static int block_signals(struct tracee *t)
{
	uint64_t all = ~(uint64_t)0;
	int r = tracee_request(PTRACE_GETSIGMASK, t->tid, sizeof(all), (unsigned long)&t->signals);

	return r ? r : tracee_request(PTRACE_SETSIGMASK, t->tid, sizeof(all), (unsigned long)&all);
}

static int change(struct tracee *t, struct tracee_calls *calls)
{
	int r = regs_get(t->tid, &t->regs);

	r = r ? r : check_dispatch(t->tid);
	r = r ? r : read_rseq(t, calls->tasks);
	if (r < 0)
		return r;
	calls->touched = true;
	r = block_signals(t);
	t->changed = r == 0;
	return r;
}

/*
 * To the entry of the call. Who shares the task's memory does not stand still, and may have put another
 * instruction there: what it comes to then is not done.
 */
static int run_to_entry(struct tracee *t, struct tracee_calls *calls, long nr, const long args[6])
{
	int64_t soon = kernel_now_ns() + SECOND;
	int r = run_to(t, PTRACE_SYSCALL, STOP_CALL, soon < calls->end ? soon : calls->end);

	if (r < 0)
		return r;
	if (calls->suspends)
		r = tracee_request(PTRACE_SETOPTIONS, t->tid, 0,
				   TRACEE_OPTIONS | PTRACE_O_SUSPEND_SECCOMP);
	r = r ? r : regs_check_entry(t->tid, calls->insn, nr, args);
	if (r < 0 && regs_skip_call(t->tid) == 0)
		settle(t);
	else
		calls->lost |= r < 0;
	return r;
}

/* From here on it does it: there is nothing to be done but wait. */
static int run_to_exit(struct tracee *t, struct tracee_calls *calls, long *ret_result)
{
	int r = run_to(t, PTRACE_SYSCALL, STOP_CALL, kernel_now_ns() + RUNNING);

	r = r ? r : regs_check_exit(t->tid, calls->insn, ret_result);
	calls->lost |= r < 0;
	return r;
}

static int make_call(struct tracee *t, struct tracee_calls *calls, long nr, const long args[6],
		     long *ret_result)
{
	struct regs regs;
	int r = t->changed ? 0 : change(t, calls);

	if (r == 0 && kernel_now_ns() > calls->end)
		r = -EBUSY;
	if (r < 0)
		return r;
	regs = t->regs;
	regs_set_call(&regs, calls->insn, nr, args);
	r = regs_set(t->tid, &regs);
	if (r < 0)
		return r;
	r = run_to_entry(t, calls, nr, args);
	r = r ? r : run_to_exit(t, calls, ret_result);
	if (t->stopped && calls->suspends)
		tracee_request(PTRACE_SETOPTIONS, t->tid, 0, TRACEE_OPTIONS);
	calls->lost |= !t->stopped;
	return r;
}

int tracee_call(struct tracee *t, struct tracee_calls *calls, long nr, const long args[3],
		long *ret_result)
{
	const long all[6] = {args[0], args[1], args[2], 0, 0, 0};

	return make_call(t, calls, nr, all, ret_result);
}

/*
 * Its own registers are given back at a stop of the kind at which they were taken: after it the kernel
 * looks whether a system call is to be begun anew, and signals that have come are delivered as they
 * would have been.
 */
static void put_back(struct tracee *t)
{
	if (!t->changed || !t->stopped)
		return;
	settle(t);
	if (!t->stopped)
		return;
	regs_set(t->tid, &t->regs);
	tracee_request(PTRACE_SETSIGMASK, t->tid, sizeof(t->signals), (unsigned long)&t->signals);
	if (t->rseq_cs)
		tracee_request(PTRACE_POKEDATA, t->tid, t->rseq_field, t->rseq_cs);
	t->changed = false;
}

void tracee_restore(struct tracee *t)
{
	struct regs regs;

	t->moved = t->changed;
	put_back(t);
	t->begun = t->stopped && t->settled && regs_get(t->tid, &regs) == 0 && anew_begin(&regs) &&
		   regs_set(t->tid, &regs) == 0;
}

/*
 * A time limit in memory that is nobody's: not the program's own, which others may read; nor below its stack, where
 * something of its may be if it takes its signals elsewhere. It stays there: when the call has read it nobody is
 * there to see that. What fails lets the whole time begin anew.
 */
static void put_limit(struct tracee *t, struct tracee_calls *calls, struct anew_limit *limit)
{
	const long args[6] = {0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
	long address = 0;
	int r = make_call(t, calls, SYS_mmap, args, &address);
	struct regs regs = t->regs;

	put_back(t);
	if (!t->changed)
		calls->touched = false;
	if (r == 0 && address > 0 && !t->changed && t->stopped &&
	    anew_put(t->tid, limit, (unsigned long)address, &regs) == 0)
		regs_set(t->tid, &regs);
}

void tracee_shorten(struct tracee *t, struct tracee_calls *calls, int tasks)
{
	struct anew_limit limit;
	struct regs regs;

	if (!t->begun || !t->anew.known || regs_get(t->tid, &regs) < 0 ||
	    !anew_shorten(&t->anew, tasks, t->tid, &regs, &limit))
		return;
	if (limit.count == 0)
		regs_set(t->tid, &regs);
	else if (t->moved)
		put_limit(t, calls, &limit);
}

int tracee_set_result(struct tracee *t, long result)
{
	struct regs regs;
	int r;

	if (!t->stopped)
		return -ESRCH;
	if (t->changed) {
		regs_set_result(&t->regs, result);
		return 0;
	}
	r = regs_get(t->tid, &regs);
	if (r < 0)
		return r;
	regs_set_result(&regs, result);
	return regs_set(t->tid, &regs);
}
