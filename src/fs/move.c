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

#include "cleanup.h"

#include "leave.h"
#include "parse.h"

/* Both the opener and the writer must be able to trace it; nobody needs a right to move itself. */
static int may_move(const struct request *r, pid_t pid, int pidfd)
{
	const struct caller *who = r->look.who, *opener = r->look.opener;
	int e = pid == who->pid ? 0 : caller_may_trace(who, pidfd);

	if (e < 0 || caller_equals(who, opener))
		return e;
	return caller_may_trace(opener, pidfd);
}

struct answer {
	const struct request *r;
	size_t size;
	pid_t pid; /* of the process that is moved */
	bool given;
};

static void answer(void *arg)
{
	struct answer *a = arg;

	a->given = true;
	fuse_reply_write(a->r->fuse, a->size);
}

/* As before: both of them. */
static int may_leave(void *arg, int procs, unsigned int depth)
{
	const struct answer *a = arg;

	return leave_allowed(&a->r->look, a->pid, procs, depth);
}

static int attach(struct answer *a, int pidfd)
{
	const struct request *r = a->r;
	const struct container_attach_for how = {
		.size = sizeof(how),
		.pidfd = pidfd,
		.writer = r->look.who->tid,
		.answer = a->pid == r->look.who->pid ? answer : NULL,
		.may_leave = may_leave,
		.arg = a,
	};

	return container_attach_for(r->look.container, &how) < 0 ? -errno : 0;
}

void move_store(const struct request *r, const char *text, size_t size)
{
	struct answer a = {.r = r, .size = size};
	autoclose int pidfd = -EBADF;
	pid_t number, pid;
	int e = parse_pid(text, &number);

	pid = e == 0 ? (number ? caller_pid(r->look.who, number) : r->look.who->pid) : e;
	/* From here on it is this process, whatever becomes of its number. */
	pidfd = pid < 0 ? pid : (int)syscall(SYS_pidfd_open, pid, 0);
	e = pid < 0 ? pid : pidfd < 0 ? -ESRCH : may_move(r, pid, pidfd);
	a.pid = pid;
	e = e ? e : attach(&a, pidfd);
	if (a.given)
		return;
	if (e < 0)
		fuse_reply_err(r->fuse, -e);
	else
		fuse_reply_write(r->fuse, size);
}
