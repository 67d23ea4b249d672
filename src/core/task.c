/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "agent.h"
#include "child.h"
#include "cleanup.h"
#include "entry.h"
#include "error.h"
#include "fdpass.h"
#include "init.h"
#include "kernel.h"
#include "made.h"
#include "name.h"
#include "proc.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

/* DIR/NAME for each DIR of PATH, as execvp(3) tries them: a NULL-ended array in one block. */
static const char **exec_candidates(const char *name, const char *const *envp)
{
	const char *path = DEFAULT_PATH;
	size_t count = 2, bytes = 0, n = 0;
	const char **list;
	char *text;

	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			path = *envp + 5;
	if (strchr(name, '/') || name[0] == '\0')
		path = NULL;
	for (const char *p = path; p && *p; p++)
		count += *p == ':';
	bytes = path ? strlen(path) + count * (strlen(name) + 2) : strlen(name) + 1;
	list = malloc((count + 1) * sizeof(*list) + bytes);
	if (!list)
		return NULL;
	text = (char *)(list + count + 1);
	if (!path) {
		list[n++] = memcpy(text, name, bytes);
	} else {
		for (const char *p = path; n < count; p++) {
			size_t len = strcspn(p, ":");

			list[n++] = text;
			memcpy(text, p, len);
			text += len;
			if (len > 0)
				*text++ = '/';
			text = stpcpy(text, name) + 1;
			p += len;
			if (*p == '\0')
				break;
		}
	}
	list[n] = NULL;
	return list;
}

struct child_arg {
	const struct child_plan *plan;
	struct child_result *result;
	int to; /* who is a second child, to the caller; -EBADF */
};

static int tell_result(struct child_result *result, int r)
{
	result->error = *error_last();
	result->code = r;
	return 127;
}

static int second_main(void *arg)
{
	struct child_arg *a = arg;
	int r = child_begin(a->plan);

	return tell_result(a->result, r ? r : child_exec(a->plan, a->result));
}

/*
 * A pid namespace belongs to the user namespace that its first process was made from. So the first child, which
 * has joined that, has the caller make one more: it shares the memory that is the first child's own, and is
 * waited for until it executes.
 */
static int start_second(struct child_arg *a)
{
	autoclose int pidfd = -EBADF;
	struct clone_request req = {
		.flags = CLONE_PARENT | CLONE_VM | CLONE_VFORK | CLONE_NEWPID,
		.cgroup = -EBADF,
		.ret_pidfd = &pidfd,
		.ret_pid = &a->result->second,
	};
	pid_t pid;
	int r;

	pid = kernel_clone(&req, second_main, a);
	if (pid < 0)
		return tell_result(a->result,
				   error_set(pid, "start a task in a pid namespace", NULL));
	r = fdpass_send(a->to, pid, pidfd);
	return r < 0 ? tell_result(a->result, error_set(r, "start a task", NULL)) : 127;
}

static int child_main(void *arg)
{
	struct child_arg *a = arg;
	int r;

	a->result->started = true;
	r = child_setup(a->plan);
	if (r == 0 && a->plan->has_second)
		return start_second(a);
	return tell_result(a->result, r ? r : child_exec(a->plan, a->result));
}

/* A pipe that tells when the child has executed; neither end is a standard fd, which it may put others in. */
static int open_alive(int *ret_in, int *ret_out)
{
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		int fd = pipe[i] > 2 ? pipe[i] : fcntl(pipe[i], F_DUPFD_CLOEXEC, 3);

		if (fd != pipe[i])
			close(pipe[i]);
		*(i ? ret_out : ret_in) = fd;
	}
	return *ret_in < 0 || *ret_out < 0 ? -errno : 0;
}

