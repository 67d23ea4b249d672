/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "keys.h"
#include "lock.h"
#include "user.h"

static int join_error(int code, const char *type)
{
	return error_set(code, "join namespace", type);
}

static bool wants(const struct child_plan *plan, enum nstype type)
{
	return plan->make & (unsigned int)nstype_info(type)->clone_flag;
}

/* Types up to and without mount; the pid namespace is the clone's business. */
static int join_first(const struct child_plan *plan)
{
	const unsigned int later = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID;
	unsigned int by_task = plan->join->task_types & ~later;
	unsigned int make = plan->make & ~later;

	if (by_task && setns(plan->join->task, (int)by_task) < 0)
		return join_error(-errno, "of init");
	for (int t = 0; t < NS_MOUNT; t++) {
		if (t == NS_PID || plan->join->fds.fd[t] < 0)
			continue;
		if (setns(plan->join->fds.fd[t], nstype_info(t)->clone_flag) < 0)
			return join_error(-errno, nstype_info(t)->name);
	}
	if (make && unshare((int)make) < 0)
		return error_set(-errno, "make namespaces", NULL);
	return 0;
}

/*
 * A caller who is nobody inside becomes root inside, unless somebody else is asked for anyway. The raw
 * calls: see become_user().
 */
static int become_mapped(const struct child_plan *plan)
{
	bool no_uid = plan->is_nobody[0], no_gid = plan->is_nobody[1];

	if (plan->has_user || (!no_uid && !no_gid))
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    (no_gid && syscall(SYS_setresgid, 0, 0, 0) < 0) ||
	    (no_uid && syscall(SYS_setresuid, 0, 0, 0) < 0))
		return error_set(-errno, "become root: its id maps have no 0; name a user", NULL);
	return 0;
}

