/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that can be found out is found out first, while the task runs: where it is, what it would join, and
 * from whom. From a source, that is, a process with all the wanted namespaces: the container's init, or
 * a holder (holder.h). Then an agent stops it, and looks whether all is still as it was. The cgroup comes
 * first, as that step can be taken back; then each thread joins by one setns(2) of the source's
 * pidfd, which is all or nothing, and which the kernel checks as if the thread had called it itself.
 *
 * The container's lock is held. The task's own container is not locked: that it was in it is looked at
 * while it stands still, and it can leave it by nobody but those who may move it down.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "agent.h"
#include "cleanup.h"
#include "control.h"
#include "entry.h"
#include "error.h"
#include "holder.h"
#include "init.h"
#include "kernel.h"
#include "proc.h"
#include "text.h"
#include "trace.h"

/* For each type that of a task, and that of its children to come. */
struct present {
	uint64_t own[NS_COUNT], later[NS_COUNT];
};

struct attach {
	pid_t pid, writer; /* the process; its thread that waits for the answer */
	int pidfd;
	struct proc_status status;
	unsigned int types; /* those that it does not have yet */
	struct present present;
	char cgroup[PATH_SIZE]; /* where it is, as /proc tells */
	int from, to;		/* cgroups; to is borrowed, and -EBADF if it is there already */
	pid_t source;		/* number of the source in the task's pid namespace */
	int source_pidfd;	/* borrowed */
	void (*answer)(void *arg);
	void *arg;
	bool answered;
};

static unsigned int flag_of(int type)
{
	return (unsigned int)nstype_info(type)->clone_flag;
}

static void attach_close(struct attach *a)
{
	close_fd(&a->pidfd);
	close_fd(&a->from);
}
#define autoattach __attribute__((cleanup(attach_close)))

static int no_task(int r)
{
	bool none = r == -ESRCH || r == -ENOENT || r == -EINVAL;

	return none ? error_set(-ESRCH, "no such task", NULL) : error_set(r, "look at", "the task");
}

/* Who it is. From here on whatever was read of /proc holds if the pidfd is alive after it. */
static int identify(struct attach *a, pid_t pid)
{
	int r = pid > 0 ? 0 : -ESRCH;

	if (!proc_is_own_pid_ns())
		return error_set(-EXDEV, "this /proc is of another pid namespace", "/proc");
	/* The file server knows the thread that writes. */
	if (r == 0 && a->answer)
		r = proc_status(pid, &a->status);
	if (r < 0)
		return no_task(r);
	a->writer = pid;
	a->pid = a->answer ? a->status.process : pid;
	if (a->pid == getpid())
		return error_set(-EINVAL, "the caller itself; use container_enter", NULL);
	a->pidfd = kernel_pidfd_open(a->pid);
	r = a->pidfd < 0 ? a->pidfd : proc_status(a->pid, &a->status);
	if (r == 0 && (a->status.ended || a->status.process != a->pid))
		r = -ESRCH;
	return r < 0 ? no_task(r) : 0;
}

/* A type has two entries in /proc if what is new comes with the next child. */
static int read_type(pid_t tid, int type, struct present *ret_present)
{
	const struct nstype_info *info = nstype_info(type);
	int r = proc_ns_inode(tid, info->proc, &ret_present->own[type]);

	ret_present->later[type] = ret_present->own[type];
	if (r < 0 || strcmp(info->proc, info->proc_for_new) == 0)
		return r;
	return proc_ns_inode(tid, info->proc_for_new, &ret_present->later[type]);
}

/* As for enter, a pid namespace is that of the children. */
static bool has_it(const struct present *present, int type, uint64_t inode)
{
	return present->later[type] == inode && (type == NS_PID || present->own[type] == inode);
}

static int compare(struct attach *a, const struct join_plan *join, unsigned int types)
{
	for (int t = 0; t < NS_COUNT; t++) {
		uint64_t inode;
		int r;

		if (types != 0 && !(types & flag_of(t)))
			continue;
		r = join_plan_inode(join, t, &inode);
		r = r ? r : read_type(a->pid, t, &a->present);
		if (r < 0)
			return error_set(r, "compare namespaces", nstype_info(t)->name);
		if (!has_it(&a->present, t, inode))
			a->types |= flag_of(t);
	}
	return 0;
}

