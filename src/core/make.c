/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "make.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "agent.h"
#include "allot.h"
#include "child.h"
#include "cleanup.h"
#include "control.h"
#include "dir.h"
#include "error.h"
#include "guard.h"
#include "join.h"
#include "kernel.h"
#include "limit.h"
#include "lock.h"
#include "made.h"
#include "maps.h"
#include "proc.h"
#include "reap.h"
#include "text.h"
#include "userns.h"
#include "vault.h"
#include "view.h"
#include "watch.h"

#define KNOWN_FLAGS                                                                                \
	(CONTAINER_NEW_FS_NS | CONTAINER_NEW_EMPTY_FS_NS | CONTAINER_NEW_CGROUP_NS |               \
	 CONTAINER_NEW_UTS_NS | CONTAINER_NEW_IPC_NS | CONTAINER_NEW_USER_NS |                     \
	 CONTAINER_NEW_PID_NS | CONTAINER_NEW_NET_NS | CONTAINER_KILL_ON_CLOSE |                   \
	 CONTAINER_FD_CLOEXEC | CONTAINER_NEW_TIME_NS | CONTAINER_KILL_LAZILY)

static int spec_from_flags(const struct object *parent, unsigned int flags, struct spec *ret_spec)
{
	struct spec spec = {.transient = flags & CONTAINER_KILL_ON_CLOSE};
	char id[ID_TEXT_SIZE];
	size_t len = strlen(parent->spec.cgroup);
	int r;

	if (flags & ~(unsigned int)KNOWN_FLAGS)
		return error_set(-EINVAL, "unknown flags", NULL);
	if ((flags & CONTAINER_KILL_LAZILY) && !spec.transient)
		return error_set(-EINVAL, "KILL_LAZILY is for KILL_ON_CLOSE", NULL);
	spec.empty_root = flags & CONTAINER_NEW_EMPTY_FS_NS;
	if (spec.empty_root)
		flags |= CONTAINER_NEW_FS_NS;
	for (int t = 0; t < NS_COUNT; t++) {
		if (!(flags & nstype_info(t)->create_flag))
			continue;
		spec.mode[t] = CONTAINER_NS_OWN;
		spec.pinned[t] = !spec.transient && t != NS_PID;
	}
	r = hierarchy_new_id(&spec.id);
	if (r < 0)
		return r;
	text_format_id(spec.id, id);
	memcpy(spec.cgroup, parent->spec.cgroup, len + 1);
	if (text_append(spec.cgroup, sizeof(spec.cgroup), &len, "/") < 0 ||
	    text_append(spec.cgroup, sizeof(spec.cgroup), &len, id) < 0)
		return error_set(-ENAMETOOLONG, "nested too deep", NULL);
	*ret_spec = spec;
	return 0;
}

/* An agent in the container's cgroup may be killed with that at any moment: its fds are not the caller's. */
static int own_files(void)
{
	return unshare(CLONE_FILES) < 0 ? error_set(-errno, "leave the caller's fds", NULL) : 0;
}

struct own_ns {
	const struct child_plan *plan;
	const struct spec *spec;
	uint64_t vault_number;
	int proc, to;
	unsigned int made;
	struct ns_set set;
};

static int make_them(struct own_ns *a)
{
	int r = own_files();

	r = r ? r : child_setup(a->plan);
	if (r == 0 && (a->made & CLONE_NEWNS)) {
		r = vault_outdate(a->proc, a->vault_number);
		if (r < 0)
			error_set(r, "make a mount namespace newer than the vault", NULL);
	}
	return r ? r : made_open(a->proc, a->made, &a->set);
}

static int own_ns_agent(void *arg)
{
	/* A copy: the numbers in it are of fds of its own. */
	struct own_ns a = *(struct own_ns *)arg;
	int r = make_them(&a);

	return r ? r : made_send(a.to, a.made, &a.set);
}

static int pin_agent(void *arg)
{
	struct own_ns *a = arg;
	int r = vault_enter(a->plan->cradle);

	r = r < 0 ? error_set(r, "enter the vault", NULL) : 0;
	return r ? r : vault_pin(a->spec, &a->set);
}

static int own_ns_and_pin_agent(void *arg)
{
	struct own_ns a = *(struct own_ns *)arg;
	int r = make_them(&a);

	r = r ? r : vault_enter(a.plan->cradle);
	return r ? r : vault_pin(a.spec, &a.set);
}

