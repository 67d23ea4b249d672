/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"
#include "error.h"
#include "kernel.h"
#include "proc.h"

#define STOP_LOOK 50 /* ms */

struct agent {
	int (*fn)(void *);
	void *arg;
	int join_cgroup; /* the clone could not put it there; -EBADF: nothing to be done */
	bool is_thread;
	bool own_files; /* it may be killed: what it has open is not the caller's */
	bool limited;	/* it is killed after a second */
	bool started;
	int result;
};

/* A timer of the agent's own process. */
static int set_limit(void)
{
	const struct itimerspec second = {.it_value = {.tv_sec = 1}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	int timer;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0 ||
			       syscall(SYS_timer_settime, timer, 0, &second, NULL) < 0
		       ? -errno
		       : 0;
}

static int agent_main(void *arg)
{
	struct agent *agent = arg;
	int r = 0;

	agent->started = true;
	/* It has the caller's locks with its fds: they must not outlive the caller in it. */
	if (!agent->is_thread)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The result stays "cancelled" until the work is done: an agent may be killed at any moment. */
	if (agent->join_cgroup >= 0)
		r = kernel_write_file(agent->join_cgroup, "cgroup.procs", "0");
	if (r == 0 && agent->limited)
		r = set_limit();
	agent->result = r ? r : agent->fn(agent->arg);
	return 0;
}

/*
 * The child has exit signal 0: it never disturbs the program's SIGCHLD or its wait(2). One that a task
 * of the container sees may be stopped by it, and shall not keep the caller.
 */
static int agent_reap(pid_t pid)
{
	int status = 0;

	for (;;) {
		pid_t r = waitpid(pid, &status, __WCLONE | WUNTRACED);

		if (r == pid && WIFSTOPPED(status))
			kill(pid, SIGCONT);
		else if (r == pid || errno != EINTR)
			return status;
	}
}

/*
 * The kernel lets the caller go on a moment before the thread is gone; until then the program is one of
 * several threads, which may not join every namespace.
 */
static void thread_reap(pid_t tid)
{
	while (kernel_has_thread(tid))
		sched_yield();
}

static pid_t agent_clone(struct agent *agent, int cgroup, uint64_t memory)
{
	struct clone_request req = {
		.flags = memory | (agent->own_files ? 0 : CLONE_FILES),
		.cgroup = cgroup,
	};
	struct cpu_hold hold;
	sigset_t old;
	pid_t pid;

	kernel_block_signals(&old);
	cpu_hold(&hold);
	pid = kernel_clone(&req, agent_main, agent);
	if (pid > 0 && (memory & CLONE_THREAD))
		thread_reap(pid);
	else if (pid > 0)
		agent_reap(pid);
	cpu_release(&hold);
	kernel_restore_signals(&old);
	return pid;
}

/* With agent in memory that both have, also if memory says that they share nothing else. */
static int run(struct agent *agent, int cgroup, uint64_t memory)
{
	pid_t pid;

	/* It would be the first process of that, and the last: it ends with the agent. */
	if (!(memory & CLONE_THREAD) && proc_children_begin_pid_ns())
		return error_set(-EINVAL,
				 "the caller's next child begins a pid namespace: fork first",
				 NULL);
	agent->join_cgroup = -EBADF;
	agent->own_files |= cgroup >= 0;
	agent->result = -ECANCELED;
	pid = agent_clone(agent, cgroup, memory);
	/* Dead at birth, in a cgroup that was killed once: see clone_into_cgroup() in core/task.c. */
	if (pid > 0 && !agent->started && cgroup >= 0) {
		agent->join_cgroup = cgroup;
		pid = agent_clone(agent, -EBADF, memory);
	}
	if (pid > 0 && agent->result == -ECANCELED)
		return error_set(-ECANCELED, "an agent was killed before it was done", NULL);
	return pid < 0 ? pid : agent->result;
}

int agent_run(int cgroup, int (*fn)(void *arg), void *arg)
{
	struct agent agent = {.fn = fn, .arg = arg};

	return run(&agent, cgroup, CLONE_VM | CLONE_VFORK);
}

int agent_look(bool shares_fds, int (*fn)(void *arg), void *arg)
{
	struct agent agent = {.fn = fn, .arg = arg, .own_files = !shares_fds, .limited = true};
	int r = run(&agent, -1, CLONE_VM | CLONE_VFORK);

	return r == -ECANCELED ? error_set(-EBUSY, "the process keeps who looks at it", NULL) : r;
}

struct ns_entry {
	pid_t pid;
	const char *entry;
};

static int open_ns(void *arg)
{
	const struct ns_entry *e = arg;

	return proc_open_ns(e->pid, e->entry);
}

int agent_open_ns(pid_t pid, const char *entry)
{
	return agent_look(true, open_ns, &(struct ns_entry){pid, entry});
}

int agent_run_thread(int (*fn)(void *arg), void *arg)
{
	struct agent agent = {.fn = fn, .arg = arg, .is_thread = true};
	int r = run(&agent, -1, CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | CLONE_THREAD);

	/* Whose children are to be in another pid namespace has no threads any more. */
	return r == -EINVAL && !agent.started ? agent_run(-1, fn, arg) : r;
}

/* What an agent with memory of its own and its caller have in common. */
struct apart {
	struct agent agent;
	int (*fn)(void *);
	bool failed;
	struct container_error error;
	char arg[] __attribute__((aligned(16)));
};

static int apart_main(void *arg)
{
	struct apart *apart = arg;
	int r = prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : apart->fn(apart->arg);

	apart->error = *error_last();
	apart->failed = r < 0;
	return r;
}

int agent_run_apart(int cgroup, int (*fn)(void *arg), void *arg, size_t size)
{
	size_t total = sizeof(struct apart) + size;
	struct apart *apart =
		mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (apart == MAP_FAILED)
		return error_set(-errno, "start an agent", NULL);
	apart->agent = (struct agent){.fn = apart_main, .arg = apart};
	apart->fn = fn;
	memcpy(apart->arg, arg, size);
	r = run(&apart->agent, cgroup, 0);
	if (apart->failed)
		error_copy(&apart->error);
	memcpy(arg, apart->arg, size);
	munmap(apart, total);
	return r;
}

void agent_wake(pid_t pid)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | __WALL) == 0 && info.si_pid == pid)
		kill(pid, SIGCONT);
}

