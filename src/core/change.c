/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "agent.h"
#include "allot.h"
#include "cgroup.h"
#include "cleanup.h"
#include "error.h"
#include "guard.h"
#include "join.h"
#include "kernel.h"
#include "lock.h"
#include "make.h"
#include "maps.h"
#include "name.h"
#include "range.h"
#include "record.h"
#include "renew.h"
#include "text.h"
#include "vault.h"

int change_begin(const struct hierarchy *h, struct object *o, const char *step)
{
	int r = object_check_below_caller(h, o);

	if (r == 0 && object_is_root(o))
		r = error_set(-EPERM, "the init container stays as it is", NULL);
	r = r ? r : lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	return r < 0 ? error_default(r, step, NULL) : 0;
}

int change_check_no_tasks(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = object_open_cgroup(h, o);
	struct cgroup_events events;
	int r;

	if (cgroup < 0)
		return cgroup == -ENOENT ? 0 : cgroup;
	r = cgroup_read_events(cgroup, &events);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	return events.populated ? error_set(-EBUSY, "it has tasks", NULL) : 0;
}

static bool needs_no_tasks(enum nstype type)
{
	return type == NS_MOUNT || type == NS_PID || type == NS_USER;
}

/* Where the record does not name a pin yet. */
static void take_place(struct spec *next, const struct spec *now, enum nstype type)
{
	next->second[type] = next->pinned[type] && now->pinned[type] && !now->second[type];
}

static bool names_pin(const struct spec *spec, enum nstype type, uint64_t pin_id)
{
	return spec->pinned[type] && spec_pin_id(spec, type) == pin_id;
}

static bool note_gone(uint64_t gone[NS_COUNT], const struct spec *spec, const struct spec *now)
{
	bool any = false;

	for (int t = 0; t < NS_COUNT; t++) {
		if (!spec->pinned[t] || names_pin(now, t, spec_pin_id(spec, t)))
			continue;
		gone[t] = spec_pin_id(spec, t);
		any = true;
	}
	return any;
}

int change_commit(const struct hierarchy *h, struct object *o, const struct spec *next, int r)
{
	struct container_error error = *error_last();
	uint64_t gone[NS_COUNT] = {0};
	struct spec now = *next;
	bool any;
	int unpinned;

	if (r == 0) {
		r = object_store(o->dir, next);
		error = *error_last();
	}
	/* It may have failed after the step that counts. */
	if (r < 0 && object_load(o->dir, &now) < 0) {
		error_copy(&error);
		return r;
	}
	any = note_gone(gone, &o->spec, &now);
	any |= note_gone(gone, next, &now);
	o->spec = now;
	unpinned = any ? vault_unpin(h->cradle, gone) : 0;
	if (r < 0)
		error_copy(&error);
	return r ? r : unpinned;
}

/*
 * Another user namespace, for all that it owns: see renew.h. What it has while it ends with its creator's fd comes with
 * its first task. Those ids that it does not have any more go.
 */
static int set_user(const struct hierarchy *h, struct object *o, struct object *next, int r)
{
	struct container_error error;
	int forgotten;

	r = r ? r : renew_check(h, o);
	r = renew_commit(h, o, next, r);
	error = *error_last();
	forgotten = o->spec.mode[NS_USER] == CONTAINER_NS_OWN ? maps_forget_others(h, o)
							      : maps_forget(h, o);
	if (r < 0)
		error_copy(&error);
	return r ? r : forgotten;
}

static int set_inherit(const struct hierarchy *h, struct object *o, enum nstype type)
{
	struct object next = *o;
	int r;

	next.spec.mode[type] = CONTAINER_NS_INHERIT;
	next.spec.pinned[type] = next.spec.second[type] = false;
	if (type == NS_MOUNT)
		next.spec.empty_root = false;
	if (type == NS_USER)
		return set_user(h, o, &next, 0);
	r = change_commit(h, o, &next.spec, 0);
	if (r == 0 && type == NS_MOUNT)
		unlinkat(o->dir, OBJECT_ROOT, 0);
	return r;
}

