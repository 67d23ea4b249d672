/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exported calls: arguments are checked, the hierarchy is opened for the one operation, and the
 * -errno of the core becomes -1 and errno. All behaviour is in core/.
 */
#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "call.h"
#include "change.h"
#include "check.h"
#include "cleanup.h"
#include "control.h"
#include "error.h"
#include "guard.h"
#include "hierarchy.h"
#include "join.h"
#include "kernel.h"
#include "make.h"
#include "maps.h"
#include "name.h"
#include "object.h"
#include "reach.h"
#include "reap.h"
#include "record.h"
#include "task.h"
#include "walk.h"

EXPORT const struct container_error *container_error_last(void)
{
	return error_last();
}

EXPORT void container_set_guard(int (*guard)(const struct container_guarded *what, void *arg),
				void *arg)
{
	guard_set(guard, arg);
}

EXPORT const char *container_name_error(const char *name)
{
	return name_error(name, strlen(name));
}

static int give_fd(struct object *o, unsigned int flags)
{
	if (!(flags & CONTAINER_FD_CLOEXEC) && fcntl(o->dir, F_SETFD, 0) < 0)
		return -errno;
	return take_fd(&o->dir);
}

static int create_below(struct call *c, const struct object *parent, const char *name,
			unsigned int flags, const struct container_access *access)
{
	autoobject struct object made = {.dir = -EBADF};
	int r = make_container(&c->h, parent, name, flags, access, &made);

	return r < 0 ? r : give_fd(&made, flags);
}

EXPORT int container_create_at(int parent, const char *name, unsigned int flags)
{
	autocall struct call c;
	int r = call_begin(&c, parent, HIERARCHY_SWEEP);

	r = r ? r : create_below(&c, &c.o, name, flags, NULL);
	return (int)call_done(r, "create", name);
}

EXPORT int container_create_for(int parent, const char *name, unsigned int flags,
				const struct container_access *access)
{
	autocall struct call c;
	int r = call_begin(&c, parent, HIERARCHY_SWEEP);

	if (r == 0 && access->size != sizeof(*access))
		r = error_set(-EINVAL, "unknown size", NULL);
	r = r ? r : create_below(&c, &c.o, name, flags, access);
	return (int)call_done(r, "create", name);
}

/* "a/b/": the trailing slash asks for a name to be found. */
static int create_path(struct call *c, const char *name, unsigned int flags)
{
	autoobject struct object parent = {.dir = -EBADF};
	size_t len = name ? name_parent_len(name) : 0;
	char above[PATH_SIZE] = ".";
	int r;

	if (name && name[0] == '\0')
		return error_set(-EINVAL, name_error("", 0), NULL);
	if (len >= sizeof(above))
		return -ENAMETOOLONG;
	if (len > 0) {
		memcpy(above, name, len);
		above[len] = '\0';
	}
	r = object_find(&c->h, above, &parent);
	if (r < 0)
		return r;
	return create_below(c, &parent, name && name[len] ? name + len : NULL, flags, NULL);
}

EXPORT int container_create(const char *name, unsigned int flags)
{
	autocall struct call c;
	int r = call_open(&c, HIERARCHY_SWEEP);

	r = r ? r : create_path(&c, name, flags);
	return (int)call_done(r, "create", name);
}

static int open_named(const struct call *c, const char *name)
{
	autoobject struct object found = {.dir = -EBADF};
	int r = object_find_any(&c->h, name, &found);

	r = r < 0 ? r : object_check_below_caller(&c->h, &found);
	return r ? r : take_fd(&found.dir);
}

EXPORT int container_open(const char *name)
{
	autocall struct call c;
	int r = call_open(&c, HIERARCHY_READ);

	if (r == -ENOENT)
		error_set(r, "no such container", name);
	return (int)call_done(r ? r : open_named(&c, name), "open", name);
}

EXPORT int container_open_init(void)
{
	autocall struct call c;
	int r = call_open(&c, HIERARCHY_WRITE);

	return (int)call_done(r ? r : open_named(&c, "/"), "open", "/");
}

/* All that is said of the fd is done by the one openat(2): a file server does this for each name. */
EXPORT int container_open_at(int parent, const char *name, uint64_t *ret_id)
{
	const char *why = name_error(name, strlen(name));
	struct spec spec;
	uint64_t id;
	int r;

	error_clear();
	r = parent < 0 ? -EBADF : why ? error_set(-EINVAL, why, name) : 0;
	r = r ? r : object_open_nested(parent, name, ret_id ? ret_id : &id);
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EBADF) {
		int parent_r = parent < 0 ? -EBADF : object_load(parent, &spec);

		r = parent_r < 0 ? call_record_error(parent_r)
				 : error_set(-ENOENT, "no such container", NULL);
	}
	return (int)call_done(r, "open", name);
}

