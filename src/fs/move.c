/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pid is written to tasks, and the process becomes a task of the container. The writer is told what
 * came of it also when it is the one that is moved: it is stopped in its write(2), which is answered
 * so that it can stop, and if the move then fails the library makes the write(2) fail.
 */
#include "move.h"

#include <containerfs/container.h>

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "cleanup.h"
#include "leave.h"
#include "parse.h"
#include "surrogate.h"

/* Who wants a process to be moved, and what is decided about it. */
struct move {
	const struct request *r;
	size_t size; /* of what was written */
	bool answered;
	pid_t pid; /* of the process that is moved */
	struct surrogate who, opener;
};

static bool is_self(const struct move *m)
{
	return m->pid == m->r->look.who->pid;
}

/* Whatever the process is, and becomes. */
static bool may_trace_all(const struct caller *c)
{
	return caller_is_capable(c, CAP_SYS_PTRACE);
}

static bool opener_is_writer(const struct look *l)
{
	return caller_equals(l->who, l->opener);
}

/* Both the opener and the writer must be able to trace it; nobody needs a right to move itself. */
static int may_move(struct move *m, int pidfd)
{
	const struct look *l = &m->r->look;
	int e = 0;

	if (!is_self(m) && !may_trace_all(l->who))
		e = caller_may_trace(l->who, pidfd, &m->who);
	if (e == 0 && !opener_is_writer(l) && !may_trace_all(l->opener))
		e = caller_may_trace(l->opener, pidfd, &m->opener);
	return e;
}

static bool may_become_other(const struct move *m)
{
	const struct look *l = &m->r->look;

	return !may_trace_all(l->who) || !may_trace_all(l->opener);
}

/*
 * It stands still, and is what it will be when it is moved. In an agent: what is asked here allocates nothing.
 * A writer that moves itself must still be itself, in all of its threads.
 */
static int may_move_still(const struct move *m, const pid_t *threads, size_t count)
{
	const struct look *l = &m->r->look;
	int e = 0;

	if (!may_trace_all(l->who))
		e = is_self(m) ? caller_is_still(l->who, threads, count)
			       : caller_may_still_trace(l->who, &m->who, threads, count);
	if (e == 0 && m->opener.pid)
		e = caller_may_still_trace(l->opener, &m->opener, threads, count);
	return e;
}

static int move_question(const struct request *r, const struct container_guarded *what)
{
	const struct move *m = r->about;
	int e;

	if (what->threads)
		return may_move_still(m, what->threads, what->thread_count);
	e = request_may_store(r, what);
	return e < 0 ? e : what->pid && may_become_other(m);
}

static void answer(void *arg)
{
	struct move *m = arg;

	m->answered = true;
	fuse_reply_write(m->r->fuse, m->size);
}

/* As before: both of them. */
static int may_leave(void *arg, int procs, unsigned int depth)
{
	const struct move *m = arg;

	return leave_allowed(&m->r->look, m->pid, procs, depth);
}

static int attach(struct move *m, int pidfd)
{
	const struct request *r = m->r;
	const struct container_attach_for how = {
		.size = sizeof(how),
		.pidfd = pidfd,
		.writer = r->look.who->tid,
		.answer = is_self(m) ? answer : NULL,
		.may_leave = may_leave,
		.arg = m,
	};

	return container_attach_for(r->look.container, &how) < 0 ? -errno : 0;
}

static void move_end(struct move *m)
{
	surrogate_end(&m->who);
	surrogate_end(&m->opener);
}
#define automove __attribute__((cleanup(move_end)))

void move_store(struct request *r, const char *text, size_t size)
{
	automove struct move m = {
		.r = r,
		.size = size,
		.who = {.pidfd = -EBADF, .socket = -EBADF},
		.opener = {.pidfd = -EBADF, .socket = -EBADF},
	};
	autoclose int pidfd = -EBADF;
	pid_t number;
	int e = parse_pid(text, &number);

	m.pid = e == 0 ? (number ? caller_pid(r->look.who, number) : r->look.who->pid) : e;
	/* From here on it is this process, whatever becomes of its number. */
	pidfd = m.pid < 0 ? m.pid : (int)syscall(SYS_pidfd_open, m.pid, 0);
	e = m.pid < 0 ? m.pid : pidfd < 0 ? -ESRCH : may_move(&m, pidfd);
	e = e ? e : request_ask(r, move_question, &m);
	e = e ? e : attach(&m, pidfd);
	if (m.answered)
		return;
	if (e < 0)
		fuse_reply_err(r->fuse, -e);
	else
		fuse_reply_write(r->fuse, size);
}