/*
 * To go back to. The path is relative to the caller's cgroup namespace: if that is not the one the
 * hierarchy was made in, what is left is the container that it was found in.
 */
static int open_from(const struct hierarchy *h, struct attach *a, const char *chain)
{
	struct host_ns host;
	char path[PATH_SIZE + 4] = "..";
	size_t len = 2;
	int r = hierarchy_host_ns(h, &host);

	r = r ? r : hierarchy_in_host_ns(&host, NS_CGROUP);
	if (r < 0)
		return r;
	if (r == 0 && chain[0] == '\0')
		return error_set(-EXDEV, "its cgroup is not in the caller's cgroup namespace",
				 NULL);
	if (r == 0)
		a->from = openat(h->cgroup, chain + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
	else if (text_append(path, sizeof(path), &len, a->cgroup) < 0)
		return -ENAMETOOLONG;
	else
		a->from = openat(h->cgroup, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return a->from < 0 ? error_set(-errno, "open its cgroup", a->cgroup) : 0;
}

/* Only downwards, and of the caller's only. */
static int find_cgroup(const struct hierarchy *h, const struct object *o, int cgroup,
		       struct attach *a)
{
	char chain[SPEC_CGROUP_SIZE];
	int r = object_chain_of(h, a->pid, chain);

	r = r ? r : proc_cgroup(a->pid, a->cgroup, sizeof(a->cgroup));
	if (r < 0)
		return no_task(r);
	if (!object_chain_within(o->spec.cgroup, chain))
		return error_set(-EPERM, "a task moves only into a container below its own", NULL);
	if (!object_chain_within(chain, h->caller))
		return error_set(-EPERM, "the task is above the caller's container", NULL);
	if (strcmp(chain, o->spec.cgroup) == 0)
		return 0;
	r = open_from(h, a, chain);
	if (r < 0)
		return r;
	r = control_check_not_frozen(a->from);
	/* The topmost cgroup has no such file, and cannot be frozen. */
	if (r < 0 && r != -ENODEV)
		return r;
	error_clear();
	a->to = cgroup;
	return 0;
}

/* Whether pid namespace ns is the outer one or below it: NS_GET_PARENT goes up one level. */
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

/* The number by which the task can open a pidfd of pid; -ESRCH if it cannot see it. */
static int number_for(const struct attach *a, pid_t pid)
{
	struct proc_status status;
	uint64_t own;
	int r = proc_status(pid, &status);

	r = r ? r : proc_ns_inode(a->pid, "pid", &own);
	if (r < 0)
		return r;
	if (status.depth < a->status.depth || !is_within(pid, status.depth - a->status.depth, own))
		return -ESRCH;
	return status.number[a->status.depth - 1];
}

/* Init, if it has all that is wanted: with an own pid namespace there is nobody else who could. */
static bool source_is_init(struct attach *a, const struct join_plan *join)
{
	int number;

	if (join->task < 0)
		return false;
	for (int t = 0; t < NS_COUNT; t++) {
		uint64_t wanted, its;

		if ((a->types & flag_of(t)) &&
		    (join_plan_inode(join, t, &wanted) < 0 ||
		     proc_ns_inode(join->task_pid, nstype_info(t)->proc, &its) < 0 ||
		     wanted != its))
			return false;
	}
	number = number_for(a, join->task_pid);
	if (number <= 0 || !kernel_pidfd_is_alive(join->task))
		return false;
	a->source = number;
	a->source_pidfd = join->task;
	return true;
}

/*
 * The holder is where the task can see it: in the pid namespace it is to join, else in its own. From
 * ret_pid_ns it is cloned there; -EBADF: the calling thread's.
 */
static int holder_pid_ns(const struct attach *a, const struct join_plan *join, int *ret_pid_ns)
{
	uint64_t own, mine;
	int r;

	if (a->types & CLONE_NEWPID) {
		*ret_pid_ns =
			fcntl(join->task_types & CLONE_NEWPID ? join->task : join->fds.fd[NS_PID],
			      F_DUPFD_CLOEXEC, 3);
		return 0;
	}
	r = proc_ns_inode(a->pid, "pid", &own);
	r = r ? r : proc_ns_inode(0, "pid_for_children", &mine);
	if (r < 0 || own == mine)
		return r;
	*ret_pid_ns = proc_open_ns(a->pid, "pid");
	return *ret_pid_ns < 0 ? *ret_pid_ns : 0;
}

static int find_source(struct attach *a, const struct entry *e, struct holder *holder)
{
	autoclose int pid_ns = -EBADF;
	int r;

	if (source_is_init(a, &e->join))
		return 0;
	r = holder_pid_ns(a, &e->join, &pid_ns);
	r = r ? r : holder_start(&e->child, pid_ns, holder);
	if (r < 0)
		return error_default(r, "start a holder", NULL);
	r = number_for(a, holder->pid);
	if (r < 0)
		return error_set(-EINVAL, "its pid namespace is not above the container's", NULL);
	a->source = r;
	a->source_pidfd = holder->pidfd;
	return 0;
}

/* By number: whether it still is the same process is looked at before and after. */
static int move_cgroup(const struct attach *a, int cgroup)
{
	char number[21];
	int r;

	if (a->to < 0)
		return 0;
	text_format_u64((uint64_t)a->pid, number);
	r = kernel_pidfd_is_alive(a->pidfd) ? kernel_write_file(cgroup, "cgroup.procs", number)
					    : -ESRCH;
	if (r == 0 && !kernel_pidfd_is_alive(a->pidfd))
		r = -ESRCH;
	return r == -ESRCH ? no_task(r) : r < 0 ? error_set(r, "join cgroup", NULL) : 0;
}

/* Stopped, a task cannot change what it has; and all threads must have the same. */
static int check_unchanged(const struct attach *a, const struct trace *t)
{
	char cgroup[PATH_SIZE];
	int r = proc_cgroup(a->pid, cgroup, sizeof(cgroup));

	if (r < 0)
		return no_task(r);
	if (strcmp(cgroup, a->cgroup) != 0)
		return error_set(-EBUSY, "somebody else moves it", NULL);
	for (size_t i = 0; i < t->count; i++)
		for (int type = 0; type < NS_COUNT; type++) {
			struct present now;

			if (!(a->types & flag_of(type)))
				continue;
			r = read_type(t->threads[i].tid, type, &now);
			if (r < 0)
				return no_task(r);
			if (now.own[type] == a->present.own[type] &&
			    now.later[type] == a->present.later[type])
				continue;
			if (t->threads[i].tid == a->pid)
				return error_set(-EBUSY, "it changes its namespaces", NULL);
			return error_set(-EINVAL, "its threads have different namespaces",
					 nstype_info(type)->name);
		}
	return 0;
}

/* The thread itself: pidfd_open(2), setns(2), close(2). */
static int join_as(const struct attach *a, struct trace *t, struct trace_thread *thread,
		   pid_t number, int source_pidfd)
{
	long pidfd, result = -ESRCH, ignored;
	int r = trace_call(t, thread, SYS_pidfd_open, (const long[3]){number, 0, 0}, &pidfd);

	if (r < 0 || pidfd < 0)
		return r < 0 ? r : (int)pidfd;
	/* Alive after it was opened: the number was not another's. */
	if (kernel_pidfd_is_alive(source_pidfd))
		r = trace_call(t, thread, SYS_setns, (const long[3]){pidfd, (long)a->types, 0},
			       &result);
	if (r == 0)
		trace_call(t, thread, SYS_close, (const long[3]){pidfd, 0, 0}, &ignored);
	return r < 0 ? r : (int)result;
}

/* Those before n go back to what the leader, the last, still has. */
static int join_back(const struct attach *a, struct trace *t, size_t n, int r)
{
	pid_t number = a->status.number[a->status.depth - 1];
	bool back = true;

	for (size_t i = 0; i < n; i++)
		if (t->threads[i].tid != a->pid &&
		    join_as(a, t, &t->threads[i], number, a->pidfd) < 0)
			back = false;
	return back ? r : error_set(r, "half entered", NULL);
}

static int join_all(const struct attach *a, struct trace *t)
{
	struct trace_thread *leader = NULL;

	for (size_t i = 0; i <= t->count; i++) {
		struct trace_thread *thread = i < t->count ? &t->threads[i] : leader;
		int r;

		if (i < t->count && thread->tid == a->pid) {
			leader = thread;
			continue;
		}
		r = join_as(a, t, thread, a->source, a->source_pidfd);
		if (r < 0) {
			error_set(r, r == -ESRCH ? "the task ended" : "the task joins namespaces",
				  NULL);
			return join_back(a, t, i, r);
		}
	}
	return 0;
}

static int move_stopped(const struct attach *a, struct trace *t)
{
	int back, r = check_unchanged(a, t);

	if (r < 0)
		return r;
	/* While a thread has other registers than its own the agent must live, even if the caller dies. */
	prctl(PR_SET_PDEATHSIG, 0);
	r = move_cgroup(a, a->to);
	if (r < 0)
		return r;
	r = join_all(a, t);
	if (r < 0 && a->to >= 0) {
		back = kernel_pidfd_is_alive(a->pidfd) ? move_cgroup(a, a->from) : 0;
		r = back < 0 ? error_set(r, "half entered", NULL) : r;
	}
	return r;
}

static int ask_error(int r)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{-ESRCH, "no such task"},
		{-EBUSY, "it is traced by somebody else, or does not stop"},
		{-EOPNOTSUPP, "not a 64-bit program with a vDSO"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].code == r)
			return error_set(r, texts[i].text, NULL);
	return error_set(r, "stop the task", NULL);
}