/* -EBADF: the caller's own, or, of a pid or user namespace, one that nobody can be let into. */
static int open_of(const struct hierarchy *h, const struct object *o, enum nstype type, int *ret_fd)
{
	autojoin struct join_plan plan;
	int r;

	join_plan_init(&plan);
	r = join_plan_make(h, o, (unsigned int)nstype_info(type)->clone_flag, &plan);
	if (r < 0)
		return r;
	if (plan.make)
		return error_set(-ESRCH, "a container above has no task to inherit from",
				 nstype_info(type)->name);
	if (plan.task >= 0) {
		*ret_fd = join_open_one(h, o, type);
		return *ret_fd < 0 ? *ret_fd : 0;
	}
	*ret_fd = take_fd(&plan.fds.fd[type]);
	return 0;
}

int make_plan_root(const struct hierarchy *h, const struct object *o, struct root_plan *root,
		   int *ret_base_mount, char **ret_memory)
{
	autoobject struct object parent = {.dir = -EBADF};
	int r = root->recursive ? vault_make_unbindable(hierarchy_mounted_dir(h), h->home.ns) : 0;

	r = r ? r : join_open_parent(o, &parent);
	r = r ? r : open_of(h, &parent, NS_MOUNT, ret_base_mount);
	r = r ? r : allot_view_size(h, o, root->memory_size);
	if (r < 0 || root->kind != ROOT_VIEW)
		return r;
	return view_list_mounts(h->dir, *ret_base_mount, ret_memory, root);
}

