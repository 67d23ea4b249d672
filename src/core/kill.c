/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kill.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "proc.h"
#include "text.h"

/*
 * ms between looks. Nearly always all are gone after the first, of which the kernel tells only when ten are over; before
 * these are, nobody is looked for one by one.
 */
#define FIRST_PAUSE 1
#define LOOK_FOR_EACH 16
#define LAST_PAUSE 100
#define WHERE_SIZE 64
#define TOLD_SIZE 220 /* of the object of an error: what is not told is counted */

/* A process, and a thread of its which is in the cgroup: its first one may not be. */
struct member {
	pid_t pid, tid;
};

static int compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Sorted, each once. The caller frees *ret. */
static ssize_t members_of(const pid_t *tids, size_t n, struct member **ret)
{
	struct member *list = calloc(n + 1, sizeof(*list));
	size_t count = 0, kept = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		/* 0: the caller's pid namespace has no number for it. */
		if (tids[i] > 0 && proc_process_of(tids[i], &list[count].pid) == 0)
			list[count++].tid = tids[i];
	qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || list[i].pid != list[kept - 1].pid)
			list[kept++] = list[i];
	*ret = list;
	return (ssize_t)kept;
}

/* Memory is grown until it was enough. *ret_unseen: threads without a number here. */
static ssize_t members(int cgroup, struct member **ret, size_t *ret_unseen)
{
	size_t room = 64;

	for (;;) {
		autofree pid_t *tids = malloc(room * sizeof(*tids));
		ssize_t n = tids ? cgroup_threads(cgroup, tids, room) : -ENOMEM;

		if (n < 0)
			return n;
		room = (size_t)n > room ? (size_t)n + 64 : 0;
		if (room)
			continue;
		*ret_unseen = 0;
		for (ssize_t i = 0; i < n; i++)
			*ret_unseen += tids[i] == 0;
		return members_of(tids, (size_t)n, ret);
	}
}

/*
 * A number that was read may be another's by the time it is used. So the pidfd is opened first; the directory of the
 * thread is of that same process if this lives after it was opened; and what it tells is of the thread.
 */
static int send_signal(const struct hierarchy *h, const char *chain, const struct member *m,
		       int sig)
{
	autoclose int pidfd = kernel_pidfd_open(m->pid);
	autoclose int thread = -EBADF;
	char path[PATH_SIZE], found[SPEC_CGROUP_SIZE];
	int r;

	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;
	thread = proc_open_thread(m->pid, m->tid);
	if (thread < 0 || !kernel_pidfd_is_alive(pidfd))
		return thread < 0 ? thread : -ESRCH;
	r = proc_thread_cgroup(thread, path, sizeof(path));
	r = r ? r : object_chain_at(h, m->pid, path, found);
	if (r < 0 || !object_chain_within(found, chain))
		return r < 0 ? r : -ESRCH;
	return kernel_pidfd_send_signal(pidfd, sig);
}

int kill_signal(const struct hierarchy *h, const struct spec *spec, int cgroup, int sig)
{
	autofree struct member *list = NULL;
	size_t unseen;
	ssize_t n;
	int result = -ESRCH;

	if (!proc_is_own_pid_ns())
		return error_set(-EXDEV, "this /proc is of another pid namespace", "/proc");
	n = members(cgroup, &list, &unseen);
	for (ssize_t i = 0; i < n; i++) {
		int r = send_signal(h, spec->cgroup, &list[i], sig);

		if (r != -ESRCH && (result == -ESRCH || r < 0))
			result = r;
	}
	return n < 0 ? (int)n : result;
}

/* "4711 D request_wait_answer". */
static bool tell_one(const struct member *m, char *text, size_t *len)
{
	autoclose int thread = proc_open_thread(m->pid, m->tid);
	char one[WHERE_SIZE + 32] = "", where[WHERE_SIZE], state[] = " ?";
	size_t n = 0;

	if (thread < 0 || proc_thread_waits(thread, &state[1], where, sizeof(where)) < 0)
		return true;
	if (*len > 0)
		text_append(one, sizeof(one), &n, ", ");
	text_format_u64((uint64_t)m->pid, one + n);
	n = strlen(one);
	text_append(one, sizeof(one), &n, state);
	if (where[0])
		text_append(one, sizeof(one), &n, " ");
	text_append(one, sizeof(one), &n, where);
	return *len + n < TOLD_SIZE && text_append(text, TOLD_SIZE, len, one) == 0;
}

static void tell_number(char *text, size_t size, size_t *len, size_t number, const char *what)
{
	char digits[21];

	if (number == 0)
		return;
	text_format_u64(number, digits);
	if (*len > 0)
		text_append(text, size, len, ", ");
	text_append(text, size, len, digits);
	text_append(text, size, len, what);
}

/* Who is left, as far as there is room for it. */
static int left(int cgroup)
{
	autofree struct member *list = NULL;
	char text[TOLD_SIZE + 32] = "";
	size_t unseen = 0, len = 0, told = 0;
	ssize_t n = proc_is_own_pid_ns() ? members(cgroup, &list, &unseen) : 0;

	while ((ssize_t)told < n && tell_one(&list[told], text, &len))
		told++;
	if (n > 0)
		tell_number(text, sizeof(text), &len, (size_t)n - told, " more");
	tell_number(text, sizeof(text), &len, unseen, " not seen from here");
	return error_set(-EBUSY, "tasks do not die", text);
}

int kill_all(const struct hierarchy *h, const struct spec *spec, int cgroup, int timeout)
{
	int64_t end = kernel_now_ms() + timeout;
	int pause = FIRST_PAUSE;

	for (;;) {
		int64_t time = end - kernel_now_ms();
		bool each = time <= 0 || pause >= LOOK_FOR_EACH, last = each && time <= pause;
		/* Each time: who was left may have forked. */
		int r = cgroup_kill(cgroup);

		/* Removed meanwhile. */
		if (r == -ENOENT || r == -ENODEV)
			return 0;
		if (r == 0 && each)
			kill_signal(h, spec, cgroup, SIGKILL);
		time = time < 0 ? 0 : time < pause ? time : pause;
		r = r ? r : cgroup_wait(cgroup, false, false, (int)time);
		if (r != -ETIMEDOUT)
			return r;
		if (last)
			return left(cgroup);
		pause = pause < LAST_PAUSE / 2 ? 2 * pause : LAST_PAUSE;
	}
}