static int attach_agent(void *arg)
{
	struct attach *a = arg;
	struct trace t;
	int r = trace_open(&t, a->pid);

	r = r ? r : trace_ask(&t);
	/* Traced, it is the one of this number; and the one that was looked at, if that lives. */
	if (r == 0 && !kernel_pidfd_is_alive(a->pidfd))
		r = -ESRCH;
	if (r == 0 && a->answer) {
		a->answered = true;
		a->answer(a->arg);
	}
	r = r ? r : trace_wait(&t);
	r = r < 0 ? ask_error(r) : move_stopped(a, &t);
	if (r < 0 && a->answered)
		trace_set_result(&t, a->writer, r);
	trace_close(&t);
	return r;
}

static int attach_traced(struct attach *a, const struct entry *e)
{
	struct holder holder;
	int r;

	holder_init(&holder);
	r = find_source(a, e, &holder);
	if (r == 0) {
		r = agent_run(-EBADF, attach_agent, a);
		r = r < 0 ? error_default(r, "move the task", NULL) : 0;
	}
	holder_end(&holder);
	return r;
}

/* Nothing to join: it need not even be stopped. */
static int attach_cgroup(struct attach *a)
{
	int r = move_cgroup(a, a->to);

	if (r == 0 && a->answer)
		a->answer(a->arg);
	return r;
}

