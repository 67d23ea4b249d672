/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that can be found out is found out first, while the task runs: where it is, what it would join, and
 * from whom (source.h). Then an agent stops it, and looks whether all is still as it was. The cgroup
 * comes first, as that step can be taken back; then each thread joins by one setns(2) of the source's
 * pidfd, which is all or nothing, and which the kernel checks as if the thread had called it itself.
 *
 * What fails is undone by the agent, and if that was killed by the caller: back to the old cgroup goes who
 * has its old namespaces. With some of the container's it stays in the container's cgroup, where it is
 * found, and ends with the container.
 *
 * The task may be hostile, and others may share its memory and its fds: a call that failed to be made as it was
 * meant is an error (trace.h), and what it has in the end is looked at before it is said to have joined.
 *
 * The container's lock is held. The task's own container is not locked: that it was in it is looked at
 * while it stands still, and it can leave it by nobody but those who may move it down.
 *
 * Whoever acts for somebody else has a guard (guard.h), which decides about the process when all its threads
 * stand still, before anything is done to it: until then it may have executed a set-user-ID program. For the same
 * reason its rights must be what they were when it was looked at.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "agent.h"
#include "become.h"
#include "cleanup.h"
#include "control.h"
#include "entry.h"
#include "error.h"
#include "guard.h"
#include "init.h"
#include "kernel.h"
#include "keys.h"
#include "proc.h"
#include "source.h"
#include "text.h"
#include "trace.h"

#define GUARD_THREADS 256 /* asked about at once */

/* For each type that of a task, and that of its children to come. */
struct present {
	uint64_t own[NS_COUNT], later[NS_COUNT];
};

struct attach {
	pid_t pid, writer; /* the process; its thread that waits for the answer */
	int pidfd;
	struct proc_status status;
	bool ask_again;	    /* the guard, when it stands still */
	unsigned int types; /* those that it does not have yet */
	struct present present;
	uint64_t wanted[NS_COUNT];
	char cgroup[PATH_SIZE]; /* where it is, as /proc tells */
	int from, to;		/* cgroup.procs, open; -EBADF if it is in the container */
	struct departure departure;
	struct become become;
	struct source source;
	struct trace trace; /* of the agent, which may be killed at any moment */
	bool joined;	    /* all threads, and the cgroup */
	bool half;	    /* there was no way back */
	const struct object *o;
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
	close_fd(&a->to);
	close_fd(&a->trace.proc);
	close_fd(&a->trace.tasks);
	depart_close(&a->departure);
	source_close(&a->source);
}
#define autoattach __attribute__((cleanup(attach_close)))

static int no_task(int r)
{
	bool none = r == -ESRCH || r == -ENOENT || r == -EINVAL;

	return none ? error_set(-ESRCH, "no such task", NULL) : error_set(r, "look at", "the task");
}

/* Who it is. From here on whatever was read of /proc holds if the pidfd is alive after it. */
static int identify(struct attach *a, const struct attach_whom *whom)
{
	pid_t pid = whom->pid;
	int r = whom->pidfd < 0 ? 0 : proc_pid_of(whom->pidfd, &pid);

	if (r == -EBADF || r == -EINVAL)
		return error_set(-EBADF, "not a pidfd", NULL);
	r = r == 0 && pid <= 0 ? -ESRCH : r;

	if (!proc_is_own_pid_ns())
		return error_set(-EXDEV, "this /proc is of another pid namespace", "/proc");
	/* The file server knows the thread that writes. */
	if (r == 0 && a->answer)
		r = proc_status(pid, &a->status);
	if (r < 0)
		return no_task(r);
	if (a->answer && proc_is_worker(pid))
		return error_set(-EOPNOTSUPP, "written by io_uring; use write(2)", NULL);
	a->writer = pid;
	a->pid = a->answer ? a->status.process : pid;
	if (a->pid == getpid())
		return error_set(-EINVAL, "the caller itself; use container_enter", NULL);
	a->pidfd = kernel_pidfd_open(a->pid);
	r = a->pidfd < 0 ? a->pidfd : proc_status(a->pid, &a->status);
	if (r == 0 && (a->status.ended || a->status.process != a->pid))
		r = -ESRCH;
	/* The number was that of the process while that lived. */
	if (r == 0 && whom->pidfd >= 0 && !kernel_pidfd_is_alive(whom->pidfd))
		r = -ESRCH;
	return r < 0 ? no_task(r) : 0;
}