EXPORT int container_id(int container, uint64_t *id)
{
	int r;

	error_clear();
	r = container < 0 ? -EBADF : object_read_id(container, id);
	return (int)call_done(r < 0 ? call_record_error(r) : 0, "id", NULL);
}

EXPORT int container_of(pid_t pid)
{
	autocall struct call c;
	autoobject struct object found = {.dir = -EBADF};
	char chain[SPEC_CGROUP_SIZE];
	int r;

	hierarchy_init(&c.h);
	r = pid < 0 ? error_set(-EINVAL, "not a pid", NULL) : call_open(&c, HIERARCHY_READ);
	r = r ? r : object_chain_of(&c.h, pid, chain);
	r = r ? r : object_find_cgroup(&c.h, chain, &found);
	return (int)call_done(r ? r : take_fd(&found.dir), "find the container of a process", NULL);
}

EXPORT ssize_t container_path(int container, char *buf, size_t size)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	return call_done(r ? r : object_path(&c.h, container, buf, size), "path", NULL);
}

EXPORT int container_rename(int container, const char *new_name)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_SWEEP);

	return (int)call_done(r ? r : change_name(&c.h, &c.o, new_name), "rename", NULL);
}

static int remove_damaged(struct call *c, int container, unsigned int flags)
{
	int r = object_check_place(&c->h, container, NULL);

	/* The init container's: all others hang below it. */
	if (object_check_place(&c->h, container, "") == 0)
		r = record_damaged(container, OBJECT_SPEC);
	r = r ? r : guard_ask_container();
	return r ? r : reap_remove_damaged(&c->h, container, flags & CONTAINER_REMOVE_RECURSIVE);
}

EXPORT int container_remove(int container, unsigned int flags)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_END);

	/* Damaged is its own record, or one of the hierarchy's: then nothing is known of what it has. */
	if (r == -EUCLEAN && (flags & CONTAINER_REMOVE_KILL)) {
		hierarchy_close(&c.h);
		r = call_open(&c, HIERARCHY_SWEEP);
		if (r < 0)
			return (int)call_done(r, "remove", NULL);
		r = call_look_again(&c, container);
		if (r == -EUCLEAN)
			return (int)call_done(remove_damaged(&c, container, flags), "remove", NULL);
	}
	/* One that ends with its fd is ended by whoever has the fd: closing it would do so too. */
	if (r == 0 && !c.o.spec.transient) {
		r = object_chain_of(&c.h, 0, c.h.caller);
		r = r ? r : object_check_below_caller(&c.h, &c.o);
		r = r ? r : reap_sweep(&c.h);
	}
	if (r == 0 && (flags & ~(unsigned int)(CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE)))
		r = -EINVAL;
	if (r == 0 && object_is_root(&c.o))
		r = guard_ask_container();
	if (r == 0 && object_is_root(&c.o))
		r = hierarchy_remove(&c.h);
	else if (r == 0)
		r = reap_remove(&c.h, &c.o, flags & CONTAINER_REMOVE_KILL,
				flags & CONTAINER_REMOVE_RECURSIVE);
	return (int)call_done(r, "remove", NULL);
}

EXPORT int container_namespace(int container, int nstype)
{
	autocall struct call c;
	int type = nstype_of_flag(nstype);
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	r = r ? r : type < 0 ? type : join_open_one(&c.h, &c.o, (enum nstype)type);
	return (int)call_done(r, "open namespace", NULL);
}

/* fd is an nsfs fd, or a container's fd, whose namespace of the type is then opened. */
static int share_from(struct call *c, enum nstype type, int fd)
{
	autoobject struct object source = {.dir = -EBADF};
	autoclose int ns = -EBADF;
	int r;

	if (kernel_is_nsfs(fd))
		return change_namespace(&c->h, &c->o, type, CONTAINER_NS_SHARE, fd, NULL);
	r = object_load(fd, &source.spec);
	if (r < 0)
		return error_set(-EINVAL, "neither a namespace nor a container", NULL);
	source.dir = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (source.dir < 0)
		return -errno;
	r = object_check_place(&c->h, source.dir, source.spec.cgroup);
	r = r ? r : object_check_own(&c->h, source.dir, &source.spec);
	r = r ? r : object_check_below_caller(&c->h, &source);
	if (r < 0)
		return r;
	ns = join_open_one(&c->h, &source, type);
	return ns < 0 ? ns : change_namespace(&c->h, &c->o, type, CONTAINER_NS_SHARE, ns, &source);
}