ssize_t agent_read(pid_t pid, int in, void *buf, size_t size)
{
	struct pollfd poll_fd = {.fd = in, .events = POLLIN};

	for (;;) {
		int r = poll(&poll_fd, 1, STOP_LOOK);
		ssize_t n = r > 0 ? read(in, buf, size) : r;

		if (r > 0 && (n >= 0 || errno != EINTR))
			return n;
		if (r < 0 && errno != EINTR)
			return r;
		if (r == 0)
			agent_wake(pid);
	}
}

void agent_wait_exec(pid_t pid, const volatile pid_t *second, int in)
{
	struct pollfd poll_fd = {.fd = in, .events = POLLIN};
	siginfo_t info = {0};
	int r;

	do {
		r = poll(&poll_fd, 1, STOP_LOOK);
		if (r == 0)
			agent_wake(pid);
		if (r == 0 && *second > 0)
			agent_wake(*second);
		/* A child that another thread has forked meanwhile may have the other end. */
	} while (r <= 0 && !proc_has_executed(pid) &&
		 (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 ||
		  info.si_pid != pid));
}

struct beside {
	int (*fn)(void *arg);
	void *arg;
};

static int beside_main(void *arg)
{
	const struct beside *beside = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return beside->fn(beside->arg);
}

/* Not CLONE_VM: what goes on beside its maker must not depend on memory that this goes on using. */
int agent_start(int (*fn)(void *arg), void *arg, int *ret_pid)
{
	struct clone_request req = {
		.cgroup = -1,
	};
	struct beside beside = {fn, arg};
	sigset_t old;
	pid_t pid;

	kernel_block_signals(&old);
	pid = kernel_clone(&req, beside_main, &beside);
	kernel_restore_signals(&old);
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	return 0;
}

int agent_wait(int pid)
{
	int status = agent_reap(pid);

	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
}

void agent_holder_end(int pid)
{
	/* It cannot fail; but if it did, the wait would be for ever. */
	for (int i = 0; i < 3 && kill(pid, SIGKILL) < 0; i++)
		;
	agent_reap(pid);
}
