/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "proc.h"
#include "text.h"
#include "vault.h"

void join_plan_init(struct join_plan *plan)
{
	*plan = (struct join_plan){.task = -EBADF};
	ns_set_init(&plan->fds);
}

void join_plan_close(struct join_plan *plan)
{
	close_fd(&plan->task);
	ns_set_close(&plan->fds);
}

int join_none_yet(enum nstype type)
{
	return error_set(-ESRCH, "no task has brought to life its own namespace",
			 nstype_info(type)->name);
}

/* -ENOMEM is what the kernel says of a pid namespace whose init has ended. */
int join_clone_error(int r)
{
	return r == -ENOMEM ? error_set(-ESRCH, "its init has ended, or out of memory", NULL) : r;
}

/*
 * What the init container has is what the caller has, in all but odd places such as a shell under
 * unshare(1). Then process 1 is asked; if that is not the one either (or may not be looked at), the
 * caller's own has to do. Up to a pid or user namespace above its own the kernel lets nobody go.
 */
static int plan_host(const struct hierarchy *h, const struct host_ns *host, enum nstype type,
		     struct join_plan *plan)
{
	autoclose int fd = -EBADF;
	struct stat st;
	int r;

	if (type == NS_PID || type == NS_USER)
		return 0;
	r = hierarchy_in_host_ns(host, type);
	if (r != 0)
		return r < 0 ? r : 0;
	/* Found already, where it could not be asked for by process 1. */
	fd = type == NS_MOUNT && h->home.ns >= 0 ? fcntl(h->home.ns, F_DUPFD_CLOEXEC, 3)
						 : proc_open_ns(1, nstype_info(type)->proc);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == host->inode[type])
		plan->fds.fd[type] = take_fd(&fd);
	return 0;
}

/* The number may be another process's by now: it was init's if init lives after it was used. */
static int open_ns_of(const struct init *init, const char *entry)
{
	autoclose int fd = agent_open_ns(init->pid, entry);

	if (fd >= 0 && !kernel_pidfd_is_alive(init->pidfd))
		return -ESRCH;
	return take_fd(&fd);
}

/* An own namespace that is held by tasks only. */
static int plan_from_task(const struct hierarchy *h, const struct object *owner, bool is_target,
			  enum nstype type, struct join_plan *plan)
{
	const struct nstype_info *info = nstype_info(type);
	struct init init = {.pidfd = -EBADF};
	int r;

	if (is_target && plan->task >= 0) {
		plan->task_types |= (unsigned int)info->clone_flag;
		return 0;
	}
	r = is_target && plan->make ? -ESRCH : init_find(h, owner, &init);
	if (r == -ESRCH && is_target) {
		plan->make |= (unsigned int)info->clone_flag;
		return 0;
	}
	if (r == -ESRCH)
		return error_set(-ESRCH, "a container above has no task to inherit from",
				 info->name);
	if (r < 0)
		return r;
	if (is_target) {
		plan->task = init.pidfd;
		plan->task_pid = init.pid;
		plan->task_types |= (unsigned int)info->clone_flag;
		return 0;
	}
	plan->fds.fd[type] = open_ns_of(&init, info->proc);
	close_fd(&init.pidfd);
	return plan->fds.fd[type] < 0 ? plan->fds.fd[type] : 0;
}