EXPORT int container_root(int container)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	r = r ? r : object_check_below_caller(&c.h, &c.o);
	return (int)call_done(r ? r : reach_top(&c.h, &c.o), "open root", NULL);
}

EXPORT int container_set_namespace(int container, int nstype, enum container_ns_mode mode, int fd)
{
	autocall struct call c;
	int type = nstype_of_flag(nstype);
	int r = mode == CONTAINER_NS_SHARE ? call_check_fds(&fd, 1, false) : 0;

	hierarchy_init(&c.h);
	r = r ? r : call_begin(&c, container, HIERARCHY_SWEEP);
	if (r == 0 && type < 0)
		r = error_set(type, "unknown namespace type", NULL);
	if (r == 0 && mode == CONTAINER_NS_SHARE)
		r = share_from(&c, (enum nstype)type, fd);
	else if (r == 0)
		r = change_namespace(&c.h, &c.o, (enum nstype)type, mode, -EBADF, NULL);
	return (int)call_done(r, "set namespace", NULL);
}

EXPORT int container_set_root(int container, int fd, unsigned int flags)
{
	autocall struct call c;
	int r = call_check_fds(&fd, 1, true);

	hierarchy_init(&c.h);
	r = r ? r : call_begin(&c, container, HIERARCHY_SWEEP);
	if (r == 0 && (flags & ~(unsigned int)CONTAINER_ROOT_RECURSIVE))
		r = -EINVAL;
	r = r ? r : change_root(&c.h, &c.o, fd, flags & CONTAINER_ROOT_RECURSIVE);
	return (int)call_done(r, "set root", NULL);
}

EXPORT int container_set_hostname(int container, const char *hostname)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_SWEEP);

	return (int)call_done(r ? r : change_hostname(&c.h, &c.o, hostname), "set hostname", NULL);
}

EXPORT int container_get_hostname(int container, char *buf, size_t size)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_REACH);

	return (int)call_done(r ? r : change_read_hostname(&c.h, &c.o, buf, size), "read hostname",
			      NULL);
}

EXPORT int container_set_id_map(int container, int which, const char *map)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_SWEEP);

	return (int)call_done(r ? r : maps_set(&c.h, &c.o, which, map), "set id map", NULL);
}

EXPORT int container_set_ids(int container, const char *ids)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_SWEEP);

	return (int)call_done(r ? r : maps_set_ids(&c.h, &c.o, ids), "set ids", NULL);
}

EXPORT ssize_t container_get_ids(int container, char *buf, size_t size)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	return call_done(r ? r : maps_get_ids(&c.o, buf, size), "read ids", NULL);
}

EXPORT ssize_t container_get_id_map(int container, int which, char *buf, size_t size)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	if (r == 0 && (which & CONTAINER_MAP_OUTSIDE)) {
		hierarchy_close(&c.h);
		r = hierarchy_open(&c.h, HIERARCHY_REACH);
		r = r ? r : maps_outside_of(&c.h, &c.o, which & ~CONTAINER_MAP_OUTSIDE, buf, size);
		return call_done(r, "read id map", NULL);
	}
	/* Its own are in its record; others are asked of the namespace. */
	if (r == 0 && !maps_are_recorded(&c.o)) {
		hierarchy_close(&c.h);
		r = hierarchy_open(&c.h, HIERARCHY_REACH);
	}
	return call_done(r ? r : maps_get(&c.h, &c.o, which, buf, size), "read id map", NULL);
}

EXPORT int container_check(unsigned int flags, int (*fn)(const struct container_problem *, void *),
			   void *arg)
{
	int r;

	error_clear();
	r = check_state(flags, fn, arg);
	return r > 0 ? r : (int)call_done(r, "check", NULL);
}

EXPORT pid_t container_spawn(int container, const struct container_spawn *how)
{
	autocall struct call c;
	int r = how->size != sizeof(*how) ? error_set(-EINVAL, "unknown options", NULL) : 0;

	hierarchy_init(&c.h);
	r = r ? r : call_check_fds(how->stdio, 3, true);
	r = r ? r : call_check_fds(&how->root, 1, true);
	r = r ? r : call_begin(&c, container, HIERARCHY_WRITE);
	return (pid_t)call_done(r ? r : task_spawn(&c.h, &c.o, how), "spawn", NULL);
}

