/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "cleanup.h"
#include "kernel.h"
#include "proc.h"
#include "text.h"

#define SECOND INT64_C(1000000000)
#define CALLS (4 * SECOND)   /* all calls of all threads, */
#define EACH (SECOND / 100)  /* for each of which it is so much more */
#define RUNNING (2 * SECOND) /* a call under way; a thread that was asked to stop */
#define TRACER (3 * SECOND)  /* and what the kernel ends, after all that */
#define PATIENCE 100000
#define OPTIONS PTRACE_O_TRACESYSGOOD
#define VDSO_SIZE 65536 /* more than any has */
#define CALL_STOP (SIGTRAP | 0x80)

/* linux/ptrace.h has it since 6.4 */
#define GET_USER_DISPATCH 0x4211
struct user_dispatch {
	uint64_t mode, selector, offset, len;
};

enum stop { STOP_GONE, STOP_LATE, STOP_CALL, STOP_EVENT, STOP_SIGNAL };

/* The system call itself: two C libraries have two opinions of what a peek returns. */
static int request(long what, pid_t tid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, what, tid, addr, data) < 0 ? -errno : 0;
}

/* auxv(5): where the kernel has mapped the vDSO at exec. */
static int find_vdso(int proc, unsigned long *ret_base)
{
	unsigned long auxv[512];
	ssize_t n = kernel_read_file(proc, "auxv", (char *)auxv, sizeof(auxv));

	if (n <= 0)
		return n == 0 || n == -ENOENT ? -ESRCH : (int)n;
	for (size_t i = 0; (i + 2) * sizeof(auxv[0]) <= (size_t)n; i += 2)
		if (auxv[i] == AT_SYSINFO_EHDR && auxv[i + 1] != 0) {
			*ret_base = auxv[i + 1];
			return 0;
		}
	/* A 32-bit program's has words of half the size, and so no such entry. */
	return -EOPNOTSUPP;
}

static int find_insn(int proc, unsigned long *ret_insn)
{
	autoclose int mem = openat(proc, "mem", O_RDONLY | O_CLOEXEC);
	unsigned char page[4096];
	unsigned long base = 0;
	int r = mem < 0 ? -errno : find_vdso(proc, &base);

	for (unsigned long at = 0; r == 0 && at < VDSO_SIZE; at += sizeof(page)) {
		ssize_t n = pread(mem, page, sizeof(page), (off_t)(base + at));
		ssize_t found = n < 0 ? -errno : regs_find_call(page, (size_t)n);

		/* It is on its way out, and its memory has gone. */
		if (n == 0)
			return -ESRCH;
		if (n < 0 || (at == 0 &&
			      (memcmp(page, ELFMAG, SELFMAG) != 0 || page[EI_CLASS] != ELFCLASS64)))
			break;
		if (found >= 0) {
			*ret_insn = base + at + (unsigned long)found;
			return 0;
		}
	}
	return r < 0 ? r : -EOPNOTSUPP;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

/*
 * What is not done by then fails. There are requests which nothing ends but the tracer's death, and which
 * take as long as the task likes: to look at its memory, where that is a file of its own file server.
 */
static void set_end(struct trace *t, int64_t ns)
{
	struct itimerspec timer = {0};

	t->end = kernel_now_ns() + ns;
	timer.it_value = timespec_of(t->end + TRACER);
	if (t->timer >= 0)
		syscall(SYS_timer_settime, t->timer, TIMER_ABSTIME, &timer, NULL);
}

void trace_renew(struct trace *t)
{
	set_end(t, CALLS + EACH * (int64_t)t->count);
}

static int timer_new(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	int timer;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0 ? -errno : timer;
}

int trace_open(struct trace *t, pid_t pid)
{
	const struct sigaction plain = {.sa_handler = SIG_DFL};
	char path[32] = "/proc/";

	*t = (struct trace){.pid = pid, .proc = -EBADF, .tasks = -EBADF, .timer = timer_new()};
	set_end(t, SECOND);
	/* Else a stop is not told. In an agent, whose handlers are its own. */
	if (sigaction(SIGCHLD, &plain, NULL) < 0)
		return -errno;
	text_format_u64((uint64_t)pid, path + strlen(path));
	t->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->proc < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	t->tasks = openat(t->proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->tasks < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return 0;
}

int trace_check(struct trace *t)
{
	return find_insn(t->proc, &t->insn);
}

static struct trace_thread *find(struct trace *t, pid_t tid)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->threads[i].tid == tid)
			return &t->threads[i];
	return NULL;
}