/* to: see struct child_arg. */
static pid_t clone_child(const struct entry *e, struct child_plan *plan,
			 struct child_result *result, int to, int *ret_pidfd)
{
	struct child_arg arg = {plan, result, to};
	struct clone_request req = {
		.flags = CLONE_CLEAR_SIGHAND | (e->own_mm ? 0 : CLONE_VM | CLONE_VFORK) |
			 (e->make_pid && !plan->has_second ? CLONE_NEWPID : 0),
		/* A second child has that of the first until it executes. */
		.exit_signal = plan->has_second ? 0 : SIGCHLD,
		.cgroup = plan->join_cgroup < 0 ? e->cgroup : -EBADF,
		.ret_pidfd = ret_pidfd,
	};
	autoclose int in = -EBADF;
	autoclose int out = -EBADF;
	int r = e->own_mm ? open_alive(&in, &out) : 0;
	pid_t pid;

	if (r < 0)
		return error_set(r, "start a task", NULL);
	plan->launch.alive = out;
	kernel_block_signals(&plan->signal_mask);
	pid = pid_switch_clone(join_plan_fd(&e->join, NS_PID), &req, child_main, &arg);
	kernel_restore_signals(&plan->signal_mask);
	close_fd(&out);
	plan->launch.alive = -EBADF;
	if (pid > 0 && e->own_mm)
		agent_wait_exec(pid, &result->second, in);
	return pid;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* By the pidfd, if there is one: where SIGCHLD is ignored the number may be another process's by now. */
static int end(pid_t pid, int pidfd, int r)
{
	if (pidfd >= 0)
		kernel_pidfd_send_signal(pidfd, SIGKILL);
	else
		kill(pid, SIGKILL);
	reap(pid);
	return r;
}

/*
 * Since Linux 6.14 (and in stable series) a clone into a cgroup whose count of kills is not that of
 * the caller's cgroup is taken for one that raced with the last kill: the child is dead at birth.
 * Then it is cloned once more, and moves itself before anything else.
 */
static pid_t clone_into_cgroup(const struct entry *e, struct child_plan *plan,
			       struct child_result *result, int to, int *pidfd)
{
	pid_t pid = clone_child(e, plan, result, to, pidfd);