/* A type has two entries in /proc if what is new comes with the next child. */
static int read_present(int dir, unsigned int types, struct present *ret_present)
{
	int r = dir < 0 ? dir : 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		const struct nstype_info *info = nstype_info(t);

		if (!(types & flag_of(t)))
			continue;
		r = proc_ns_inode(dir, info->proc, &ret_present->own[t]);
		ret_present->later[t] = ret_present->own[t];
		/* On its way out it has none any more. */
		if (r == 0 && ret_present->own[t] == 0)
			r = -ESRCH;
		if (r == 0 && strcmp(info->proc, info->proc_for_new) != 0)
			r = proc_ns_inode(dir, info->proc_for_new, &ret_present->later[t]);
	}
	return r;
}

/* As for enter, a pid namespace is that of the children. */
static bool has_it(const struct present *present, int type, uint64_t inode)
{
	return present->later[type] == inode && (type == NS_PID || present->own[type] == inode);
}

struct comparison {
	struct attach *a;
	const struct join_plan *join;
};

static int read_both(void *arg)
{
	const struct comparison *c = arg;
	struct attach *a = c->a;
	autoclose int dir = proc_open_ns_dir(a->pid);
	int r = join_plan_inodes(c->join, a->types, a->wanted);

	return r ? r : read_present(dir, a->types, &a->present);
}

/* Who is in one could keep who looks. Not a process whose only thread waits for our answer. */
static bool none_in_exec(const struct attach *a, const struct join_plan *join)
{
	return a->answer && a->status.threads == 1 && join->task < 0;
}

static int compare(struct attach *a, const struct join_plan *join, unsigned int types)
{
	struct comparison c = {a, join};
	int r;

	for (int t = 0; types == 0 && t < NS_COUNT; t++)
		a->types |= flag_of(t);
	a->types |= types;
	r = none_in_exec(a, join) ? read_both(&c) : agent_look(false, read_both, &c);
	if (r < 0)
		return r == -EBUSY ? r : error_set(r, "compare namespaces", NULL);
	for (int t = 0; t < NS_COUNT; t++)
		if ((a->types & flag_of(t)) && has_it(&a->present, t, a->wanted[t]))
			a->types &= ~flag_of(t);
	return 0;
}

/* Where the tasks of the container with this chain are. */
static int open_searched(const struct hierarchy *h, const char *chain)
{
	autoobject struct object o = {.dir = -EBADF};
	int r = object_find_cgroup(h, chain, &o);

	return r < 0 ? r : object_open_tasks(h, &o);
}

/*
 * To go back to. searched: the path is relative to another cgroup namespace than the hierarchy's, and
 * what is known is the container that it was found in.
 */
