/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "anew.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>
#include <linux/ptrace.h>

#include "kernel.h"
#include "text.h"
#include "tracee.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define RING_EXT_ARG 8	 /* linux/io_uring.h has it since 5.11, */
#define RING_ABSOLUTE 32 /* this since 6.12, */
#define RING_BY_INDEX 64 /* and this since 6.13 */

/* Where the time limit of a call is, which the kernel does not change. */
enum limit { LIMIT_NONE, LIMIT_MS, LIMIT_TIMESPEC, LIMIT_TIMEVAL, LIMIT_RING };

/*
 * All that fail with EINTR after a stop, and have not done anything then. What is not here is begun anew by the
 * kernel with the time that is left, or has no time limit, or an absolute one; or could not be begun again: close(2).
 * Of sockets' own limits (SO_RCVTIMEO) nothing can be taken off.
 */
static const struct call {
	long number;
	enum limit limit;
	int argument;
	bool whole; /* the kernel does begin it anew, but with the whole time */
} calls[] = {
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, LIMIT_MS, 3, false},
#endif
#ifdef SYS_select
	/* The time that is left is written to the program's memory, unless that cannot be written to. */
	{SYS_select, LIMIT_TIMEVAL, 4, false},
#endif
	{SYS_pselect6, LIMIT_TIMESPEC, 4, false},
	{SYS_ppoll, LIMIT_TIMESPEC, 2, false},
	{SYS_epoll_pwait, LIMIT_MS, 3, false},
	{SYS_epoll_pwait2, LIMIT_TIMESPEC, 3, false},
	{SYS_rt_sigtimedwait, LIMIT_TIMESPEC, 2, false},
	{SYS_semop, LIMIT_NONE, 0, false},
	{SYS_semtimedop, LIMIT_TIMESPEC, 3, false},
	{SYS_io_getevents, LIMIT_TIMESPEC, 4, false},
	{SYS_io_pgetevents, LIMIT_TIMESPEC, 4, true},
	{SYS_io_uring_enter, LIMIT_RING, 4, false},
	{SYS_accept, LIMIT_NONE, 0, false},
	{SYS_accept4, LIMIT_NONE, 0, false},
	{SYS_connect, LIMIT_NONE, 0, false},
	{SYS_read, LIMIT_NONE, 0, false},
	{SYS_readv, LIMIT_NONE, 0, false},
	{SYS_recvfrom, LIMIT_NONE, 0, false},
	{SYS_recvmsg, LIMIT_NONE, 0, false},
	{SYS_recvmmsg, LIMIT_NONE, 0, false},
	{SYS_write, LIMIT_NONE, 0, false},
	{SYS_writev, LIMIT_NONE, 0, false},
	{SYS_sendto, LIMIT_NONE, 0, false},
	{SYS_sendmsg, LIMIT_NONE, 0, false},
	{SYS_sendmmsg, LIMIT_NONE, 0, false},
	{SYS_sendfile, LIMIT_NONE, 0, false},
	{SYS_splice, LIMIT_NONE, 0, false},
};