bool make_is_own_user(int fd)
{
	autoclose int own = proc_open_ns(0, nstype_info(NS_USER)->proc);
	struct stat a, b;

	return own >= 0 && fstat(own, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

int make_open_user(const struct hierarchy *h, const struct object *o, bool of_parent, int *ret_fd)
{
	autoobject struct object parent = {.dir = -EBADF};
	autoclose int fd = -EBADF;
	int r = of_parent ? join_open_parent(o, &parent) : 0;

	r = r ? r : open_of(h, of_parent ? &parent : o, NS_USER, &fd);
	if (r < 0)
		return r;
	/* That could not be joined, and need not be. */
	if (fd >= 0 && make_is_own_user(fd))
		close_fd(&fd);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int dup_fd(int fd, int *ret_fd)
{
	close_fd(ret_fd);
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? -errno : 0;
}

static int make_apart(int cgroup, struct own_ns *a)
{
	autoclose int from = -EBADF;
	autoclose int to = -EBADF;
	int r = made_pair(&from, &to);

	a->to = to;
	r = r ? r : agent_run_apart(cgroup, own_ns_agent, a, sizeof(*a));
	return r ? r : made_receive(from, a->made, &a->set);
}

/*
 * What belongs to a user namespace, a new one in *user, or *user itself: all that is made into set, and what
 * the builder of a root has to join into fds, since /sys shows the network namespace it is made in.
 */
static int make_inside(const struct object *o, int *user, int cgroup, unsigned int types,
		       struct ns_set *fds, struct ns_set *set)
{
	unsigned int inside = types & ~(unsigned int)(CLONE_NEWUSER | CLONE_NEWNS);
	struct userns_maps maps;
	int r = 0;

	set->fd[NS_UTS] = take_fd(&fds->fd[NS_UTS]);
	if (types & CLONE_NEWUSER) {
		r = maps_texts(o, &maps);
		r = r ? r : userns_make(*user, &maps, cgroup, inside, set);
	} else {
		if (inside)
			r = userns_fill(*user, cgroup, inside, set);
		fds->fd[NS_USER] = take_fd(user);
	}
	for (int t = 0; r == 0 && t < NS_COUNT; t++)
		if (set->fd[t] >= 0 && t != NS_TIME)
			r = dup_fd(set->fd[t], &fds->fd[t]);
	return r;
}

static int plan_owner(const struct hierarchy *h, const struct object *o, int user_ns,
		      struct root_plan *root)
{
	struct userns_maps maps;
	struct id_map map;
	int r = maps_outside(h, o, user_ns, &maps);

	for (int which = 0; r == 0 && which < 2; which++)
		if (!id_map_parse(maps.text[which], &map))
			id_map_to_outside(&map, 0, &root->owner[which]);
	return r;
}

int make_own(const struct hierarchy *h, const struct object *o, unsigned int types,
	     struct root_plan *root, int uts)
{
	autojoin struct join_plan join;
	autofree char *view_memory = NULL;
	autoclose int cgroup = -EBADF;
	autoclose int base_mount = -EBADF;
	autoclose int user = -EBADF;
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct child_plan plan = {.join_cgroup = -EBADF,
				  .lock = -EBADF,
				  .join = &join,
				  .root = root,
				  .base_mount = -EBADF,
				  .cradle = h->cradle};
	struct own_ns a = {.plan = &plan, .spec = &o->spec, .proc = proc, .to = -EBADF};
	int r = proc < 0 ? -errno : vault_read_number(h->dir, &a.vault_number);

	join_plan_init(&join);
	ns_set_init(&a.set);
	if (r == 0 && (types & CLONE_NEWUTS) && uts >= 0)
		r = dup_fd(uts, &join.fds.fd[NS_UTS]);
	else if (r == 0 && (types & CLONE_NEWUTS))
		r = join_plan_copied(h, o, &join.fds);
	if (r == 0 && (types & CLONE_NEWCGROUP))
		r = cgroup = limit_make_tasks(h, o);
	if (r >= 0 && cgroup >= 0)
		r = control_check_not_frozen(cgroup);
	if (r >= 0 && (types & CLONE_NEWNS))
		r = make_plan_root(h, o, root, &base_mount, &view_memory);
	plan.base_mount = base_mount;
	if (r >= 0)
		r = make_open_user(h, o, types & CLONE_NEWUSER, &user);
	if (r >= 0 && (user >= 0 || (types & CLONE_NEWUSER))) {
		plan.user_owned = true;
		r = make_inside(o, &user, cgroup, types, &join.fds, &a.set);
		types &= CLONE_NEWNS;
		if (r >= 0 && types)
			r = plan_owner(h, o, join.fds.fd[NS_USER], root);
	}
	plan.make = a.made = types;
	if (r >= 0 && plan.user_owned) {
		r = types ? make_apart(cgroup, &a) : 0;
		r = r ? r : agent_run(-1, pin_agent, &a);
	} else if (r >= 0) {
		r = agent_run(cgroup, own_ns_and_pin_agent, &a);
	}
	ns_set_close(&a.set);
	return r < 0 ? error_default(r, "make namespaces", NULL) : 0;
}

static unsigned int pinned_own_types(const struct spec *spec)
{
	unsigned int types = 0;

	for (int t = 0; t < NS_COUNT; t++)
		if (spec->mode[t] == CONTAINER_NS_OWN && spec->pinned[t])
			types |= (unsigned int)nstype_info(t)->clone_flag;
	return types;
}

struct root_plan make_plan_view(const struct spec *spec)
{
	return (struct root_plan){
		.kind = spec->empty_root ? ROOT_EMPTY : ROOT_VIEW,
		.given = -EBADF,
		.terminal = -EBADF,
		.parents_proc = spec->mode[NS_PID] == CONTAINER_NS_INHERIT,
	};
}

static int limbo_open(const struct hierarchy *h)
{
	int fd = openat(h->dir, "limbo", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? error_set(-errno, "open", "limbo") : fd;
}

/*
 * Whoever can open a directory can lock it: that of a container which ends with its fd, whose lock is how
 * that is known, is root's alone from here on.
 */
static int make_in_limbo(int limbo, const char *id_text, const struct container_access *access,
			 struct object *o)
{
	int r;

	if (mkdirat(limbo, id_text, 0700) < 0)
		return error_set(-errno, "make the container's directory", NULL);
	o->dir = openat(limbo, id_text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (o->dir < 0)
		return error_set(-errno, "open the container's directory", NULL);
	/* Not by mkdir(2), for which the caller's umask counts. */
	if (!o->spec.transient && !access && fchmod(o->dir, 0755) < 0)
		return error_set(-errno, "show the container's directory", NULL);
	r = object_write(o->dir, &o->spec);
	r = r == 0 && access ? access_store(o->dir, access) : r;
	return r < 0 ? error_set(r, "write the container's record", NULL) : 0;
}

/* The link through which a sweep finds the container once the last copy of its fd is closed. */
static int hold(const struct hierarchy *h, const struct object *parent, const char *name,
		const struct object *o, const char *id_text)
{
	char path[PATH_SIZE + NAME_SIZE], link[sizeof("held/") + ID_TEXT_SIZE] = "held/";
	size_t link_len = strlen(link), path_len = 0;
	int len = object_is_root(parent) ? 0 : object_path(h, parent->dir, path, PATH_SIZE);

	if (len < 0)
		return len;
	path_len = (size_t)len;
	text_append(path, sizeof(path), &path_len, "/");
	text_append(path, sizeof(path), &path_len, name);
	text_append(link, sizeof(link), &link_len, id_text);
	if (flock(o->dir, LOCK_EX | LOCK_NB) < 0 || symlinkat(path, h->dir, link) < 0)
		return error_set(-errno, "hold the container", NULL);
	return 0;
}

/* The lowest free container_N above those that are there. */
static int next_number(int parent, uint64_t *ret_number)
{
	static const char prefix[] = "container_";
	autodir DIR *children = NULL;
	const char *name;
	uint64_t number;
	int r = object_has_children(parent);

	*ret_number = 1;
	if (r <= 0)
		return r;
	r = dir_open(parent, ".", &children);
	while ((name = object_next_child(children, &r)))
		if (strncmp(name, prefix, strlen(prefix)) == 0 &&
		    text_parse_whole_u64(name + strlen(prefix), UINT32_MAX, &number) == 0 &&
		    number >= *ret_number)
			*ret_number = number + 1;
	return r;
}

static int give_name(const struct hierarchy *h, const struct object *parent, const char *name,
		     int limbo, const char *id_text)
{
	int r = kernel_rename_new(limbo, id_text, parent->dir, name);
	autoclose int same = r == -EXDEV ? object_reopen(h, parent->dir) : -EBADF;

	if (r != -EXDEV)
		return r;
	return same < 0 ? same : kernel_rename_new(limbo, id_text, same, name);
}

static int make_named(const struct hierarchy *h, const struct object *parent, const char *name,
		      int limbo, const struct container_access *access, struct object *o)
{
	struct root_plan root = make_plan_view(&o->spec);
	unsigned int types = pinned_own_types(&o->spec);
	char id_text[ID_TEXT_SIZE];
	struct stat st;
	int r;

	text_format_id(o->spec.id, id_text);
	if (fstatat(parent->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(-EEXIST, "create", NULL);
	r = make_in_limbo(limbo, id_text, access, o);
	if (r == 0 && o->spec.mode[NS_USER] == CONTAINER_NS_OWN)
		r = maps_begin(h, o);
	if (r == 0 && types)
		r = make_own(h, o, types, &root, -EBADF);
	if (r == 0 && o->spec.transient)
		r = hold(h, parent, name, o, id_text);
	r = r ? r : give_name(h, parent, name, limbo, id_text);
	return r < 0 ? error_default(r, "create", NULL) : 0;
}

/* Written once, so that listing need not look below containers that never had any nested ones. */
static int mark_nested(const struct object *parent, struct spec *spec)
{
	if (spec->nested)
		return 0;
	spec->nested = true;
	return object_store(parent->dir, spec);
}

int make_container(const struct hierarchy *h, const struct object *parent, const char *name,
		   unsigned int flags, const struct container_access *access, struct object *ret_o)
{
	autoobject struct object o = {.dir = -EBADF, .unnamed = true, .parent = parent->dir};
	autoclose int limbo = limbo_open(h);
	char id_text[ID_TEXT_SIZE], numbered[NAME_SIZE];
	struct allot_wish wish = {.nested = true};
	struct spec parent_spec;
	bool first_nested;
	const char *why;
	int r = limbo < 0 ? limbo : object_check_below_caller(h, parent);

	r = r ? r : spec_from_flags(parent, flags, &o.spec);
	if (r == 0 && name && (why = name_error(name, strlen(name))))
		r = error_set(-EINVAL, why, name);
	if (r == 0 && access && o.spec.transient)
		r = access_refuse();
	r = r ? r : lock_take(h->lock, o.spec.id, LOCK_EXCLUSIVE);
	wish.network = o.spec.mode[NS_NETWORK] == CONTAINER_NS_OWN;
	r = r ? r : allot_ask(h, parent, &wish);
	/* Exclusive if its record is to be written; an upgrade could wait for another's for ever. */
	first_nested = !parent->spec.nested && !object_is_root(parent);
	r = r ? r
	      : lock_take(h->lock, parent->spec.id, first_nested ? LOCK_EXCLUSIVE : LOCK_SHARED);
	r = r ? r : object_load(parent->dir, &parent_spec);
	r = r ? r : guard_ask_container();
	o.spec.adopted = r == 0 && parent_spec.adopted;
	if (r == 0 && first_nested)
		r = mark_nested(parent, &parent_spec);
	if (r < 0)
		return error_default(r, "create", name);
	text_format_id(o.spec.id, id_text);
	for (uint64_t number = 0; !name || number == 0;) {
		if (!name) {
			r = next_number(parent->dir, &number);
			snprintf(numbered, sizeof(numbered), "container_%llu",
				 (unsigned long long)number);
		} else {
			number = 1;
		}
		r = r ? r : make_named(h, parent, name ? name : numbered, limbo, access, &o);
		if (r == 0)
			break;
		close_fd(&o.dir);
		reap_dismantle(h, limbo, id_text, true);
		if (name || r != -EEXIST)
			return r;
		error_clear();
	}
	if (o.spec.transient && !(flags & CONTAINER_KILL_LAZILY))
		watch_start(h, id_text);
	*ret_o = (struct object){.dir = take_fd(&o.dir), .spec = o.spec};
	return 0;
}