static int open_from(const struct hierarchy *h, struct attach *a, const char *chain, bool searched)
{
	autoclose int dir = -EBADF;
	char path[PATH_SIZE + 4] = "..";
	size_t len = 2;
	int r;

	if (searched && chain[0] == '\0')
		return error_set(-EXDEV, "its cgroup is not in the caller's cgroup namespace",
				 NULL);
	if (!searched && text_append(path, sizeof(path), &len, a->cgroup) < 0)
		return -ENAMETOOLONG;
	dir = searched ? open_searched(h, chain)
		       : openat(h->cgroup, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_set(searched ? dir : -errno, "open its cgroup", a->cgroup);
	/* The topmost cgroup has no such file, and cannot be frozen. */
	r = control_check_not_frozen(dir);
	if (r < 0 && r != -ENODEV)
		return r;
	error_clear();
	a->from = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return a->from < 0 ? error_set(-errno, "open its cgroup", a->cgroup) : 0;
}

/* Only downwards, and of the caller's only. */
static int find_cgroup(const struct hierarchy *h, const struct object *o, int cgroup,
		       const struct attach_whom *whom, struct attach *a)
{
	char chain[SPEC_CGROUP_SIZE];
	int searched = 0, r = proc_cgroup(a->pid, a->cgroup, sizeof(a->cgroup));

	r = r ? r : (searched = object_chain_at(h, a->pid, a->cgroup, chain));
	if (r < 0)
		return no_task(r);
	if (!object_chain_within(o->spec.cgroup, chain))
		return error_set(-EPERM, "a task moves only into a container below its own", NULL);
	if (!object_chain_within(chain, h->caller))
		return error_set(-EPERM, "the task is above the caller's container", NULL);
	if (strcmp(chain, o->spec.cgroup) == 0)
		return 0;
	r = open_from(h, a, chain, searched);
	if (r == 0 && whom->may_leave)
		r = depart_begin(h, o, a->cgroup, searched ? chain : NULL,
				 &(struct depart_asked){whom->may_leave, whom->arg}, &a->departure);
	if (r < 0)
		return r;
	a->to = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return a->to < 0 ? error_set(-errno, "join cgroup", NULL) : 0;
}

/* By number: whether it still is the same process is looked at before and after. */
static int move_cgroup(const struct attach *a, int procs)
{
	char number[21];
	int len = text_format_u64((uint64_t)a->pid, number);
	int r = kernel_pidfd_is_alive(a->pidfd) ? 0 : -ESRCH;

	if (r == 0 && write(procs, number, (size_t)len) != len)
		r = -errno;
	if (r == 0 && !kernel_pidfd_is_alive(a->pidfd))
		r = -ESRCH;
	return r == -ESRCH ? no_task(r) : r < 0 ? error_set(r, "join cgroup", NULL) : 0;
}

static bool has_changed(const struct attach *a, const struct present *now, int type)
{
	return (a->types & flag_of(type)) && (now->own[type] != a->present.own[type] ||
					      now->later[type] != a->present.later[type]);
}

/* Of one thread: that it has what was there before. */
static int check_thread(const struct attach *a, const struct trace *trace, pid_t tid)
{
	autoclose int dir = trace_open_ns(trace, tid);
	struct present now;
	int r = read_present(dir, a->types, &now);

	if (r < 0)
		return no_task(r);
	for (int t = 0; t < NS_COUNT; t++) {
		if (!has_changed(a, &now, t))
			continue;
		if (tid == a->pid)
			return error_set(-EBUSY, "it changes its namespaces", NULL);
		return error_set(-EINVAL, "its threads have different namespaces",
				 nstype_info(t)->name);
	}
	return 0;
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
	/*
	 * By nsfs fd, or alone, the kernel refuses it; by pidfd, with others, it would change the root and
	 * directory that the threads share: which could not be taken back.
	 */
	if (t->count > 1 && (a->types & CLONE_NEWNS))
		return error_set(-EINVAL, "it has threads, which cannot join", "mount");
	for (size_t i = 0; r == 0 && i < t->count; i++)
		r = check_thread(a, t, t->threads[i].tid);
	return r;
}

/* The thread itself, of a process by its number: pidfd_open(2), setns(2), close(2). */
static int join_as(const struct attach *a, struct trace *t, struct tracee *thread, pid_t number,
		   bool back)
{
	long pidfd, result = -ESRCH, ignored;
	int r, nobody = back ? 0 : become_is_nobody(&a->become, t->tasks, thread->tid);

	if (nobody < 0)
		return nobody;
	r = tracee_call(thread, &t->calls, SYS_pidfd_open, (const long[3]){number, 0, 0}, &pidfd);
	if (r < 0 || pidfd < 0)
		return r < 0 ? r : (int)pidfd;
	/* Alive after it was opened: the number was not another's. */
	if (back || source_is_alive(&a->source))
		r = tracee_call(thread, &t->calls, SYS_setns,
				(const long[3]){pidfd, (long)a->types, 0}, &result);
	if (r == 0)
		tracee_call(thread, &t->calls, SYS_close, (const long[3]){pidfd, 0, 0}, &ignored);
	if (r == 0 && result == 0 && nobody)
		r = become_root(thread, &t->calls);
	return r < 0 ? r : (int)result;
}

/* Those before n go back to what the leader, the last, still has. */
static void join_back(const struct attach *a, struct trace *t, size_t n)
{
	pid_t number = a->status.number[a->status.depth - 1];

	trace_renew(t);
	for (size_t i = 0; i < n && i < t->count; i++)
		if (t->threads[i].tid != a->pid)
			join_as(a, t, &t->threads[i], number, true);
}

static int join_error(int r)
{
	const char *step = "the task joins namespaces";

	if (r == -ESRCH)
		step = "the task ended";
	else if (r == -EPROTO)
		step = "the task does something else";
	return error_set(r, step, NULL);
}

static int join_all(const struct attach *a, struct trace *t, pid_t source)
{
	struct tracee *leader = NULL;

	for (size_t i = 0; i <= t->count; i++) {
		struct tracee *thread = i < t->count ? &t->threads[i] : leader;
		int r;

		if (i < t->count && thread->tid == a->pid) {
			leader = thread;
			continue;
		}
		r = thread ? join_as(a, t, thread, source, false) : -ESRCH;
		if (r < 0) {
			join_back(a, t, i);
			return join_error(r);
		}
	}
	return 0;
}

/* Who shares its fds may have given it another pidfd to join from. */
static int check_joined(const struct attach *a, const struct trace *trace, pid_t tid)
{
	autoclose int dir = trace_open_ns(trace, tid);
	struct present now;
	int r = read_present(dir, a->types, &now);

	if (r < 0)
		return no_task(r);
	for (int t = 0; t < NS_COUNT; t++)
		if ((a->types & flag_of(t)) && !has_it(&now, t, a->wanted[t]))
			return error_set(-EPROTO, "the task joined another namespace",
					 nstype_info(t)->name);
	return 0;
}

static int join_stopped(const struct attach *a, struct trace *t)
{
	pid_t source = source_join(&a->source);
	int r = source < 0 ? source : join_all(a, t, source);

	for (size_t i = 0; r == 0 && i < t->count; i++)
		r = check_joined(a, t, t->threads[i].tid);
	return r;
}

static bool is_in_old_cgroup(const struct attach *a)
{
	char cgroup[PATH_SIZE];

	return proc_cgroup(a->pid, cgroup, sizeof(cgroup)) == 0 && strcmp(cgroup, a->cgroup) == 0;
}

/* To where it was. same: it has its old namespaces. If it has ended meanwhile there is nothing to undo. */
static int undo(struct attach *a, bool same, int r)
{
	struct container_error why = *error_last();
	int back = 0;

	if (same && !is_in_old_cgroup(a))
		back = move_cgroup(a, a->from);
	if ((same && back == 0) || back == -ESRCH || !kernel_pidfd_is_alive(a->pidfd)) {
		error_copy(&why);
		return r;
	}
	a->half = true;
	return error_set(r, "half entered", NULL);
}

/* Of threads that stand still: whether they have what was there before. */
static bool is_unjoined(const struct attach *a, const struct trace *t)
{
	struct container_error why = *error_last();
	int r = t->calls.lost ? -EBUSY : 0;

	for (size_t i = 0; r == 0 && i < t->count; i++)
		r = check_thread(a, t, t->threads[i].tid);
	error_copy(&why);
	return r == 0;
}

static int check_rights(const struct attach *a)
{
	struct proc_status now;
	int r = proc_status(a->pid, &now);

	if (r < 0)
		return no_task(r);
	if (memcmp(&now.ids, &a->status.ids, sizeof(now.ids)) != 0)
		return error_set(-EBUSY, "it changes its credentials", NULL);
	return 0;
}

/* Of all threads. None can be made while they stand still, nor can any of them be in an exec. */
static int ask_guard(const struct attach *a, const struct trace *t)
{
	pid_t tids[GUARD_THREADS];
	int r = 0;

	for (size_t i = 0; r >= 0 && a->ask_again && i < t->count;) {
		struct container_guarded what = {
			.size = sizeof(what), .pid = a->pid, .threads = tids};

		while (i < t->count && what.thread_count < GUARD_THREADS)
			tids[what.thread_count++] = t->threads[i++].tid;
		r = guard_ask(&what);
	}
	return r < 0 ? r : 0;
}

static int move_stopped(struct attach *a, struct trace *t)
{
	int r = ask_guard(a, t);

	r = r ? r : check_rights(a);
	r = r ? r : check_unchanged(a, t);
	r = r ? r : depart_check(&a->departure);
	if (r < 0)
		return r;
	/* While a thread has other registers than its own the agent must live, even if the caller dies. */
	prctl(PR_SET_PDEATHSIG, 0);
	r = a->to < 0 ? 0 : move_cgroup(a, a->to);
	r = r || !a->types ? r : join_stopped(a, t);
	a->joined = r == 0;
	return r < 0 ? undo(a, is_unjoined(a, t), r) : 0;
}

#define SESSION_PERMISSIONS 0x3f030000 /* as the kernel makes it */
#define USER_WRITE 0x00040000

/*
 * The task may not link the keyring, and the agent cannot reach the task's session: it writes to it while the
 * task lets its user do so, who is to be the agent's.
 */
static void join_keys_thread(struct trace *t, struct tracee *thread, int keyring)
{
	long session = -1, result;

	if (tracee_call(thread, &t->calls, SYS_keyctl,
			(const long[3]){KEYCTL_JOIN_SESSION_KEYRING, 0, 0}, &session) < 0 ||
	    session <= 0 || keyring <= 0)
		return;
	if (tracee_call(thread, &t->calls, SYS_keyctl,
			(const long[3]){KEYCTL_SETPERM, session, SESSION_PERMISSIONS | USER_WRITE},
			&result) < 0)
		return;
	kernel_keyctl(KEYCTL_LINK, (unsigned long)keyring, (unsigned long)session, 0);
	tracee_call(thread, &t->calls, SYS_keyctl,
		    (const long[3]){KEYCTL_SETPERM, session, SESSION_PERMISSIONS}, &result);
}

/*
 * As for those who are started in the container. No way back from this, and no reason to fail: it is done
 * last. Threads get a session each, which is no difference unless they add keys.
 */
static void join_keys(const struct attach *a, struct trace *t)
{
	int keyring = keys_take(a->o->dir, a->o->spec.id);

	trace_renew(t);
	for (size_t i = 0; i < t->count; i++)
		join_keys_thread(t, &t->threads[i], keyring);
	error_clear();
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
	struct trace *t = &a->trace;
	int r = trace_open(t, a->pid);

	if (r == 0 && a->answer && a->types)
		r = trace_check(t);
	r = r ? r : trace_ask(t);
	/* Traced, it is the one of this number; and the one that was looked at, if that lives. */
	if (r == 0 && !kernel_pidfd_is_alive(a->pidfd))
		r = -ESRCH;
	if (r == 0 && a->answer) {
		a->answered = true;
		a->answer(a->arg);
	}
	r = r ? r : trace_wait(t);
	if (r == 0 && a->types)
		r = trace_prepare(t);
	r = r < 0 ? ask_error(r) : move_stopped(a, t);
	if (r == 0 && a->to >= 0 && a->types)
		join_keys(a, t);
	if (r < 0 && a->answered)
		trace_set_result(t, a->writer, r);
	trace_close(t);
	return r;
}

/*
 * The agent was killed, and the task has gone on. If that was during a call nobody can tell what it does
 * now: it may even be about to join.
 */
static int attach_alone(struct attach *a, int r)
{
	/* By its timer. */
	if (a->trace.calls.end && kernel_now_ns() > a->trace.calls.end)
		r = error_set(-EBUSY, "the task keeps who looks at it", NULL);
	if (a->trace.calls.touched || a->half || !a->joined)
		return undo(a, !a->trace.calls.touched && !a->half, r);
	error_clear();
	return 0;
}

static int attach_traced(struct attach *a, const struct entry *e)
{
	int r = 0;

	if (a->types & CLONE_NEWUSER)
		r = become_prepare(join_plan_fd(&e->join, NS_USER), &a->become);
	if (r == 0 && a->types)
		r = source_find(e, a->pid, &a->status, a->types, &a->source);
	if (r < 0)
		return r;
	r = agent_run(-EBADF, attach_agent, a);
	r = r == -ECANCELED ? attach_alone(a, r) : r;
	return r < 0 ? error_default(r, "move the task", NULL) : 0;
}

/* Nothing to join, and nobody to ask: it need not even be stopped. */
static int attach_cgroup(struct attach *a)
{
	int r = a->to < 0 ? 0 : move_cgroup(a, a->to);

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

int attach_task(const struct hierarchy *h, struct object *o, const struct attach_whom *whom,
		unsigned int types)
{
	autoentry struct entry e;
	autoattach struct attach a = {
		.pidfd = -EBADF,
		.from = -EBADF,
		.to = -EBADF,
		.trace = {.proc = -EBADF, .tasks = -EBADF},
		.o = o,
		.answer = whom->answer,
		.arg = whom->arg,
	};
	int r;

	entry_init(&e);
	source_init(&a.source);
	depart_init(&a.departure);
	r = check_types(types);
	r = r ? r : identify(&a, whom);
	e.moves = a.pid;
	r = r ? r : entry_begin(h, o, types, &e);
	a.ask_again = e.ask_again;
	if (r == 0 && e.join.make)
		r = error_set(-ESRCH, "it has no task yet; start one first", NULL);
	r = r ? r : find_cgroup(h, o, e.cgroup, whom, &a);
	r = r ? r : compare(&a, &e.join, types);
	if (r == 0 && a.status.tracer)
		r = error_set(-EBUSY, "it is traced by somebody else", NULL);
	if (r == 0)
		r = a.types || a.ask_again ? attach_traced(&a, &e) : attach_cgroup(&a);
	/* Not as an init of an own pid namespace: that one has been there, or there is none to join. */
	if (r == 0 && a.to >= 0)
		entry_record_init(o, &e, a.pid, a.pidfd);
	return r;
}