	if (pid < 0 || result->started || e->cgroup < 0)
		return pid;
	reap(pid);
	close_fd(pidfd);
	plan->join_cgroup = e->cgroup;
	return clone_child(e, plan, result, to, pidfd);
}

/* The first child has done its work: the second takes its place, if there is one. */
static pid_t replace_by_second(pid_t pid, const struct child_result *result, int from, int *pidfd)
{
	int number;

	reap(pid);
	close_fd(pidfd);
	if (result->second > 0)
		fdpass_receive(from, &number, pidfd);
	return result->second;
}

static pid_t clone_task(struct entry *e, struct child_result *result, int *pidfd)
{
	autoclose int from = -EBADF;
	autoclose int to = -EBADF;
	int r = e->child.has_second ? made_pair(&from, &to) : 0;
	pid_t pid = r < 0 ? r : clone_into_cgroup(e, &e->child, result, to, pidfd);

	return pid > 0 && e->child.has_second ? replace_by_second(pid, result, from, pidfd) : pid;
}

static int wait_for_exec(const struct entry *e, pid_t pid, struct container_error *ret_error)
{
	int r = launch_wait(&e->child.launch, pid);

	if (r < 0) {
		error_set(r, "exec", e->child.argv[0]);
		*ret_error = *error_last();
	}
	return r;
}

static pid_t start(const struct object *o, struct entry *e, int *ret_pidfd)
{
	struct child_result local = {0}, *result = &local;
	autoclose int pidfd = -EBADF;
	pid_t pid;
	int r;

	/* A child with memory of its own needs a page in common to say what went wrong. */
	if (e->own_mm) {
		result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (result == MAP_FAILED)
			return error_set(-errno, "start a task", NULL);
	}
	pid = clone_task(e, result, &pidfd);
	if (pid >= 0)
		local = *result;
	if (e->own_mm)
		munmap(result, sizeof(*result));
	if (pid < 0)
		return pid;
	if (local.code == 0 && !local.at_exec) {
		local.code = -ECANCELED;
		error_set(local.code, "the task was killed before it could start", NULL);
		local.error = *error_last();
	}
	if (local.code == 0 && local.launched)
		local.code = wait_for_exec(e, pid, &local.error);
	if (local.code < 0) {
		/* A first child may have been killed, and not the second. */
		if (pid > 0 && e->child.has_second)
			end(pid, pidfd, 0);
		else if (pid > 0)
			reap(pid);
		error_copy(&local.error);
		return local.code;
	}
	r = entry_record_init(o, e, pid, pidfd);
	if (r < 0)
		return end(pid, pidfd, r);
	if (ret_pidfd)
		*ret_pidfd = take_fd(&pidfd);
	return pid;
}

static int plan_program(const struct container_spawn *how, struct child_plan *plan)
{
	if (!how->argv || !how->argv[0])
		return error_set(-EINVAL, "no program to start", NULL);
	if (!how->argv[0][0])
		return error_set(-ENOENT, "exec", "");
	plan->argv = how->argv;
	plan->envp = how->envp ? how->envp : (const char *const *)environ;
	plan->cwd = how->cwd;
	plan->cwd_optional = how->flags & CONTAINER_SPAWN_CWD_OPTIONAL;
	plan->die_with_parent = how->flags & CONTAINER_SPAWN_DIE_WITH_PARENT;
	plan->hostname = how->hostname;
	plan->given_mask = how->signal_mask;
	memcpy(plan->stdio, how->stdio, sizeof(plan->stdio));
	plan->has_user = how->user != NULL;
	if (!how->user)
		return 0;
	if (account_parse(how->user, &plan->user) < 0)
		return error_set(-EINVAL,
				 "not USER[:GROUP] by name, of 255 bytes at most, or number",
				 how->user);
	/* Nothing of it is touched but what is needed. */
	plan->groups = malloc(ACCOUNT_GROUPS * sizeof(*plan->groups));
	return plan->groups ? 0 : error_set(-ENOMEM, "become user", how->user);
}

static int check_spawn(const struct object *o, const struct container_spawn *how)
{
	const unsigned int known = CONTAINER_SPAWN_DIE_WITH_PARENT | CONTAINER_SPAWN_CWD_OPTIONAL;

	if (how->size != sizeof(*how) || (how->flags & ~known))
		return error_set(-EINVAL, "unknown options", NULL);
	if (!o->spec.transient && (how->root >= 0 || how->hostname))
		return error_set(-EINVAL, "root and hostname are set beforehand", NULL);
	if (how->hostname && !name_is_hostname(how->hostname))
		return error_set(-EINVAL, NAME_HOSTNAME_RULE, how->hostname);
	return 0;
}

/*
 * Whether somebody in a container may have made the program, or say how programs are executed, as root of
 * a user namespace may by binfmt_misc. Not if it is one of the caller's own mount namespace, nor in a
 * view of the init container's root that is new.
 */
static bool is_foreign(const struct object *o, const struct entry *e)
{
	if (join_plan_joins(&e->join, NS_USER))
		return true;
	if (e->join.make & CLONE_NEWNS)
		return e->root.kind != ROOT_VIEW || object_has_parent(o);
	return join_plan_joins(&e->join, NS_MOUNT);
}

pid_t task_spawn(const struct hierarchy *h, struct object *o, const struct container_spawn *how)
{
	autoentry struct entry e;
	autofree const char **paths = NULL;
	int terminal = how->stdio[0] >= 0 ? how->stdio[0] : 0;
	int r;

	entry_init(&e);
	r = check_spawn(o, how);
	r = r ? r : plan_program(how, &e.child);
	if (r < 0)
		return r;
	paths = e.child.argv ? exec_candidates(e.child.argv[0], e.child.envp) : NULL;
	if (!paths)
		return -ENOMEM;
	e.child.paths = paths;
	if (how->root >= 0) {
		e.root.kind = ROOT_GIVEN;
		e.root.given = how->root;
		e.root.recursive = how->root_flags & CONTAINER_ROOT_RECURSIVE;
	}
	if (isatty(terminal))
		e.root.terminal = terminal;
	e.opens_late = true;
	r = entry_prepare(h, o, (unsigned int)how->nstypes, &e);
	/* What init is the caller records. */
	if (r == 0 && !object_is_root(o) && !e.records_init)
		e.child.lock = h->lock;
	if (r == 0 && is_foreign(o, &e))
		r = launch_prepare(&e.child.launch, paths, how->argv);
	return r < 0 ? r : start(o, &e, how->pidfd);
}

/*
 * In the child of fork(2): into the cgroup before anything of the caller's runs. Returns the number of a second
 * child, in which it returns 0.
 */
static int forked_child(const struct entry *e, struct child_result *result)
{
	pid_t second;
	int r = 0;

	if (e->cgroup >= 0)
		r = kernel_write_file(e->cgroup, "cgroup.procs", "0");
	if (r < 0)
		return error_set(r, "join cgroup", NULL);
	r = child_setup(&e->child);
	if (r < 0 || !e->child.has_second)
		return r;
	second = kernel_fork_pid_ns();
	if (second < 0)
		return error_set(second, "start a task in a pid namespace", NULL);
	result->second = second;
	return second > 0 ? 0 : child_begin(&e->child);
}

/* fork(2) and not a clone of our own: a program's fork handlers and its libc's locks rely on it. */
static pid_t fork_and_tell(const struct entry *e, int tell[2])
{
	struct child_result result = {0};
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	result.code = forked_child(e, &result);
	result.error = *error_last();
	/* The task itself tells of itself: of a first child that has made it this is the end. */
	result.at_exec = result.second == 0;
	if (write(tell[1], &result, sizeof(result)) != (ssize_t)sizeof(result) || result.code < 0)
		_exit(127);
	if (result.second > 0)
		_exit(0);
	return 0;
}

/* What the first child says, and the second; in either order. *ret_pid: the second, if it is known. */
static int read_results(pid_t pid, int in, pid_t *ret_pid)
{
	struct child_result result = {0};
	bool told = false;
	int r = 0;

	*ret_pid = 0;
	while (r == 0 && (*ret_pid == 0 || !told)) {
		r = entry_read_result(pid, in, "child died", &result);
		if (result.second > 0)
			*ret_pid = result.second;
		told |= result.at_exec;
	}
	return r;
}

static int end_second(pid_t second, int r)
{
	return second > 0 ? end(second, -EBADF, r) : r;
}

/* Returns the task, which is the child, or a second one that it has made. */
static pid_t await_forked(const struct entry *e, pid_t pid, int in)
{
	struct child_result result;
	pid_t second = 0;
	int r;

	if (e->child.has_second) {
		r = read_results(pid, in, &second);
		reap(pid);
		return r < 0 ? end_second(second, r) : second;
	}
	r = entry_read_result(pid, in, "child died", &result);
	if (r < 0)
		reap(pid);
	return r < 0 ? r : pid;
}

static pid_t fork_in(const struct entry *e, sigset_t *mask)
{
	autoclose int in = -EBADF;
	autoclose int out = -EBADF;
	struct pid_switch pid_switch = {.old = -EBADF};
	int tell[2];
	pid_t pid;
	int r;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return error_set(-errno, "fork", NULL);
	in = tell[0];
	out = tell[1];
	kernel_block_signals(mask);
	r = pid_switch_begin(&pid_switch, &e->join, e->make_pid && !e->child.has_second);
	pid = r < 0 ? r : fork_and_tell(e, tell);
	if (pid < 0 && r == 0)
		pid = pid_switch_error(&pid_switch, pid, "fork");
	if (pid == 0) {
		close_fd(&pid_switch.old);
		kernel_restore_signals(mask);
		return 0;
	}
	pid_switch_end(&pid_switch);
	kernel_restore_signals(mask);
	if (pid < 0)
		return pid;
	close_fd(&out);
	return await_forked(e, pid, in);
}

pid_t task_fork(const struct hierarchy *h, struct object *o)
{
	autoentry struct entry e;
	sigset_t mask;
	pid_t pid;
	int r;

	entry_init(&e);
	r = entry_prepare(h, o, 0, &e);
	if (r < 0)
		return r;
	pid = fork_in(&e, &mask);
	if (pid > 0 && e.records_init) {
		autoclose int pidfd = kernel_pidfd_open(pid);

		r = entry_record_init(o, &e, pid, pidfd);
		if (r < 0)
			return end(pid, pidfd, r);
	}
	return pid;
}

/* Where the calling process was, to go back to if it cannot get in all the way. */
struct way_back {
	struct ns_set ns;
	int root, cwd;
};

static int way_back_open(struct way_back *w, const struct join_plan *join)
{
	ns_set_init(&w->ns);
	w->root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->cwd = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int t = 0; t < NS_COUNT; t++) {
		if (t == NS_PID || t == NS_USER || !join_plan_joins(join, t))
			continue;
		w->ns.fd[t] = proc_open_ns(0, nstype_info(t)->proc);
		if (w->ns.fd[t] < 0)
			return w->ns.fd[t];
	}
	return w->root < 0 || w->cwd < 0 ? -errno : 0;
}