static int grow(struct trace *t)
{
	size_t room = t->room ? t->room * 2 : 4096 / sizeof(*t->threads);
	void *p = t->room ? mremap(t->threads, t->room * sizeof(*t->threads),
				   room * sizeof(*t->threads), MREMAP_MAYMOVE)
			  : mmap(NULL, room * sizeof(*t->threads), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	t->threads = p;
	t->room = room;
	return 0;
}

/* Why the kernel did not allow it: it says EPERM for everything. */
static int seize_error(const struct trace *t, pid_t tid)
{
	struct proc_status status;
	int r = proc_status(tid, &status);

	if (r < 0 || status.ended)
		return r < 0 && r != -ESRCH ? r : tid == t->pid ? -ESRCH : 0;
	return status.tracer ? -EBUSY : -EPERM;
}

/* Returns 1 if it is traced now, 0 if it has gone. */
static int seize(const struct trace *t, pid_t tid)
{
	int r = request(PTRACE_SEIZE, tid, 0, OPTIONS);

	if (r == -ESRCH)
		return tid == t->pid ? -ESRCH : 0;
	return r < 0 ? seize_error(t, tid) : 1;
}

static int ask_thread(struct trace *t, pid_t tid)
{
	int r = t->count < t->room ? 0 : grow(t);

	r = r ? r : seize(t, tid);
	if (r <= 0)
		return r;
	t->threads[t->count++] = (struct trace_thread){.tid = tid};
	r = request(PTRACE_INTERRUPT, tid, 0, 0);
	return r == -ESRCH && tid != t->pid ? 0 : r;
}

struct dirent_head {
	uint64_t ino, off;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* Those of the listing that are not known yet. */
static int ask_new(struct trace *t)
{
	char buf[2048] __attribute__((aligned(8)));
	long n;

	if (lseek(t->tasks, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, t->tasks, buf, sizeof(buf))) > 0) {
		const struct dirent_head *entry;

		for (long at = 0; at < n; at += entry->len) {
			uint64_t tid;
			int r;

			entry = (const void *)(buf + at);
			if (text_parse_whole_u64(entry->name, INT32_MAX, &tid) < 0 ||
			    find(t, (pid_t)tid))
				continue;
			r = ask_thread(t, (pid_t)tid);
			if (r < 0)
				return r;
		}
	}
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return t->count > 0 ? 0 : -ESRCH;
}

int trace_ask(struct trace *t)
{
	set_end(t, SECOND);
	return ask_new(t);
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
		left = timespec_of(end - time);
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
static int wait_thread(struct trace *t, struct trace_thread *thread)
{
	int status, r = wait_event(thread->tid, t->end, &status);

	while (r == 0 && stop_of(status) != STOP_EVENT) {
		if (stop_of(status) == STOP_GONE)
			return -ESRCH;
		r = request(PTRACE_CONT, thread->tid, 0, (unsigned long)WSTOPSIG(status));
		r = r ? r : wait_event(thread->tid, t->end, &status);
	}
	thread->stopped = thread->settled = r == 0;
	return r;
}

/* Threads end meanwhile, and are forgotten; returns how many were waited for. */
static int wait_all(struct trace *t)
{
	int waited = 0;

	for (size_t i = 0; i < t->count;) {
		struct trace_thread *thread = &t->threads[i];
		int r = thread->stopped ? 0 : wait_thread(t, thread);

		if (r == -ESRCH && thread->tid != t->pid) {
			*thread = t->threads[--t->count];
			waited++;
			continue;
		}
		if (r < 0)
			return r;
		i++;
	}
	return waited;
}

/* Not before: an exec may have been under way, or may have come in between. */
static int find_insn_now(struct trace *t)
{
	unsigned long word = 0;

	if (t->insn && request(PTRACE_PEEKTEXT, t->pid, t->insn, (unsigned long)&word) == 0 &&
	    regs_is_call((const unsigned char *)&word, sizeof(word)))
		return 0;
	return find_insn(t->proc, &t->insn);
}

/*
 * Filters of system calls are suspended while a thread makes one of ours. This is refused to a tracer that
 * has a filter itself, or lacks the privilege: then no thread may have one.
 */
static int check_filters(struct trace *t)
{
	struct proc_status status;
	int r = request(PTRACE_SETOPTIONS, t->pid, 0, OPTIONS | PTRACE_O_SUSPEND_SECCOMP);

	t->suspends = r == 0;
	if (r != -EPERM && r != -EINVAL)
		return r ? r : request(PTRACE_SETOPTIONS, t->pid, 0, OPTIONS);
	r = 0;
	for (size_t i = 0; r == 0 && i < t->count; i++) {
		r = proc_status(t->threads[i].tid, &status);
		if (r == 0 && status.filtered)
			r = -EPERM;
	}
	return r;
}

int trace_wait(struct trace *t)
{
	size_t known;
	int r;

	/* When all that are known stand still, and there is no other, nobody can make one. */
	do {
		known = t->count;
		r = wait_all(t);
		if (r > 0)
			known = SIZE_MAX;
		r = r < 0 ? r : ask_new(t);
		/* It may make threads as fast as they are stopped. */
		if (r == 0 && t->count != known && kernel_now_ns() > t->end)
			r = -EBUSY;
	} while (r == 0 && t->count != known);
	if (r == 0 && !find(t, t->pid))
		r = -ESRCH;
	r = r ? r : check_filters(t);
	r = r ? r : find_insn_now(t);
	trace_renew(t);
	return r;
}

int trace_open_ns(const struct trace *t, pid_t tid)
{
	char path[32];
	size_t len = (size_t)text_format_u64((uint64_t)tid, path);
	int fd;

	text_append(path, sizeof(path), &len, "/ns");
	fd = openat(t->tasks, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

static enum stop next_stop(struct trace_thread *thread, int64_t end, int *ret_signal)
{
	int status, r = wait_event(thread->tid, end, &status);
	enum stop stop = r == -EBUSY ? STOP_LATE : r < 0 ? STOP_GONE : stop_of(status);

	thread->stopped = stop != STOP_GONE && stop != STOP_LATE;
	thread->settled = stop == STOP_EVENT;
	*ret_signal = stop == STOP_SIGNAL ? WSTOPSIG(status) : 0;
	return stop;
}

static enum stop resume(struct trace_thread *thread, long how, int64_t end, int *signal)
{
	if (request(how, thread->tid, 0, (unsigned long)*signal) < 0) {
		thread->stopped = false;
		return STOP_GONE;
	}
	return next_stop(thread, end, signal);
}

/*
 * Let a stopped thread go on to its next stop of one kind; others in between are passed over, a stop of
 * the whole process for example, which then still is one. A thread that does not come to it is asked to
 * stop, which it does even where the freezer holds it.
 * -EBUSY: it did not come to it, and may not even have stopped. -EPROTO: what it came to is a signal.
 */
static int run_to(struct trace_thread *thread, long how, enum stop wanted, int64_t end)
{
	bool late = false;
	int signal = 0;

	for (;;) {
		enum stop stop = resume(thread, how, end, &signal);

		if (stop == STOP_LATE && !late) {
			late = true;
			end = kernel_now_ns() + RUNNING;
			request(PTRACE_INTERRUPT, thread->tid, 0, 0);
			stop = next_stop(thread, end, &signal);
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
static int settle(struct trace_thread *thread)
{
	int64_t end = kernel_now_ns() + RUNNING;
	int r = thread->settled ? 0 : -EPROTO;

	while (r == -EPROTO && kernel_now_ns() < end) {
		r = request(PTRACE_INTERRUPT, thread->tid, 0, 0);
		r = r ? r : run_to(thread, PTRACE_CONT, STOP_EVENT, end);
	}
	return r;
}

/*
 * In a restartable sequence the kernel would forget that it is in one when it sees it elsewhere, and
 * would not abort it on its return.
 */
static void read_rseq(struct trace_thread *thread)
{
	struct ptrace_rseq_configuration rseq = {0};
	unsigned long field;

	thread->rseq_cs = 0;
	if (request(PTRACE_GET_RSEQ_CONFIGURATION, thread->tid, sizeof(rseq),
		    (unsigned long)&rseq) < 0 ||
	    rseq.rseq_abi_pointer == 0)
		return;
	field = rseq.rseq_abi_pointer + 8; /* struct rseq, linux/rseq.h */
	if (request(PTRACE_PEEKDATA, thread->tid, field, (unsigned long)&thread->rseq_cs) == 0)
		thread->rseq_field = field;
}

/* Where a program has all its system calls but some turned into signals, ours would be one. */
static int check_dispatch(pid_t tid)
{
	struct user_dispatch dispatch = {0};
	int r = request(GET_USER_DISPATCH, tid, sizeof(dispatch), (unsigned long)&dispatch);

	return r == 0 && dispatch.mode != 0 ? -EOPNOTSUPP : 0;
}

static int block_signals(struct trace_thread *thread)
{
	uint64_t all = ~(uint64_t)0;
	int r = request(PTRACE_GETSIGMASK, thread->tid, sizeof(all),
			(unsigned long)&thread->signals);

	return r ? r : request(PTRACE_SETSIGMASK, thread->tid, sizeof(all), (unsigned long)&all);
}

static int change(struct trace *t, struct trace_thread *thread)
{
	int r = regs_get(thread->tid, &thread->regs);

	r = r ? r : check_dispatch(thread->tid);
	if (r < 0)
		return r;
	read_rseq(thread);
	t->touched = true;
	r = block_signals(thread);
	thread->changed = r == 0;
	return r;
}

/*
 * To the entry of the call. Who shares the task's memory does not stand still, and may have put another
 * instruction there: what it comes to then is not done.
 */
static int run_to_entry(struct trace *t, struct trace_thread *thread, long nr, const long args[3])
{
	int64_t soon = kernel_now_ns() + SECOND;
	int r = run_to(thread, PTRACE_SYSCALL, STOP_CALL, soon < t->end ? soon : t->end);

	if (r < 0)
		return r;
	if (t->suspends)
		r = request(PTRACE_SETOPTIONS, thread->tid, 0, OPTIONS | PTRACE_O_SUSPEND_SECCOMP);
	r = r ? r : regs_check_entry(thread->tid, t->insn, nr, args);
	if (r < 0 && regs_skip_call(thread->tid) == 0)
		settle(thread);
	else
		t->lost |= r < 0;
	return r;
}

/* From here on it does it: there is nothing to be done but wait. */
static int run_to_exit(struct trace *t, struct trace_thread *thread, long *ret_result)
{
	int r = run_to(thread, PTRACE_SYSCALL, STOP_CALL, kernel_now_ns() + RUNNING);

	r = r ? r : regs_check_exit(thread->tid, t->insn, ret_result);
	t->lost |= r < 0;
	return r;
}

int trace_call(struct trace *t, struct trace_thread *thread, long nr, const long args[3],
	       long *ret_result)
{
	struct regs regs;
	int r = thread->changed ? 0 : change(t, thread);

	if (r == 0 && kernel_now_ns() > t->end)
		r = -EBUSY;
	if (r < 0)
		return r;
	regs = thread->regs;
	regs_set_call(&regs, t->insn, nr, args);
	r = regs_set(thread->tid, &regs);
	if (r < 0)
		return r;
	r = run_to_entry(t, thread, nr, args);
	r = r ? r : run_to_exit(t, thread, ret_result);
	if (thread->stopped && t->suspends)
		request(PTRACE_SETOPTIONS, thread->tid, 0, OPTIONS);
	t->lost |= !thread->stopped;
	return r;
}

/*
 * Its own registers are given back at a stop of the kind at which they were taken: after it the kernel
 * looks whether a system call is to be begun anew, and signals that have come are delivered as they
 * would have been.
 */
static void restore(struct trace_thread *thread)
{
	if (!thread->changed || !thread->stopped)
		return;
	settle(thread);
	if (!thread->stopped)
		return;
	regs_set(thread->tid, &thread->regs);
	request(PTRACE_SETSIGMASK, thread->tid, sizeof(thread->signals),
		(unsigned long)&thread->signals);
	if (thread->rseq_cs)
		request(PTRACE_POKEDATA, thread->tid, thread->rseq_field, thread->rseq_cs);
	thread->changed = false;
}

int trace_set_result(struct trace *t, pid_t tid, long result)
{
	struct trace_thread *thread = find(t, tid);
	struct regs regs;
	int r;

	if (!thread || !thread->stopped)
		return -ESRCH;
	if (thread->changed) {
		regs_set_result(&thread->regs, result);
		return 0;
	}
	r = regs_get(tid, &regs);
	if (r < 0)
		return r;
	regs_set_result(&regs, result);
	return regs_set(tid, &regs);
}

void trace_close(struct trace *t)
{
	trace_renew(t);
	/* Killed ones are passed over; all others are restored before any runs. */
	for (size_t i = 0; i < t->count; i++)
		restore(&t->threads[i]);
	t->touched = false;
	for (size_t i = 0; i < t->count; i++)
		if (t->threads[i].stopped)
			request(PTRACE_DETACH, t->threads[i].tid, 0, 0);
	if (t->room)
		munmap(t->threads, t->room * sizeof(*t->threads));
	t->threads = NULL;
	t->count = t->room = 0;
	if (t->timer >= 0)
		syscall(SYS_timer_delete, t->timer);
	t->timer = -1;
	close_fd(&t->tasks);
	close_fd(&t->proc);
}
