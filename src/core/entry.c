/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "control.h"
#include "error.h"
#include "guard.h"
#include "init.h"
#include "limit.h"
#include "lock.h"
#include "make.h"
#include "maps.h"

#define BACK_TRIES 1000 /* ms */

void entry_init(struct entry *e)
{
	*e = (struct entry){.cgroup = -EBADF, .base_mount = -EBADF};
	join_plan_init(&e->join);
	e->root = (struct root_plan){.given = -EBADF, .terminal = -EBADF};
	e->child = (struct child_plan){.join_cgroup = -EBADF,
				       .lock = -EBADF,
				       .join = &e->join,
				       .root = &e->root,
				       .base_mount = -EBADF,
				       .stdio = {-1, -1, -1}};
	launch_init(&e->child.launch);
}

void entry_close(struct entry *e)
{
	launch_close(&e->child.launch);
	join_plan_close(&e->join);
	close_fd(&e->cgroup);
	close_fd(&e->base_mount);
	free(e->child.groups);
	e->child.groups = NULL;
	free(e->view_memory);
	e->view_memory = NULL;
}

static bool first_may_make(const struct spec *spec)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (spec->mode[t] == CONTAINER_NS_OWN && !spec->pinned[t])
			return true;
	return false;
}

/*
 * Own namespaces that come with the first task are made under the exclusive lock, lest two first
 * tasks make two sets; all other entries share the lock, which only keeps the container from being
 * removed. It is released with the lock fd, at the end of the operation.
 */
static int entry_lock(const struct hierarchy *h, struct object *o)
{
	bool exclusive = first_may_make(&o->spec);
	int r;

	if (object_is_root(o))
		return 0;
	r = lock_take(h->lock, o->spec.id, exclusive ? LOCK_EXCLUSIVE : LOCK_SHARED);
	r = r ? r : object_load(o->dir, &o->spec);
	if (r < 0 || exclusive || !first_may_make(&o->spec))
		return r;
	/* Its record has changed meanwhile. Not upgraded: two would wait for each other. */
	lock_release(h->lock, o->spec.id);
	r = lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	return r ? r : object_load(o->dir, &o->spec);
}

static int entry_make_user(const struct hierarchy *h, const struct object *o, unsigned int types,
			   struct entry *e)
{
	autoclose int parent = -EBADF;
	struct userns_maps maps;
	int r = make_open_user(h, o, true, &parent);

	r = r ? r : maps_texts(o, &maps);
	r = r ? r : userns_make(parent, &maps, e->cgroup, types, &e->join.fds);
	e->join.make &= ~(types | CLONE_NEWUSER);
	return r;
}

/*
 * What is made belongs to the user namespace that the task will be in: it is made in there, and then joined; a
 * mount namespace is made by the task, a pid namespace by its child. A time namespace cannot be made by the
 * task, which shares memory with the caller.
 */
static int entry_user_ns(const struct hierarchy *h, const struct object *o, struct entry *e)
{
	const unsigned int not_there = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID;
	unsigned int types = e->join.make & ~not_there;
	bool belongs = join_plan_joins(&e->join, NS_USER);
	int r;

	if (e->join.make & CLONE_NEWUSER) {
		e->child.user_owned = true;
		return entry_make_user(h, o, types, e);
	}
	e->child.user_owned = belongs;
	if (!belongs)
		types &= CLONE_NEWTIME;
	if (types == 0)
		return 0;
	r = userns_fill(join_plan_fd(&e->join, NS_USER), e->cgroup, types, &e->join.fds);
	e->join.make &= ~types;
	return r;
}

static int entry_plan_root(const struct hierarchy *h, struct object *o, struct entry *e)
{
	int r;

	if (!(e->join.make & CLONE_NEWNS))
		return 0;
	if (o->spec.empty_root)
		return error_set(-ENOENT, "it has no root yet; set one first", NULL);
	r = make_plan_root(h, o, &e->root, &e->base_mount, &e->view_memory);
	e->child.base_mount = e->base_mount;
	e->root.new_proc = true;
	return r;
}

static int entry_ask(struct entry *e)
{
	const struct container_guarded what = {.size = sizeof(what), .pid = e->moves};
	int r = guard_ask(&what);

	e->ask_again = r > 0 && e->moves;
	return r < 0 ? r : 0;
}

int entry_begin(const struct hierarchy *h, struct object *o, unsigned int types, struct entry *e)
{
	int r = object_check_below_caller(h, o);
	pid_t init;

	r = r ? r : entry_lock(h, o);
	r = r ? r : entry_ask(e);
	r = r ? r : join_plan_find(h, o, types, &e->join);
	if (r == 0 && !(e->opens_late && join_plan_opens_late(&e->join)))
		r = join_plan_open_pins(&e->join, h->cradle);
	if (r < 0)
		return r;
	if (!object_is_root(o)) {
		e->child.join_keys = true;
		e->child.object_dir = o->dir;
		e->child.object_id = o->spec.id;
		e->cgroup = limit_make_tasks(h, o);
		if (e->cgroup < 0)
			return e->cgroup;
		/* Nothing can have frozen one that was just made below the init container. */
		if (!o->spec.transient || object_has_parent(o) || init_was_recorded(o->dir))
			r = control_check_not_frozen(e->cgroup);
		if (r < 0)
			return r;
	}
	e->makes = e->join.make;
	e->make_pid = e->join.make & CLONE_NEWPID;
	e->records_init = !object_is_root(o) && e->make_pid;
	if (object_is_root(o) || types != 0 || o->spec.mode[NS_PID] == CONTAINER_NS_OWN)
		return 0;
	r = init_peek(o->dir, &init);
	e->records_init = init == 0;
	return r < 0 ? error_set(r, "look for its init", NULL) : 0;
}