/* The types in want that this container does not inherit; returns those that it does. */
static int plan_level(const struct hierarchy *h, const struct object *o, bool is_target,
		      unsigned int *want, struct join_plan *plan)
{
	for (int t = 0; t < NS_COUNT; t++) {
		unsigned int flag = (unsigned int)nstype_info(t)->clone_flag;
		int r;

		if (!(*want & flag) || o->spec.mode[t] == CONTAINER_NS_INHERIT)
			continue;
		*want &= ~flag;
		if (o->spec.pinned[t]) {
			plan->pins[t] = spec_pin_id(&o->spec, t);
			continue;
		}
		r = plan_from_task(h, o, is_target, t, plan);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_levels(const struct hierarchy *h, const struct object *o, unsigned int *want,
		       struct join_plan *plan)
{
	autoobject struct object level = {.dir = -EBADF};
	const struct object *at = o;
	int r;

	if (object_is_root(o))
		return 0;
	r = plan_level(h, o, true, want, plan);
	/* A chain of one id is a child of the init container, and needs no further look. */
	while (r == 0 && *want && object_has_parent(at)) {
		struct object above;

		r = object_open_parent(at, &above);
		if (r < 0)
			return r;
		object_close(&level);
		level = above;
		at = &level;
		r = plan_level(h, at, false, want, plan);
	}
	return r;
}

int join_open_parent(const struct object *o, struct object *ret_parent)
{
	if (object_has_parent(o))
		return object_open_parent(o, ret_parent);
	*ret_parent = (struct object){.dir = -EBADF};
	return 0;
}

/* What is made by unshare(2) is a copy of the maker's: it joins the parent container's before. */
int join_plan_copied(const struct hierarchy *h, const struct object *o, struct ns_set *fds)
{
	autoobject struct object parent = {.dir = -EBADF};
	struct host_ns host;
	int r = join_open_parent(o, &parent);

	r = r ? r : hierarchy_host_ns(h, &host);
	if (r == 0 && object_is_root(&parent))
		r = hierarchy_in_host_ns(&host, NS_UTS);
	if (r != 0)
		return r < 0 ? r : 0;
	fds->fd[NS_UTS] = join_open_one(h, &parent, NS_UTS);
	return fds->fd[NS_UTS] < 0 ? fds->fd[NS_UTS] : 0;
}

bool join_plan_has_pins(const struct join_plan *plan)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (plan->pins[t])
			return true;
	return false;
}

bool join_plan_opens_late(const struct join_plan *plan)
{
	return !plan->make && !plan->pins[NS_PID] && !plan->pins[NS_USER] && !plan->pins[NS_TIME] &&
	       join_plan_joins(plan, NS_MOUNT);
}

static int open_pins(struct join_plan *plan, int cradle,
		     int (*opener)(int cradle, const uint64_t id[NS_COUNT], struct ns_set *set))
{
	int r = opener(cradle, plan->pins, &plan->fds);

	memset(plan->pins, 0, sizeof(plan->pins));
	return r;
}

int join_plan_open_pins(struct join_plan *plan, int cradle)
{
	return join_plan_has_pins(plan) ? open_pins(plan, cradle, vault_open_pins) : 0;
}

int join_plan_open_pins_here(struct join_plan *plan, int cradle)
{
	return open_pins(plan, cradle, vault_enter_pins);
}

int join_plan_find(const struct hierarchy *h, const struct object *o, unsigned int types,
		   struct join_plan *ret_plan)
{
	autojoin struct join_plan plan;
	unsigned int want = types;
	struct host_ns host;
	int r;

	join_plan_init(&plan);
	for (int t = 0; types == 0 && t < NS_COUNT; t++)
		want |= (unsigned int)nstype_info(t)->clone_flag;
	r = plan_levels(h, o, &want, &plan);
	if (r == 0 && want)
		r = hierarchy_host_ns(h, &host);
	if (r == 0 && (plan.make & CLONE_NEWUTS))
		r = join_plan_copied(h, o, &plan.fds);
	for (int t = 0; r == 0 && t < NS_COUNT; t++)
		if (want & (unsigned int)nstype_info(t)->clone_flag)
			r = plan_host(h, &host, t, &plan);
	if (r < 0)
		return r;
	*ret_plan = plan;
	join_plan_init(&plan);
	return 0;
}

/* With the record as it is: between that being read and a pin being opened others may change it. */
int join_plan_make(const struct hierarchy *h, const struct object *o, unsigned int types,
		   struct join_plan *ret_plan)
{
	struct object now = *o;
	int r = 0;

	for (int i = 0; r == 0; i++) {
		autojoin struct join_plan plan;

		join_plan_init(&plan);
		r = join_plan_find(h, &now, types, &plan);
		r = r ? r : join_plan_open_pins(&plan, h->cradle);
		if (r == 0) {
			*ret_plan = plan;
			join_plan_init(&plan);
			return 0;
		}
		if (r != -ENOENT || i == JOIN_TRIES)
			return r;
		error_clear();
		r = object_load(o->dir, &now.spec);
	}
	return r;
}

int join_open_one(const struct hierarchy *h, const struct object *o, enum nstype type)
{
	const struct nstype_info *info = nstype_info(type);
	autojoin struct join_plan plan;
	int r;

	join_plan_init(&plan);
	r = join_plan_make(h, o, (unsigned int)info->clone_flag, &plan);
	if (r < 0)
		return r;
	if (plan.make)
		return join_none_yet(type);
	if (plan.task >= 0) {
		autoinit struct init init = {.pidfd = -EBADF};

		r = init_find(h, o, &init);
		return r < 0 ? r : open_ns_of(&init, info->proc);
	}
	if (plan.fds.fd[type] >= 0)
		return take_fd(&plan.fds.fd[type]);
	return proc_open_ns(0, info->proc);
}

int join_plan_inodes(const struct join_plan *plan, unsigned int types, uint64_t inode[NS_COUNT])
{
	autoclose int own = proc_open_ns_dir(0);
	autoclose int task = plan->task < 0 ? -ESRCH : proc_open_ns_dir(plan->task_pid);
	int r = own < 0 ? own : 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		const struct nstype_info *info = nstype_info(t);
		struct stat st;

		if (!(types & (unsigned int)info->clone_flag))
			continue;
		if (plan->fds.fd[t] >= 0) {
			r = fstat(plan->fds.fd[t], &st) < 0 ? -errno : 0;
			inode[t] = r < 0 ? 0 : st.st_ino;
		} else if (plan->task_types & (unsigned int)info->clone_flag) {
			r = task < 0 ? task : proc_ns_inode(task, info->proc, &inode[t]);
		} else {
			r = proc_ns_inode(own, info->proc_for_new, &inode[t]);
		}
	}
	return r == 0 && plan->task >= 0 && !kernel_pidfd_is_alive(plan->task) ? -ESRCH : r;
}
