/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "cleanup.h"
#include "kernel.h"
#include "proc.h"
#include "text.h"

#define SECOND INT64_C(1000000000)
#define CALLS (4 * SECOND)  /* all calls of all threads, */
#define EACH (SECOND / 100) /* for each of which it is so much more */
#define TRACER (3 * SECOND) /* and what the kernel ends, after all that */
#define REST (SECOND / 50)  /* for who was asked to stop, when all the others are let go */
#define LOOKED_AT 8 /* threads, of a time limit of which something is taken off: 10 us each */

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

/* Where it is in the code of the vDSO, which is the same in all 64-bit programs, and so in ours. */
static int find_call(unsigned long *ret_offset)
{
	const unsigned char *image = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *head = (const void *)image;
	const Elf64_Phdr *part = (const void *)(image ? image + head->e_phoff : NULL);

	for (int i = 0; image && i < head->e_phnum; i++) {
		ssize_t found = part[i].p_type != PT_LOAD ? -ENOENT
							  : regs_find_call(image + part[i].p_offset,
									   part[i].p_filesz);

		if (found >= 0) {
			*ret_offset = part[i].p_offset + (unsigned long)found;
			return 0;
		}
	}
	return -EOPNOTSUPP;
}

/*
 * Nothing of its memory is looked at: a page of it may be one of a file whose server never answers, and then nothing
 * ends that look, not even SIGKILL. What runs there is seen at the entry of the call.
 */
static int find_insn(int proc, unsigned long *ret_insn)
{
	unsigned long base = 0, offset = 0;
	int r = find_vdso(proc, &base);

	r = r ? r : find_call(&offset);
	if (r == 0)
		*ret_insn = base + offset;
	return r;
}

/*
 * What is not done by then fails. There are requests which nothing ends but the tracer's death, and which
 * take as long as the task likes: to look at its memory, where that is a file of its own file server.
 */
static void set_end(struct trace *t, int64_t ns)
{
	struct itimerspec timer = {0};

	t->calls.end = kernel_now_ns() + ns;
	timer.it_value = kernel_timespec(t->calls.end + TRACER);
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
	t->calls.tasks = t->tasks;
	return 0;
}

int trace_check(struct trace *t)
{
	return find_insn(t->proc, &t->calls.insn);
}

static struct tracee *find(struct trace *t, pid_t tid)
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
	int r = tracee_request(PTRACE_SEIZE, tid, 0, TRACEE_OPTIONS);

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
	t->threads[t->count] = (struct tracee){.tid = tid};
	if (t->count < LOOKED_AT)
		anew_look(&t->threads[t->count].anew, t->tasks, tid);
	t->count++;
	r = tracee_request(PTRACE_INTERRUPT, tid, 0, 0);
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

/* Threads end meanwhile, and are forgotten; returns how many were waited for. */
static int wait_all(struct trace *t)
{
	int waited = 0;

	for (size_t i = 0; i < t->count;) {
		struct tracee *thread = &t->threads[i];
		bool stands = thread->stopped;
		int r = stands ? 0 : tracee_wait(thread, t->calls.end);

		if (r == 0 && !stands)
			anew_check(&thread->anew, t->tasks, thread->tid);
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

/*
 * Filters of system calls are suspended while a thread makes one of ours. This is refused to a tracer that
 * has a filter itself, or lacks the privilege: then no thread may have one.
 */
static int check_filters(struct trace *t)
{
	struct proc_status status;
	int r = tracee_request(PTRACE_SETOPTIONS, t->pid, 0,
			       TRACEE_OPTIONS | PTRACE_O_SUSPEND_SECCOMP);

	t->calls.suspends = r == 0;
	if (r != -EPERM && r != -EINVAL)
		return r ? r : tracee_request(PTRACE_SETOPTIONS, t->pid, 0, TRACEE_OPTIONS);
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
		if (r == 0 && t->count != known && kernel_now_ns() > t->calls.end)
			r = -EBUSY;
	} while (r == 0 && t->count != known);
	if (r == 0 && !find(t, t->pid))
		r = -ESRCH;
	trace_renew(t);
	return r;
}

int trace_prepare(struct trace *t)
{
	int r = check_filters(t);

	/* Not before: an exec may have been under way, or may have come in between. */
	return r ? r : find_insn(t->proc, &t->calls.insn);
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

int trace_set_result(struct trace *t, pid_t tid, long result)
{
	struct tracee *thread = find(t, tid);

	return thread ? tracee_set_result(thread, result) : -ESRCH;
}

/* What failed before all had stopped lets go of some that are about to: their calls are to go on, too. */
static void wait_for_rest(struct trace *t)
{
	int64_t end = kernel_now_ns() + REST;

	for (size_t i = 0; i < t->count; i++)
		if (!t->threads[i].stopped && !t->threads[i].changed)
			tracee_wait(&t->threads[i], end);
}

void trace_close(struct trace *t)
{
	wait_for_rest(t);
	trace_renew(t);
	/* Killed ones are passed over; all others are restored before any runs. */
	for (size_t i = 0; i < t->count; i++)
		tracee_restore(&t->threads[i]);
	t->calls.touched = false;
	for (size_t i = 0; i < t->count; i++)
		tracee_shorten(&t->threads[i], &t->calls, t->tasks);
	for (size_t i = 0; i < t->count; i++)
		if (t->threads[i].stopped)
			tracee_request(PTRACE_DETACH, t->threads[i].tid, 0, 0);
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