static int set_own(const struct hierarchy *h, struct object *o, enum nstype type)
{
	struct object next = *o;
	struct root_plan root;
	int r = 0;

	if (o->spec.transient)
		return error_set(-EOPNOTSUPP,
				 "own is for creation in one that ends with its creator's fd",
				 NULL);
	next.spec.mode[type] = CONTAINER_NS_OWN;
	next.spec.pinned[type] = type != NS_PID;
	take_place(&next.spec, &o->spec, type);
	if (type == NS_MOUNT)
		next.spec.empty_root = false;
	if (type == NS_USER)
		return set_user(h, o, &next, maps_move(h, o, &next));
	root = make_plan_view(&next.spec);
	if (r == 0 && next.spec.pinned[type])
		r = make_own(h, &next, (unsigned int)nstype_info(type)->clone_flag, &root, -EBADF);
	r = change_commit(h, o, &next.spec, r);
	if (r == 0 && type == NS_MOUNT)
		r = record_write(o->dir, OBJECT_ROOT, "view");
	return r;
}

/* What is shared downwards only: the owner must be above, or be the init container. */
static int check_share(const struct object *o, enum nstype type, const struct object *source)
{
	if (!nstype_info(type)->hierarchical)
		return 0;
	if (source && object_chain_within(o->spec.cgroup, source->spec.cgroup) &&
	    strcmp(o->spec.cgroup, source->spec.cgroup) != 0)
		return 0;
	return error_set(-EPERM, "pid and user namespaces are shared downwards only", NULL);
}

static int set_share(const struct hierarchy *h, struct object *o, enum nstype type, int ns_fd,
		     const struct object *source)
{
	struct object next = *o;
	int r = check_share(o, type, source);

	if (r < 0)
		return r;
	if (ioctl(ns_fd, NS_GET_NSTYPE) != nstype_info(type)->clone_flag)
		return error_set(-EINVAL, "not a namespace of this type", NULL);
	next.spec.mode[type] = CONTAINER_NS_SHARE;
	next.spec.pinned[type] = true;
	take_place(&next.spec, &o->spec, type);
	r = range_refer(h, o->spec.id, ns_fd);
	if (r == 0 && type == NS_USER)
		r = renew_check(h, o);
	if (r < 0)
		return r;
	/* A transient one is taken apart by its record alone, so that comes first there. */
	if (o->spec.transient)
		r = object_store(o->dir, &next.spec);
	r = r ? r : vault_set_pin(h->cradle, spec_pin_id(&next.spec, type), type, ns_fd);
	if (r < 0 && o->spec.transient)
		object_store(o->dir, &o->spec);
	if ((r == -EINVAL || r == -ELOOP) && type == NS_MOUNT)
		r = error_set(-EINVAL, "this mount namespace is older than the hierarchy", NULL);
	return type == NS_USER ? set_user(h, o, &next, r) : change_commit(h, o, &next.spec, r);
}

int change_namespace(const struct hierarchy *h, struct object *o, enum nstype type,
		     enum container_ns_mode mode, int ns_fd, const struct object *source)
{
	const struct allot_wish network = {.network = true};
	int r = 0;

	if (type == NS_NETWORK && mode == CONTAINER_NS_OWN &&
	    o->spec.mode[type] != CONTAINER_NS_OWN)
		r = allot_ask(h, o, &network);
	r = r ? r : change_begin(h, o, "set namespace");
	if (r == 0 && needs_no_tasks(type))
		r = change_check_no_tasks(h, o);
	if (r < 0)
		return r;
	switch (mode) {
	case CONTAINER_NS_INHERIT:
		return set_inherit(h, o, type);
	case CONTAINER_NS_OWN:
		return set_own(h, o, type);
	case CONTAINER_NS_SHARE:
		return set_share(h, o, type, ns_fd, source);
	}
	return error_set(-EINVAL, "unknown mode", NULL);
}

/* For people who list containers: the path by which the directory was given. */
static int record_root(const struct object *o, int fd)
{
	char link[64], path[PATH_SIZE];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fd < 0)
		return record_write(o->dir, OBJECT_ROOT, "view");
	if (kernel_readlink(AT_FDCWD, link, path, sizeof(path)) < 0)
		return 0;
	return record_write(o->dir, OBJECT_ROOT, path);
}

int change_root(const struct hierarchy *h, struct object *o, int fd, bool recursive)
{
	struct root_plan root = make_plan_view(&o->spec);
	struct object next;
	struct stat st;
	int r = change_begin(h, o, "set root");

	if (r == 0 && o->spec.transient)
		r = error_set(-EOPNOTSUPP, "it takes its root with its first task", NULL);
	if (r == 0 && fd != -1 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && fd >= 0 && !S_ISDIR(st.st_mode))
		r = error_set(-ENOTDIR, "set root", NULL);
	r = r ? r : change_check_no_tasks(h, o);
	if (r < 0)
		return r;
	root.kind = fd >= 0 ? ROOT_GIVEN : ROOT_VIEW;
	root.given = fd;
	root.recursive = recursive;
	next = *o;
	next.spec.mode[NS_MOUNT] = CONTAINER_NS_OWN;
	next.spec.pinned[NS_MOUNT] = true;
	next.spec.empty_root = false;
	take_place(&next.spec, &o->spec, NS_MOUNT);
	r = make_own(h, &next, CLONE_NEWNS, &root, -EBADF);
	r = change_commit(h, o, &next.spec, r);
	return r ? r : record_root(o, fd);
}