static int check_types(unsigned int types)
{
	for (int t = 0; t < NS_COUNT; t++)
		types &= ~flag_of(t);
	return types ? error_set(-EINVAL, "unknown namespace types", NULL) : 0;
}

int attach_task(const struct hierarchy *h, struct object *o, pid_t pid, unsigned int types,
		void (*answer)(void *arg), void *arg)
{
	autoentry struct entry e;
	autoattach struct attach a = {.pidfd = -EBADF,
				      .from = -EBADF,
				      .to = -EBADF,
				      .source_pidfd = -EBADF,
				      .answer = answer,
				      .arg = arg};
	int r;

	entry_init(&e);
	r = check_types(types);
	r = r ? r : identify(&a, pid);
	r = r ? r : entry_begin(h, o, types, &e);
	if (r == 0 && e.join.make)
		r = error_set(-ESRCH, "it has no task yet; start one first", NULL);
	r = r ? r : find_cgroup(h, o, e.cgroup, &a);
	r = r ? r : compare(&a, &e.join, types);
	if (r == 0 && a.status.tracer)
		r = error_set(-EBUSY, "it is traced by somebody else", NULL);
	if (r == 0)
		r = a.types ? attach_traced(&a, &e) : attach_cgroup(&a);
	/* Not as an init of an own pid namespace: that one has been there, or there is none to join. */
	if (r == 0 && a.to >= 0)
		entry_record_init(o, &e, a.pid, a.pidfd);
	return r;
}