EXPORT pid_t container_fork(int container)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);
	bool begun = r == 0;

	r = r ? r : task_fork(&c.h, &c.o);
	/* In the child: the locks are the caller's, who is not done yet. */
	if (begun && r == 0)
		close_fd(&c.h.lock);
	return (pid_t)call_done(r, "fork", NULL);
}

EXPORT int container_enter(int container, int nstypes)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);

	return (int)call_done(r ? r : task_enter(&c.h, &c.o, (unsigned int)nstypes), "enter", NULL);
}

/* r < 0: what was wrong with the arguments. */
static int attach(int r, int container, const struct attach_whom *whom, int nstypes)
{
	autocall struct call c;

	hierarchy_init(&c.h);
	r = r ? r : call_begin(&c, container, HIERARCHY_WRITE);
	r = r ? r : attach_task(&c.h, &c.o, whom, (unsigned int)nstypes);
	return (int)call_done(r, "attach", NULL);
}

EXPORT int container_attach(int container, pid_t pid, int nstypes)
{
	const struct attach_whom whom = {.pid = pid, .pidfd = -EBADF};

	return attach(0, container, &whom, nstypes);
}

EXPORT int container_attach_pidfd(int container, int pidfd, int nstypes)
{
	const struct attach_whom whom = {.pidfd = pidfd};

	return attach(call_check_fds(&pidfd, 1, false), container, &whom, nstypes);
}

EXPORT int container_attach_writer(int container, pid_t pid, int nstypes, void (*answer)(void *arg),
				   void *arg)
{
	const struct attach_whom whom = {.pid = pid, .pidfd = -EBADF, .answer = answer, .arg = arg};
	int r = answer ? 0 : error_set(-EINVAL, "no answer to call", NULL);

	return attach(r, container, &whom, nstypes);
}

EXPORT int container_attach_for(int container, const struct container_attach_for *request)
{
	const struct attach_whom whom = {
		.pid = request->answer ? request->writer : 0,
		.pidfd = request->answer ? -EBADF : request->pidfd,
		.answer = request->answer,
		.arg = request->arg,
		.may_leave = request->may_leave,
	};
	int r = request->size != sizeof(*request) ? error_set(-EINVAL, "unknown size", NULL) : 0;

	if (r == 0 && !request->may_leave)
		r = error_set(-EINVAL, "nobody to ask", NULL);
	if (r == 0 && !request->answer)
		r = call_check_fds(&request->pidfd, 1, false);
	return attach(r, container, &whom, request->nstypes);
}

EXPORT int container_kill(int container, int sig)
{
	autocall struct call c;
	/* A guard decides under the container's lock. */
	int r = call_begin(&c, container, guard_is_set() ? HIERARCHY_WRITE : HIERARCHY_READ);

	return (int)call_done(r ? r : control_kill(&c.h, &c.o, sig), "kill", NULL);
}

EXPORT int container_freeze(int container, int frozen)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);

	return (int)call_done(r ? r : control_freeze(&c.h, &c.o, frozen), "freeze", NULL);
}

EXPORT int container_wait(int container, int timeout)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_READ);

	return (int)call_done(r ? r : control_wait(&c.h, &c.o, timeout), "wait", NULL);
}

EXPORT int container_wait_fd(int container)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_WRITE);

	return (int)call_done(r ? r : control_wait_fd(&c.h, &c.o), "wait", NULL);
}

EXPORT ssize_t container_tasks(int container, pid_t *pids, size_t n)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_READ);

	return call_done(r ? r : control_tasks(&c.h, &c.o, pids, n), "list tasks", NULL);
}

EXPORT int container_walk(int container, unsigned int flags,
			  int (*fn)(const struct container_info *info, void *arg), void *arg)
{
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	r = r ? r : hierarchy_open_cgroup(&c.h);
	r = r ? r : walk_containers(&c.h, &c.o, flags, fn, arg);
	return r > 0 ? r : (int)call_done(r, "list", NULL);
}

/* A program that was made for a later release asks for more than there is: it gets what there is. */
EXPORT int container_stat(int container, unsigned int flags, struct container_info *info, char *buf,
			  size_t size)
{
	const unsigned int known =
		CONTAINER_WALK_TASKS | CONTAINER_WALK_ROOT | CONTAINER_WALK_OWNER;
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	if (r == 0 && ((flags & ~known) || info->size < sizeof(*info)))
		r = error_set(-EINVAL, "unknown flags or size", NULL);
	if (r == 0 && (flags & CONTAINER_WALK_STATE))
		r = hierarchy_open_cgroup(&c.h);
	r = r ? r : walk_stat(&c.h, &c.o, flags, info, buf, size);
	return (int)call_done(r, "stat", NULL);
}