/* new_name may be a path, but only one with the same parent. */
static int check_new_name(const struct hierarchy *h, int parent, const char *new_name,
			  const char **ret_name)
{
	size_t len = name_parent_len(new_name);
	const char *name = new_name + len;
	const char *why = name_error(name, strlen(name));
	char above[PATH_SIZE];
	autoobject struct object other = {.dir = -EBADF};
	struct stat a, b;
	int r;

	if (why)
		return error_set(-EINVAL, why, new_name);
	*ret_name = name;
	if (len == 0)
		return 0;
	if (len >= sizeof(above))
		return -ENAMETOOLONG;
	memcpy(above, new_name, len);
	above[len] = '\0';
	r = object_find(h, above, &other);
	if (r < 0)
		return r;
	if (fstat(parent, &a) < 0 || fstat(other.dir, &b) < 0)
		return -errno;
	if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		return error_set(-EPERM, "rename: a container stays with its parent", new_name);
	return 0;
}

/* Best effort: a sweep that finds the link out of date searches the tree. */
static void update_held(const struct hierarchy *h, const struct object *o)
{
	char link[sizeof("held/") + ID_TEXT_SIZE] = "held/", path[PATH_SIZE];

	text_format_id(o->spec.id, link + strlen(link));
	if (object_path(h, o->dir, path, sizeof(path)) > 0)
		kernel_replace_link(h->dir, link, path);
}

int change_name(const struct hierarchy *h, struct object *o, const char *new_name)
{
	autoclose int parent = openat(o->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_SIZE];
	const char *name = NULL;
	int r = guard_lock_parent(h, o);

	r = r ? r : change_begin(h, o, "rename");
	if (r == 0 && parent < 0)
		r = -ENOENT;
	r = r ? r : check_new_name(h, parent, new_name, &name);
	if (r < 0)
		return r;
	r = object_path(h, o->dir, path, sizeof(path));
	if (r < 0)
		return r;
	r = kernel_rename_new(parent, path + name_parent_len(path), parent, name);
	if (r < 0)
		return error_set(r, "rename", new_name);
	if (o->spec.transient)
		update_held(h, o);
	return 0;
}

struct hostname_call {
	int uts_ns;
	const char *set;
	struct utsname uts;
};

static int hostname_agent(void *arg)
{
	struct hostname_call *c = arg;

	if (setns(c->uts_ns, CLONE_NEWUTS) < 0)
		return -errno;
	if (c->set && sethostname(c->set, strlen(c->set)) < 0)
		return -errno;
	return uname(&c->uts) < 0 ? -errno : 0;
}

int change_hostname(const struct hierarchy *h, struct object *o, const char *hostname)
{
	autoclose int uts = -EBADF;
	struct hostname_call call = {.set = hostname};
	int r = change_begin(h, o, "set hostname");

	if (r == 0 && !name_is_hostname(hostname))
		r = error_set(-EINVAL, NAME_HOSTNAME_RULE, hostname);
	if (r == 0 && o->spec.mode[NS_UTS] != CONTAINER_NS_OWN)
		r = error_set(-EPERM, "it has no own uts namespace; set uts=own first", NULL);
	if (r < 0)
		return r;
	uts = join_open_one(h, o, NS_UTS);
	if (uts < 0)
		return error_default(uts, "set hostname", NULL);
	call.uts_ns = uts;
	r = agent_run(-1, hostname_agent, &call);
	return r < 0 ? error_set(r, "set hostname", hostname) : 0;
}

int change_read_hostname(const struct hierarchy *h, struct object *o, char *buf, size_t size)
{
	autoclose int uts = join_open_one(h, o, NS_UTS);
	struct hostname_call call = {.uts_ns = uts};
	int r = uts < 0 ? uts : agent_run(-1, hostname_agent, &call);

	if (r < 0)
		return error_default(r, "read hostname", NULL);
	if (strlen(call.uts.nodename) >= size)
		return -ERANGE;
	memcpy(buf, call.uts.nodename, strlen(call.uts.nodename) + 1);
	return (int)strlen(call.uts.nodename);
}
