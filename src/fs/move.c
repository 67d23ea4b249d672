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
	bool given;
};

static void answer(void *arg)
{
	struct answer *a = arg;

	a->given = true;
	fuse_reply_write(a->r->fuse, a->size);
}

void move_store(const struct request *r, const char *text, size_t size)
{
	struct answer a = {r, size, false};
	autoclose int pidfd = -EBADF;
	pid_t number, pid;
	int e = parse_pid(text, &number);

	pid = e == 0 ? (number ? caller_pid(r->look.who, number) : r->look.who->pid) : e;
	/* From here on it is this process, whatever becomes of its number. */
	pidfd = pid < 0 ? pid : (int)syscall(SYS_pidfd_open, pid, 0);
	e = pid < 0 ? pid : pidfd < 0 ? -ESRCH : may_move(r, pid, pidfd);
	if (e == 0 && pid == r->look.who->pid)
		e = container_attach_writer(r->look.container, r->look.who->tid, 0, answer, &a);
	else if (e == 0)
		e = container_attach_pidfd(r->look.container, pidfd, 0);
	if (a.given)
		return;
	if (e < 0)
		fuse_reply_err(r->fuse, e == -1 ? errno : -e);
	else
		fuse_reply_write(r->fuse, size);
}