/* Whether the calling thread still is in the namespace. */
static bool is_own_ns(int ns, enum nstype type)
{
	autoclose int own = proc_open_ns(0, nstype_info(type)->proc);
	struct stat a, b;

	return own >= 0 && fstat(own, &a) == 0 && fstat(ns, &b) == 0 && a.st_ino == b.st_ino;
}

/* A user namespace cannot be left again, and with it the privilege to leave the others is gone. */
static int way_back_go(const struct way_back *w, int r)
{
	bool back = true, left_mount = false;

	for (int t = 0; t < NS_COUNT; t++) {
		if (w->ns.fd[t] < 0 || is_own_ns(w->ns.fd[t], t))
			continue;
		left_mount |= t == NS_MOUNT;
		if (setns(w->ns.fd[t], nstype_info(t)->clone_flag) < 0)
			back = false;
	}
	if (left_mount && (fchdir(w->root) < 0 || chroot(".") < 0 || fchdir(w->cwd) < 0))
		back = false;
	return back ? r : error_set(r, "half entered", NULL);
}

static void way_back_close(struct way_back *w)
{
	ns_set_close(&w->ns);
	close_fd(&w->root);
	close_fd(&w->cwd);
}
#define autowayback __attribute__((cleanup(way_back_close)))

static int enter_prepared(const struct entry *e)
{
	autowayback struct way_back back;
	autoclose int procs = -EBADF;
	struct pid_switch pid_switch = {.old = -EBADF};
	int r = way_back_open(&back, &e->join);

	/* Opened with the privilege of before: the kernel asks for the opener's. */
	if (r == 0 && e->cgroup >= 0) {
		procs = openat(e->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
		r = procs < 0 ? -errno : 0;
	}
	r = r < 0 ? error_set(r, "enter", NULL) : pid_switch_begin(&pid_switch, &e->join, false);
	if (r < 0)
		return r;
	r = child_setup(&e->child);
	if (r == 0 && procs >= 0 && write(procs, "0", 1) != 1)
		r = error_set(-errno, "join cgroup", NULL);
	if (r < 0) {
		r = way_back_go(&back, r);
		return pid_switch_back(&pid_switch) ? r : error_set(r, "half entered", NULL);
	}
	close_fd(&pid_switch.old);
	return 0;
}

int task_enter(const struct hierarchy *h, struct object *o, unsigned int types)
{
	autoentry struct entry e;
	int r;

	entry_init(&e);
	r = entry_prepare(h, o, types, &e);
	if (r < 0)
		return r;
	if (e.join.make)
		return error_set(-ESRCH, "it has no task yet; start one first", NULL);
	return enter_prepared(&e);
}
