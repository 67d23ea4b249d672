/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/reboot.h>

#include "agent.h"
#include "cgroup.h"
#include "cleanup.h"
#include "control.h"
#include "dir.h"
#include "ended.h"
#include "error.h"
#include "guard.h"
#include "init.h"
#include "join.h"
#include "kernel.h"
#include "kill.h"
#include "lock.h"
#include "record.h"

#define DEFAULT_GRACE 10000

struct manner {
	int sig, grace;
};

static int parse(const char *text, struct manner *ret_manner)
{
	uint64_t sig, grace;
	int used = text_parse_u64(text, (uint64_t)SIGRTMAX, &sig);

	if (used < 0 || sig == 0 || text[used] != ' ' ||
	    text_parse_whole_u64(text + used + 1, INT_MAX, &grace) < 0)
		return -EUCLEAN;
	*ret_manner = (struct manner){(int)sig, (int)grace};
	return 0;
}

int stop_check(const char *text)
{
	struct manner manner;

	return parse(text, &manner);
}

static int load(int dir, struct manner *ret_manner)
{
	char text[48];
	ssize_t n = record_read(dir, OBJECT_STOP, text, sizeof(text));

	*ret_manner = (struct manner){SIGTERM, DEFAULT_GRACE};
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	return parse(text, ret_manner) < 0 ? record_damaged(dir, OBJECT_STOP) : 0;
}

int stop_set(const struct hierarchy *h, struct object *o, int sig, int grace)
{
	char text[48];
	size_t len;
	int r = object_check_below_caller(h, o);

	if (r == 0 && object_is_root(o))
		r = error_set(-EPERM, "the init container stays as it is", NULL);
	if (r == 0 && (sig < 1 || sig > SIGRTMAX || grace < 0))
		r = error_set(-EINVAL, "not a signal, or less than no time", NULL);
	r = r ? r : lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	if (r < 0)
		return r;
	text_format_u64((uint64_t)sig, text);
	len = strlen(text);
	text[len++] = ' ';
	text_format_u64((uint64_t)grace, text + len);
	return record_write(o->dir, OBJECT_STOP, text);
}

int stop_get(int dir, int *ret_sig, int *ret_grace)
{
	struct manner manner;
	int r = load(dir, &manner);

	if (r < 0)
		return r;
	*ret_sig = manner.sig;
	*ret_grace = manner.grace;
	return 0;
}

