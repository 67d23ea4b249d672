/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "entry.h"
#include "error.h"
#include "kernel.h"

struct holder_arg {
	const struct child_plan *plan;
	int out;
};

/* Its memory is a copy of the caller's: nobody inside may read it. First of all. */
static int holder_main(void *arg)
{
	const struct holder_arg *a = arg;
	struct child_result result = {0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		result.code = error_set(-errno, "start a holder", NULL);
	if (result.code == 0)
		result.code = child_setup(a->plan);
	/* After joining a user namespace, which would clear it. */
	if (result.code == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		result.code = error_set(-errno, "start a holder", NULL);
	result.error = *error_last();
	if (dup2(a->out, 0) < 0)
		return 1;
	kernel_close_from(1);
	/* If the caller has died before that signal was set, nobody reads this. */
	if (write(0, &result, sizeof(result)) != (ssize_t)sizeof(result) || result.code < 0)
		return 1;
	close(0);
	for (;;)
		pause();
	return 0;
}

static pid_t holder_clone(struct holder_arg *arg, int pid_ns, int *ret_pidfd)
{
	struct clone_request req = {
		.cgroup = -EBADF,
		.ret_pidfd = ret_pidfd,
	};
	sigset_t old;
	pid_t pid;

	kernel_block_signals(&old);
	pid = pid_switch_clone(pid_ns, &req, holder_main, arg);
	kernel_restore_signals(&old);
	return pid;
}

void holder_init(struct holder *holder)
{
	*holder = (struct holder){.pidfd = -EBADF};
}

void holder_end(struct holder *holder)
{
	if (holder->pid > 0)
		agent_holder_end(holder->pid);
	holder->pid = 0;
	close_fd(&holder->pidfd);
}

int holder_start(const struct child_plan *plan, int pid_ns, struct holder *ret_holder)
{
	autoholder struct holder holder = {.pidfd = -EBADF};
	autoclose int in = -EBADF;
	autoclose int out = -EBADF;
	struct child_result result;
	int tell[2], r;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return error_set(-errno, "start a holder", NULL);
	in = tell[0];
	out = tell[1];
	holder.pid = holder_clone(&(struct holder_arg){plan, out}, pid_ns, &holder.pidfd);
	if (holder.pid < 0)
		return holder.pid;
	close_fd(&out);
	r = entry_read_result(holder.pid, in, "the holder died", &result);
	if (r < 0)
		return r;
	*ret_holder = holder;
	holder_init(&holder);
	return 0;
}