/* Who the caller is in the user namespace that is joined, and who is root there, for a view that is his. */
static int entry_plan_ids(const struct hierarchy *h, const struct object *o, struct entry *e)
{
	const uint32_t own[2] = {geteuid(), getegid()};
	struct userns_maps maps;
	struct id_map map;
	int r = maps_outside(h, o, join_plan_fd(&e->join, NS_USER), &maps);

	for (int which = 0; r == 0 && which < 2; which++) {
		if (id_map_parse(maps.text[which], &map))
			return error_set(-EINVAL, "nobody is anybody in its user namespace", NULL);
		e->child.is_nobody[which] = !id_map_has_outside(&map, own[which]);
		id_map_to_outside(&map, 0, &e->root.owner[which]);
	}
	return r;
}

int entry_prepare(const struct hierarchy *h, struct object *o, unsigned int types, struct entry *e)
{
	int r = entry_begin(h, o, types, e);

	r = r ? r : entry_plan_root(h, o, e);
	r = r ? r : entry_user_ns(h, o, e);
	e->own_mm = e->child.has_user || join_plan_joins(&e->join, NS_USER) ||
		    join_plan_joins(&e->join, NS_TIME);
	e->child.make = e->join.make & ~(unsigned int)CLONE_NEWPID;
	e->child.cradle = h->cradle;
	e->child.has_second = e->make_pid && join_plan_joins(&e->join, NS_USER);
	if (e->child.has_second)
		e->root.new_proc = false;
	if (r == 0 && join_plan_joins(&e->join, NS_USER))
		r = entry_plan_ids(h, o, e);
	e->child.renew_proc =
		e->make_pid && o->spec.mode[NS_MOUNT] == CONTAINER_NS_OWN && !o->spec.empty_root;
	return r;
}

int entry_read_result(pid_t pid, int pipe, const char *died, struct child_result *ret_result)
{
	ssize_t n = agent_read(pid, pipe, ret_result, sizeof(*ret_result));

	if (n != (ssize_t)sizeof(*ret_result))
		return error_set(-ECHILD, died, NULL);
	if (ret_result->code < 0)
		error_copy(&ret_result->error);
	return ret_result->code;
}

static int pid_switch_save(struct pid_switch *s)
{
	s->old = open("/proc/thread-self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
	return s->old < 0 ? error_set(-errno, "open", "/proc/thread-self/ns/pid_for_children") : 0;
}

static int pid_switch_result(struct pid_switch *s, int r)
{
	if (r == 0)
		return 0;
	r = error_set(-errno, "join namespace", "pid");
	close_fd(&s->old);
	return r;
}

static int pid_switch_to(struct pid_switch *s, int ns)
{
	int r;

	if (ns < 0)
		return 0;
	r = pid_switch_save(s);
	return r < 0 ? r : pid_switch_result(s, setns(ns, CLONE_NEWPID));
}

int pid_switch_begin(struct pid_switch *s, const struct join_plan *join, bool make)
{
	int r;

	s->old = -EBADF;
	if (!make)
		return pid_switch_to(s, join_plan_fd(join, NS_PID));
	r = pid_switch_save(s);
	return r < 0 ? r : pid_switch_result(s, unshare(CLONE_NEWPID));
}

/* It was the thread's a moment ago. What the kernel may lack is memory, in a cgroup that is at its limit. */
bool pid_switch_back(struct pid_switch *s)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	bool back = s->old < 0;

	for (int i = 0; !back && i < BACK_TRIES; i++) {
		if (i > 0)
			nanosleep(&ms, NULL);
		back = setns(s->old, CLONE_NEWPID) == 0;
	}
	close_fd(&s->old);
	return back;
}

/* No program can go on whose next child were to be in somebody else's pid namespace. */
void pid_switch_end(struct pid_switch *s)
{
	if (!pid_switch_back(s))
		abort();
}

int pid_switch_error(const struct pid_switch *s, int r, const char *step)
{
	int why = s->old >= 0 ? join_clone_error(r) : r;

	return why == r ? error_set(r, step, NULL) : why;
}

pid_t pid_switch_clone(int ns, const struct clone_request *req, int (*fn)(void *arg), void *arg)
{
	struct pid_switch s = {.old = -EBADF};
	int r = pid_switch_to(&s, ns);
	pid_t pid = r < 0 ? r : kernel_clone(req, fn, arg);

	if (pid < 0 && r == 0)
		pid = pid_switch_error(&s, pid, "start a task");
	pid_switch_end(&s);
	return pid;
}

int entry_record_init(const struct object *o, const struct entry *e, pid_t pid, int pidfd)
{
	int r = 0;

	if (e->records_init && pidfd != -ESRCH)
		r = pidfd < 0 ? pidfd : init_record(o, pid, pidfd);
	return r < 0 && e->makes && !e->make_pid ? error_set(r, "record its first task", NULL) : 0;
}