static int time_left(int64_t deadline)
{
	int64_t left = deadline - kernel_now_ms();

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* init ends the others, or the kernel does when it has ended; without one they are all told. */
static int tell(const struct hierarchy *h, const struct object *o, int sig)
{
	autoinit struct init init = {.pidfd = -EBADF};
	int r = o->spec.mode[NS_PID] == CONTAINER_NS_OWN ? init_find(h, o, &init) : -ESRCH;

	if (r == 0)
		ended_expect(o, init.text);
	if (init.pidfd >= 0)
		r = r ? r : kernel_pidfd_send_signal(init.pidfd, sig);
	else if (r == -ESRCH)
		r = control_kill(h, o, sig);
	return r == -ESRCH ? 0 : r;
}

/* Its init may have asked for a reboot a moment ago. */
static int keep_stopped(const struct object *o)
{
	char text[INIT_TEXT_SIZE];
	int r = o->spec.mode[NS_PID] == CONTAINER_NS_OWN ? init_read_text(o->dir, text) : -ESRCH;

	if (r == 0)
		ended_expect(o, text);
	return r == -ESRCH ? 0 : r;
}

static int stop_own(const struct hierarchy *h, const struct object *o, int64_t deadline)
{
	autoclose int cgroup = object_open_cgroup(h, o);
	struct cgroup_events events;
	struct manner manner;
	int r;

	if (cgroup < 0)
		return cgroup == -ENOENT ? 0 : cgroup;
	r = cgroup_read_events(cgroup, &events);
	if (r == 0 && !events.populated)
		return keep_stopped(o);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	r = load(o->dir, &manner);
	if (deadline < 0)
		deadline = kernel_now_ms() + manner.grace;
	r = r ? r : tell(h, o, manner.sig);
	/* It runs into the signal. One above that is frozen too keeps it from that. */
	if (r == 0 && events.frozen)
		cgroup_freeze(cgroup, false);
	r = r ? r : cgroup_wait(cgroup, false, false, time_left(deadline));
	if (r != -ETIMEDOUT)
		return r;
	r = kill_all(h, &o->spec, cgroup, KILL_TIMEOUT);
	return r < 0 ? r : 1;
}

/* Nested ones, which are told before, could not end while it is frozen. */
static int thaw(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = object_open_cgroup(h, o);
	int r = cgroup < 0 ? cgroup : cgroup_freeze(cgroup, false);

	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* Nested ones first. deadline -1: each has its own grace period. */
static int stop_tree(const struct hierarchy *h, const struct object *o, int64_t deadline)
{
	autodir DIR *children = NULL;
	const char *name;
	int killed = 0;
	int r = dir_open(o->dir, ".", &children);

	if (r == 0 && object_has_children(o->dir) > 0)
		r = thaw(h, o);
	while ((name = object_next_child(children, &r))) {
		autoobject struct object child = {.dir = -EBADF};

		r = object_load_nested(h, &o->spec, o->dir, name, &child);
		/* Removed meanwhile, or damaged. Its tasks are in this one's cgroup, and end with it. */
		if (r == -ENOENT || r == -EUCLEAN) {
			error_clear();
			r = 0;
			continue;
		}
		r = r ? r : stop_tree(h, &child, deadline);
		killed |= r > 0;
		r = r < 0 ? r : 0;
	}
	r = r ? r : stop_own(h, o, deadline);
	return r < 0 ? r : r | killed;
}

int stop_container(const struct hierarchy *h, const struct object *o, int timeout)
{
	int r = object_check_below_caller(h, o);

	if (r == 0 && object_is_root(o))
		r = error_set(-EPERM, "not for the init container", NULL);
	return r ? r : stop_tree(h, o, timeout < 0 ? -1 : kernel_now_ms() + timeout);
}

struct reboot_call {
	const struct join_plan *plan;
	int cmd;
};

/*
 * A child of the pid namespace. The kernel ends it, and init, and never comes back from the call. That
 * its parent has no number here proves that this is not the caller's, which may be the machine's own.
 */
static int born_inside(void *arg)
{
	const struct reboot_call *c = arg;

	if (syscall(SYS_getppid) != 0)
		return -EPERM;
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, c->cmd, NULL);
	return -errno;
}

static int reboot_agent(void *arg)
{
	struct reboot_call *c = arg;
	int r, ns = join_plan_fd(c->plan, NS_PID);

	if (ns < 0 || setns(ns, CLONE_NEWPID) < 0)
		return ns < 0 ? -ESRCH : -errno;
	r = agent_run_apart(-1, born_inside, c, sizeof(*c));
	/* Ended by the call. */
	return r == -ECANCELED ? 0 : join_clone_error(r);
}

static bool is_known(int cmd)
{
	return cmd == (int)LINUX_REBOOT_CMD_RESTART || cmd == (int)LINUX_REBOOT_CMD_HALT ||
	       cmd == (int)LINUX_REBOOT_CMD_POWER_OFF;
}

/* If it was started again already, or removed, that has been told or is of no use. */
static int record_reboot(const struct hierarchy *h, const struct object *o, const struct init *init,
			 int cmd)
{
	int sig = cmd == (int)LINUX_REBOOT_CMD_RESTART ? SIGHUP : SIGINT;
	int r = ended_record(h, o, init->text, sig);

	return r == -ESRCH || r == -ENOENT ? 0 : r;
}

int stop_reboot(const struct hierarchy *h, const struct object *o, int cmd)
{
	autojoin struct join_plan plan;
	struct reboot_call call = {&plan, cmd};
	autoinit struct init init = {.pidfd = -EBADF};
	struct pollfd poll_fd = {.events = POLLIN};
	int n, r = object_check_below_caller(h, o);

	join_plan_init(&plan);
	if (r == 0 && !is_known(cmd))
		r = error_set(-EINVAL, "neither restart, halt nor power off", NULL);
	if (r == 0 && o->spec.mode[NS_PID] != CONTAINER_NS_OWN)
		r = error_set(-EPERM, "it has no own pid namespace", NULL);
	r = r ? r : init_find(h, o, &init);
	if (r == -ESRCH)
		error_set(r, "it has no init", NULL);
	r = r ? r : join_plan_make(h, o, CLONE_NEWPID, &plan);
	r = r ? r : agent_run_apart(-1, reboot_agent, &call, sizeof(call));
	poll_fd.fd = init.pidfd;
	while (r == 0 && (n = poll(&poll_fd, 1, KILL_TIMEOUT)) <= 0)
		if (n == 0)
			r = error_set(-EBUSY, "init does not die", NULL);
	r = r ? r : record_reboot(h, o, &init, cmd);
	return r < 0 ? error_default(r, "reboot", NULL) : 0;
}