static int set_user_ns(const struct join_plan *join)
{
	int ns = join_plan_fd(join, NS_USER);
	int dumpable = prctl(PR_GET_DUMPABLE), r;

	/* Root of that user namespace, who may be a task of the container, is not to trace or read us. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_set(-errno, "hide from the container's tasks", NULL);
	if (setns(ns, CLONE_NEWUSER) == 0)
		return 0;
	r = join_error(-errno, "user");
	prctl(PR_SET_DUMPABLE, dumpable);
	return r;
}

/* The user namespace last: with it goes the privilege that all other steps need. */
static int join_user(const struct child_plan *plan)
{
	int r = join_plan_joins(plan->join, NS_USER) ? set_user_ns(plan->join) : 0;

	if (r < 0)
		return r;
	/* A copy that the user namespace owns, in which what was mounted so far is locked. */
	if (plan->user_owned && wants(plan, NS_MOUNT) && unshare(CLONE_NEWNS) < 0)
		return error_set(-errno, "make namespaces", "mount");
	return become_mapped(plan);
}

/*
 * It is in its cgroup and namespaces, and from here on the container's tasks may keep it waiting, by a signal or
 * a file that has no end: nobody else shall wait for that.
 */
static void let_go(const struct child_plan *plan)
{
	if (plan->lock >= 0)
		lock_release(plan->lock, plan->object_id);
}

/* Keys last, since there is no way back from that for the process that enters. */
static int join_user_and_keys(const struct child_plan *plan)
{
	bool taken = plan->join_keys && join_plan_joins(plan->join, NS_USER);
	int keyring = taken ? keys_take(plan->object_dir, plan->object_id) : 0;
	int r;

	if (taken)
		let_go(plan);
	r = keyring < 0 ? keyring : join_user(plan);
	if (r < 0)
		keys_drop(keyring);
	if (r < 0 || !plan->join_keys)
		return r;
	r = taken ? keys_join_taken(keyring) : keys_join(plan->object_dir, plan->object_id);
	if (!taken)
		let_go(plan);
	return r;
}

static int new_mount_ns(const struct child_plan *plan, struct root_build *build)
{
	if (setns(plan->cradle, CLONE_NEWNS) < 0)
		return join_error(-errno, "the cradle");
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(-errno, "make namespaces", "mount");
	return root_attach(plan->root, build);
}

/* What it mounts and unmounts is in a namespace that it has just joined, or nowhere. */
static int join_mount_ns(const struct child_plan *plan)
{
	int ns = join_plan_fd(plan->join, NS_MOUNT);
	autoclose int proc = -EBADF;
	int r;

	if (ns < 0)
		return 0;
	/* Made before: a mount namespace of a lesser user namespace is not let mount it. */
	if (plan->renew_proc && !plan->has_second) {
		proc = root_new_proc();
		if (proc < 0)
			return proc;
	}
	if (setns(ns, CLONE_NEWNS) < 0)
		return join_error(-errno, "mount");
	r = proc >= 0 ? root_renew_proc(proc) : 0;
	return r < 0 ? error_set(r, "mount", "/proc") : 0;
}

static int setup_mounts(const struct child_plan *plan)
{
	struct root_build build;
	int r;

	root_build_init(&build, plan->root);
	r = root_open_source(plan->root, &build);
	if (r == 0 && plan->base_mount >= 0 && setns(plan->base_mount, CLONE_NEWNS) < 0)
		r = join_error(-errno, "the parent's mount");
	r = r ? r : root_build_view(plan->root, &build);
	r = r ? r : join_first(plan);
	r = r ? r : root_special(plan->root, &build);
	r = r ? r : new_mount_ns(plan, &build);
	root_build_close(&build);
	return r;
}

static int setup(const struct child_plan *plan)
{
	/* What is made below the root has exactly the modes it is made with. */
	mode_t mask = umask(0);
	int r = plan->join_cgroup < 0 ? 0
				      : kernel_write_file(plan->join_cgroup, "cgroup.procs", "0");

	if (r < 0)
		return error_set(r, "join cgroup", NULL);
	if (wants(plan, NS_MOUNT)) {
		r = setup_mounts(plan);
	} else {
		r = join_first(plan);
		r = r ? r : join_mount_ns(plan);
	}
	if (r == 0 && plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		r = error_set(-errno, "set hostname", plan->hostname);
	umask(mask);
	return r ? r : join_user_and_keys(plan);
}

/* The parent's memory, but fds of our own: what is opened here is put into a copy of its plan. */
static int setup_with_pins(const struct child_plan *plan)
{
	struct join_plan join = *plan->join;
	struct child_plan copy = *plan;
	int r = join_plan_open_pins_here(&join, plan->cradle);

	copy.join = &join;
	return r ? r : setup(&copy);
}

int child_setup(const struct child_plan *plan)
{
	return join_plan_has_pins(plan->join) ? setup_with_pins(plan) : setup(plan);
}

/*
 * The kernel lets the user namespace have a /proc of its pid namespace, since one is hidden in the cradle, and
 * so in each copy of it.
 */
int child_begin(const struct child_plan *plan)
{
	autoclose int proc = -EBADF;
	int r = 0;

	if (plan->renew_proc) {
		proc = root_new_proc();
		r = proc < 0 ? proc : root_renew_proc(proc);
	}
	return r < 0 ? error_default(r, "mount", "/proc") : 0;
}

/* First out of each other's way, then into place. */
static int place_stdio(const int stdio[3])
{
	int copy[3];

	for (int i = 0; i < 3; i++) {
		copy[i] = -EBADF;
		if (stdio[i] < 0)
			continue;
		copy[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
		if (copy[i] < 0)
			return error_set(-errno, "take over standard fds", NULL);
	}
	for (int i = 0; i < 3; i++)
		if (copy[i] >= 0 && dup2(copy[i], i) < 0)
			return error_set(-errno, "take over standard fds", NULL);
	return 0;
}

/* A link of the container's making may lead through /proc to where another process is. */
static int go_to(const char *cwd)
{
	autoclose int dir = kernel_openat2(AT_FDCWD, cwd, O_PATH | O_DIRECTORY, LOOKUP_USUAL);

	return dir < 0 ? dir : fchdir(dir) < 0 ? -errno : 0;
}

static int change_dir(const struct child_plan *plan)
{
	const char *cwd = plan->cwd ? plan->cwd : "/";
	int r = strcmp(cwd, "/") == 0 && chdir(cwd) == 0 ? 0 : go_to(cwd);

	if (r < 0 && plan->cwd_optional)
		r = go_to("/");
	return r < 0 ? error_set(r, "change directory", cwd) : 0;
}

int child_exec(const struct child_plan *plan, struct child_result *result)
{
	int r = place_stdio(plan->stdio);

	/*
	 * Closed before a path of the container's is followed, which may go through /proc/self/fd: that of
	 * the directory, of the program, of its interpreter. execve(2) closes them too late also since
	 * it lets root of the container's user namespace look at them a moment before.
	 */
	r = r ? r : launch_close_fds(&plan->launch);
	if (r < 0)
		error_default(r, "close fds", NULL);
	r = r ? r : change_dir(plan);
	if (r == 0 && plan->has_user)
		r = user_become(&plan->user, plan->groups);
	/* After the change of user, which would clear it. */
	if (r == 0 && plan->die_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = error_set(-errno, "set the parent-death signal", NULL);
	if (r < 0)
		return r;
	kernel_restore_signals(plan->given_mask ? plan->given_mask : &plan->signal_mask);
	result->at_exec = true;
	return launch_exec(&plan->launch, plan->paths, plan->argv, plan->envp, &result->launched);
}