static const struct call *find(long number)
{
	for (size_t i = 0; number >= 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* What the scheduler tells of a thread: "NAME   :   VALUE", in any order. */
struct sched {
	uint64_t since, switches;
};

static const char *field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	at = at ? strchr(at, ':') : NULL;
	return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

/* Milliseconds with six decimals. */
static int parse_ms(const char *text, uint64_t *ret_ns)
{
	uint64_t ms, ns;
	int n = text ? text_parse_u64(text, INT64_MAX / MS, &ms) : -EINVAL;

	if (n < 0 || text[n] != '.' || text_parse_u64(text + n + 1, MS - 1, &ns) != 6)
		return -EINVAL;
	*ret_ns = ms * (uint64_t)MS + ns;
	return 0;
}

static int read_sched(int dir, const char *path, struct sched *ret)
{
	char text[8192];
	ssize_t n = kernel_read_file(dir, path, text, sizeof(text));
	const char *switches;
	int r;

	if (n < 0)
		return (int)n;
	r = parse_ms(field(text, "se.exec_start"), &ret->since);
	switches = field(text, "nr_voluntary_switches");
	if (r < 0 || !switches)
		return -EINVAL;
	r = text_parse_u64(switches, UINT64_MAX, &ret->switches);
	return r < 0 ? r : 0;
}

/* "TID/ENTRY" */
static void path_of(pid_t tid, const char *entry, char path[40])
{
	size_t len = (size_t)text_format_u64((uint64_t)tid, path);

	text_append(path, 40, &len, entry);
}

/* The 39th field of proc_pid_stat(5), counted behind the name, which may hold anything. */
static int read_cpu(int tasks, const char *path, uint64_t *ret_cpu)
{
	char text[1024];
	ssize_t n = kernel_read_file(tasks, path, text, sizeof(text));
	const char *s = n < 0 ? NULL : strrchr(text, ')');

	for (int i = 2; s && i < 39; i++) {
		s = strchr(s, ' ');
		s = s ? s + 1 : NULL;
	}
	n = s ? text_parse_u64(s, CPU_SETSIZE - 1, ret_cpu) : -EINVAL;
	return n < 0 ? (int)n : 0;
}

/* Of "NUMBER 0xARGUMENT 0xARGUMENT ...". */
static unsigned long argument_in(const char *text, int i)
{
	static const char digits[] = "0123456789abcdef";
	unsigned long value = 0;
	const char *digit;

	for (; text && i >= 0; i--) {
		text = strchr(text, ' ');
		text = text ? text + 1 : NULL;
	}
	if (!text || strncmp(text, "0x", 2) != 0)
		return 0;
	for (text += 2; *text && (digit = strchr(digits, *text)); text++)
		value = value * 16 + (unsigned long)(digit - digits);
	return value;
}

/* As far as can be told without a look at its memory. */
static bool has_limit(const struct call *call, const char *text)
{
	unsigned long value = argument_in(text, call->argument);

	return call->limit == LIMIT_MS ? (int)value > 0 : call->limit != LIMIT_NONE && value != 0;
}

void anew_look(struct anew *a, int tasks, pid_t tid)
{
	char path[40], text[256];
	const struct call *call;
	struct sched sched;
	uint64_t number;

	*a = (struct anew){0};
	path_of(tid, "/syscall", path);
	/* "running" of one that is on a processor, "-1" of one that waits elsewhere. */
	if (kernel_read_file(tasks, path, text, sizeof(text)) < 0 ||
	    text_parse_u64(text, INT32_MAX, &number) < 0)
		return;
	call = find((long)number);
	if (!call || !has_limit(call, text))
		return;
	path_of(tid, "/stat", path);
	if (read_cpu(tasks, path, &a->cpu) < 0)
		return;
	path_of(tid, "/sched", path);
	if (read_sched(tasks, path, &sched) < 0)
		return;
	*a = (struct anew){true, (long)number, sched.since, sched.switches, a->cpu};
}

/* To look at its registers is to wait for it to be off its processor: its stop is the one that it began after that. */
void anew_check(struct anew *a, int tasks, pid_t tid)
{
	struct sched sched;
	struct regs regs;
	char path[40];
	bool begun;

	if (!a->known)
		return;
	path_of(tid, "/sched", path);
	a->known = regs_get(tid, &regs) == 0 && regs_interrupted(&regs, &begun) == a->call &&
		   read_sched(tasks, path, &sched) == 0 && sched.switches == a->switches + 1;
}

/*
 * The clock of a processor is the time that it had: less than what has passed, where it is a virtual one. What it is
 * behind is seen by being on it oneself. If it has fallen back more since the thread began to wait, it seems to
 * have waited for less.
 */
static int clock_behind(int tasks, uint64_t cpu, int64_t *ret_ns)
{
	struct sched sched;
	cpu_set_t set;
	int r;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	/* Its own record is brought up to date. */
	sched_yield();
	r = read_sched(tasks, "../../thread-self/sched", &sched);
	if (r == 0)
		*ret_ns = kernel_now_ns() - (int64_t)sched.since;
	return r;
}

/* ns; 0: it is not known. */
static int64_t waited(const struct anew *a, int tasks)
{
	int64_t behind = 0, time;

	if (clock_behind(tasks, a->cpu, &behind) < 0)
		return 0;
	time = kernel_now_ns() - behind - (int64_t)a->since;
	return time > 0 ? time : 0;
}

static int read_words(int tasks, pid_t tid, unsigned long from, unsigned long *to, int n)
{
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = tracee_peek(tasks, tid, from + (unsigned long)i * sizeof(*to), &to[i]);
	return r;
}

/* unit: how many ns the second word counts. */
static bool shorten(unsigned long word[2], int64_t unit, int64_t time)
{
	int64_t left;

	/* The kernel will say what is wrong with it; and a century is as good as for ever. */
	if (word[0] > 100L * 366 * 86400 || word[1] >= (unsigned long)(SECOND / unit))
		return false;
	left = (int64_t)word[0] * SECOND + (int64_t)word[1] * unit - time;
	left = left > 0 ? left + unit - 1 : 0;
	word[0] = (unsigned long)(left / SECOND);
	word[1] = (unsigned long)(left % SECOND / unit);
	return true;
}

static bool shorten_ms(struct regs *regs, int argument, int64_t time)
{
	int ms = (int)regs_argument(regs, argument);
	int64_t left = ms * MS - time;

	if (ms <= 0)
		return false;
	/* Not earlier than it was to be. */
	left = left > 0 ? (left + MS - 1) / MS : 0;
	regs_set_argument(regs, argument, (unsigned long)left);
	return true;
}

static bool shorten_timespec(int tasks, pid_t tid, const struct regs *regs, const struct call *call,
			     int64_t time, struct anew_limit *limit)
{
	unsigned long at = regs_argument(regs, call->argument);

	*limit = (struct anew_limit){.argument = call->argument, .pointer = -1};
	if (at == 0 || read_words(tasks, tid, at, limit->word, 2) < 0 ||
	    !shorten(limit->word, call->limit == LIMIT_TIMEVAL ? 1000 : 1, time))
		return false;
	limit->count = 2;
	return true;
}

/* struct io_uring_getevents_arg, whose third word points to the time limit. */
static bool shorten_ring(int tasks, pid_t tid, const struct regs *regs, const struct call *call,
			 int64_t time, struct anew_limit *limit)
{
	unsigned long flags = regs_argument(regs, 3), at = regs_argument(regs, call->argument);
	unsigned long arg[3];

	*limit = (struct anew_limit){.argument = call->argument, .target = 2, .pointer = 4};
	if (!(flags & RING_EXT_ARG) || (flags & (RING_ABSOLUTE | RING_BY_INDEX)) ||
	    read_words(tasks, tid, at, arg, 3) < 0 || arg[2] == 0 ||
	    read_words(tasks, tid, arg[2], limit->word, 2) < 0 || !shorten(limit->word, 1, time))
		return false;
	memcpy(&limit->word[2], arg, 2 * sizeof(arg[0]));
	limit->count = ANEW_WORDS;
	return true;
}

bool anew_begin(struct regs *regs)
{
	bool begun;
	const struct call *call = find(regs_interrupted(regs, &begun));

	if (!call || (begun && !call->whole))
		return false;
	regs_begin_anew(regs);
	return true;
}

bool anew_shorten(const struct anew *a, int tasks, pid_t tid, struct regs *regs,
		  struct anew_limit *ret_limit)
{
	const struct call *call = find(a->call);
	int64_t time = waited(a, tasks);

	ret_limit->count = 0;
	if (!call || time == 0)
		return false;
	if (call->limit == LIMIT_MS)
		return shorten_ms(regs, call->argument, time);
	if (call->limit == LIMIT_RING)
		return shorten_ring(tasks, tid, regs, call, time, ret_limit);
	return shorten_timespec(tasks, tid, regs, call, time, ret_limit);
}

int anew_put(pid_t tid, struct anew_limit *limit, unsigned long address, struct regs *regs)
{
	const size_t size = sizeof(limit->word[0]);
	int r = 0;

	if (limit->pointer >= 0)
		limit->word[limit->pointer] = address;
	for (int i = 0; r == 0 && i < limit->count; i++)
		r = tracee_request(PTRACE_POKEDATA, tid, address + (unsigned long)i * size,
				   limit->word[i]);
	if (r == 0)
		regs_set_argument(regs, limit->argument,
				  address + (unsigned long)limit->target * size);
	return r;
}
