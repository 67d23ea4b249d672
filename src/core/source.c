/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"

void source_init(struct source *source)
{
	*source = (struct source){.pidfd = -EBADF};
	holder_init(&source->holder);
}

void source_close(struct source *source)
{
	holder_end(&source->holder);
}

/* Whether the pid namespace of a process is the outer one, so many levels above. */
static bool is_within(pid_t pid, int levels, uint64_t outer)
{
	autoclose int ns = proc_open_ns(pid, "pid");
	struct stat st;

	for (; ns >= 0 && levels > 0; levels--) {
		int parent = ioctl(ns, NS_GET_PARENT);

		close_fd(&ns);
		ns = parent;
	}
	return ns >= 0 && fstat(ns, &st) == 0 && st.st_ino == outer;
}

/* The number by which a task can open a pidfd of other; -ESRCH if it cannot see it. */
static pid_t number_for(pid_t pid, const struct proc_status *status, pid_t other)
{
	autoclose int dir = proc_open_ns_dir(pid);
	struct proc_status its;
	uint64_t own = 0;
	int r = dir < 0 ? dir : proc_status(other, &its);

	r = r ? r : proc_ns_inode(dir, "pid", &own);
	if (r < 0)
		return r;
	if (its.depth < status->depth || !is_within(other, its.depth - status->depth, own))
		return -ESRCH;
	return its.number[status->depth - 1];
}

/* The task sees it if it has one number only: then it is in the caller's own pid namespace. */
static bool is_agent(const struct proc_status *status, unsigned int types)
{
	const unsigned int others = CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWTIME;

	return !(types & others) && status->depth == 1;
}

/* That of the plan, which those types that live no longer than init are from. */
static bool init_has_all(const struct join_plan *join, unsigned int types)
{
	autoclose int dir = proc_open_ns_dir(join->task_pid);
	uint64_t wanted[NS_COUNT];

	if (dir < 0 || join_plan_inodes(join, types, wanted) < 0)
		return false;
	for (int t = 0; t < NS_COUNT; t++) {
		uint64_t its;

		if ((types & (unsigned int)nstype_info(t)->clone_flag) &&
		    (proc_ns_inode(dir, nstype_info(t)->proc, &its) < 0 || wanted[t] != its))
			return false;
	}
	return true;
}

/* A look at both, of which each may keep who looks. */
struct look {
	const struct join_plan *join;
	pid_t pid, other;
	const struct proc_status *status;
	unsigned int types;
};

static int look_for_number(void *arg)
{
	const struct look *l = arg;

	return number_for(l->pid, l->status, l->other);
}

static int look_at_init(void *arg)
{
	const struct look *l = arg;

	return init_has_all(l->join, l->types) ? look_for_number(arg) : 0;
}

/* 1: it is; 0; -EBUSY. */
static int is_init(struct look *l, struct source *source)
{
	int number = 0;

	l->other = l->join->task_pid;
	if (l->join->task >= 0)
		number = agent_look(false, look_at_init, l);
	if (number == -EBUSY)
		return number;
	if (number <= 0 || !kernel_pidfd_is_alive(l->join->task))
		return 0;
	source->number = number;
	source->pidfd = l->join->task;
	return 1;
}

/*
 * Where the task can see it: in the pid namespace that it is to join, else in its own; either may be
 * the calling thread's.
 */
static int start_holder(const struct entry *e, pid_t pid, const struct proc_status *status,
			unsigned int types, struct source *source)
{
	autoclose int own = -EBADF;
	int ns = -EBADF;

	if (types & CLONE_NEWPID) {
		ns = join_plan_fd(&e->join, NS_PID);
	} else if (status->depth > 1) {
		own = agent_open_ns(pid, "pid");
		if (own < 0)
			return error_set(own, "open namespace", "pid");
		ns = own;
	}
	return holder_start(&source->plan, ns, &source->holder);
}

/* What the task has already nobody need join. */
static void plan_joining(const struct entry *e, unsigned int types, struct source *source)
{
	source->join = e->join;
	source->join.task_types &= types;
	for (int t = 0; t < NS_COUNT; t++)
		if (!(types & (unsigned int)nstype_info(t)->clone_flag))
			source->join.fds.fd[t] = -EBADF;
	source->plan = e->child;
	source->plan.join = &source->join;
}

int source_find(const struct entry *e, pid_t pid, const struct proc_status *status,
		unsigned int types, struct source *ret_source)
{
	struct look l = {.join = &e->join, .pid = pid, .status = status, .types = types};
	int r;

	plan_joining(e, types, ret_source);
	if (is_agent(status, types))
		return 0;
	r = is_init(&l, ret_source);
	if (r != 0)
		return r < 0 ? r : 0;
	r = start_holder(e, pid, status, types, ret_source);
	if (r < 0)
		return r;
	l.other = ret_source->holder.pid;
	r = agent_look(false, look_for_number, &l);
	if (r == -EBUSY)
		return r;
	if (r < 0)
		return error_set(-EINVAL, "its pid namespace is not above the container's", NULL);
	ret_source->number = r;
	ret_source->pidfd = ret_source->holder.pidfd;
	return 0;
}

pid_t source_join(const struct source *source)
{
	int r;

	if (source->number)
		return source->number;
	r = child_setup(&source->plan);
	return r < 0 ? r : getpid();
}

bool source_is_alive(const struct source *source)
{
	return source->number == 0 || kernel_pidfd_is_alive(source->pidfd);
}
