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

#include "agent.h"
#include "allot.h"
#include "child.h"
#include "cleanup.h"
#include "control.h"
#include "dir.h"
#include "error.h"
#include "fdpass.h"
#include "guard.h"
#include "join.h"
#include "kernel.h"
#include "limit.h"
#include "lock.h"
#include "maps.h"
#include "proc.h"
#include "reap.h"
#include "text.h"
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

static int write_map(const struct object *o, int pid, int which)
{
	char path[64], text[ID_MAP_TEXT_SIZE];
	int r = maps_read(o, which, text);

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, maps_name(which));
	r = r < 0 ? r : kernel_write_file(AT_FDCWD, path, text);
	return r < 0 ? error_set(r, "map ids of the user namespace", maps_name(which)) : 0;
}

int make_user_ns(const struct object *o)
{
	int pid, fd;
	int r = agent_holder_start(CLONE_NEWUSER, &pid);

	if (r < 0)
		return error_set(r, "make namespaces", "user");
	r = write_map(o, pid, CONTAINER_UID_MAP);
	r = r ? r : write_map(o, pid, CONTAINER_GID_MAP);
	fd = r ? r : proc_open_ns(pid, "user");
	agent_holder_end(pid);
	return fd < 0 ? error_default(fd, "make namespaces", "user") : fd;
}

/* All that an agent opens of itself, by an fd of /proc: paths may name something else by then. */
static int open_made(int proc, unsigned int types, struct ns_set *set)
{
	for (int t = 0; t < NS_COUNT; t++) {
		char path[32] = "self/ns/";
		size_t len = strlen(path);

		if (!(types & (unsigned int)nstype_info(t)->clone_flag))
			continue;
		text_append(path, sizeof(path), &len, nstype_info(t)->proc_for_new);
		close_fd(&set->fd[t]);
		set->fd[t] = openat(proc, path, O_RDONLY | O_CLOEXEC);
		if (set->fd[t] < 0)
			return error_set(-errno, "open namespace", nstype_info(t)->name);
	}
	return 0;
}

/* An agent in the container's cgroup may be killed with that at any moment: its fds are not the caller's. */
static int own_files(void)
{
	return unshare(CLONE_FILES) < 0 ? error_set(-errno, "leave the caller's fds", NULL) : 0;
}

static int send_made(int to, unsigned int types, const struct ns_set *set)
{
	int r = 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++)
		if (types & (unsigned int)nstype_info(t)->clone_flag)
			r = fdpass_send(to, t, set->fd[t]);
	return r < 0 ? error_set(r, "hand over namespaces", NULL) : 0;
}

static int receive_made(int from, unsigned int types, struct ns_set *set)
{
	int type, fd, r = 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		if (!(types & (unsigned int)nstype_info(t)->clone_flag))
			continue;
		r = fdpass_receive(from, &type, &fd);
		if (r < 0)
			break;
		close_fd(&set->fd[type]);
		set->fd[type] = fd;
	}
	return r < 0 ? error_set(r, "take over namespaces", NULL) : 0;
}

/* What an agent has made is sent to *ret_to. */
static int open_pair(int *ret_from, int *ret_to)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(-errno, "make namespaces", NULL);
	*ret_from = pair[0];
	*ret_to = pair[1];
	return 0;
}

struct in_user_ns {
	int user_ns, proc, to;
	unsigned int types;
	struct ns_set set;
};

static int in_user_ns_agent(void *arg)
{
	struct in_user_ns *a = arg;
	int r = own_files();

	if (r < 0)
		return r;
	/* What the new one is to be a copy of. */
	if ((a->types & CLONE_NEWUTS) && a->set.fd[NS_UTS] >= 0 &&
	    setns(a->set.fd[NS_UTS], CLONE_NEWUTS) < 0)
		return error_set(-errno, "join namespace", "uts");
	if (a->user_ns >= 0 && setns(a->user_ns, CLONE_NEWUSER) < 0)
		return error_set(-errno, "join namespace", "user");
	if (unshare((int)a->types) < 0)
		return error_set(-errno, "make namespaces", NULL);
	r = open_made(a->proc, a->types, &a->set);
	return r ? r : send_made(a->to, a->types, &a->set);
}

int make_in_user_ns(int user_ns, int cgroup, unsigned int types, struct ns_set *set)
{
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int from = -EBADF;
	autoclose int to = -EBADF;
	struct in_user_ns a = {user_ns, proc, -EBADF, types, *set};
	int r = proc < 0 ? error_set(-errno, "open", "/proc") : open_pair(&from, &to);

	a.to = to;
	r = r ? r : agent_run_apart(cgroup, in_user_ns_agent, &a, sizeof(a));
	return r ? r : receive_made(from, types, set);
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
	return r ? r : open_made(a->proc, a->made, &a->set);
}

static int own_ns_agent(void *arg)
{
	/* A copy: the numbers in it are of fds of its own. */
	struct own_ns a = *(struct own_ns *)arg;
	int r = make_them(&a);

	return r ? r : send_made(a.to, a.made, &a.set);
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

static int open_base_mount(const struct hierarchy *h, const struct object *o, int *ret_fd)
{
	autoobject struct object parent = {.dir = -EBADF};
	autojoin struct join_plan plan;
	int r = join_open_parent(o, &parent);

	join_plan_init(&plan);
	r = r ? r : join_plan_make(h, &parent, CLONE_NEWNS, &plan);
	if (r < 0)
		return r;
	if (plan.make)
		return error_set(-ESRCH, "a container above has no task to inherit from", "mount");
	if (plan.task >= 0) {
		*ret_fd = join_open_one(h, &parent, NS_MOUNT);
		return *ret_fd < 0 ? *ret_fd : 0;
	}
	*ret_fd = take_fd(&plan.fds.fd[NS_MOUNT]);
	return 0;
}

int make_plan_root(const struct hierarchy *h, const struct object *o, struct root_plan *root,
		   int *ret_base_mount, char **ret_memory)
{
	int r = root->recursive ? vault_make_unbindable(hierarchy_mounted_dir(h), h->home.ns) : 0;

	r = r ? r : open_base_mount(h, o, ret_base_mount);
	r = r ? r : allot_view_size(h, o, root->memory_size);
	if (r < 0 || root->kind != ROOT_VIEW)
		return r;
	return view_list_mounts(h->dir, *ret_base_mount, ret_memory, root);
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
	int r = open_pair(&from, &to);

	a->to = to;
	r = r ? r : agent_run_apart(cgroup, own_ns_agent, a, sizeof(*a));
	return r ? r : receive_made(from, a->made, &a->set);
}

int make_own(const struct hierarchy *h, const struct object *o, unsigned int types,
	     struct root_plan *root, int uts)
{
	autojoin struct join_plan join;
	autofree char *view_memory = NULL;
	autoclose int cgroup = -EBADF;
	autoclose int base_mount = -EBADF;
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct child_plan plan = {.join_cgroup = -EBADF,
				  .lock = -EBADF,
				  .join = &join,
				  .root = root,
				  .base_mount = -EBADF,
				  .proc = -EBADF,
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
	if (r >= 0 && (types & CLONE_NEWUSER)) {
		unsigned int inside = types & ~(unsigned int)(CLONE_NEWUSER | CLONE_NEWNS);

		plan.user_owned = true;
		a.set.fd[NS_UTS] = take_fd(&join.fds.fd[NS_UTS]);
		r = a.set.fd[NS_USER] = make_user_ns(o);
		if (r >= 0 && inside)
			r = make_in_user_ns(a.set.fd[NS_USER], cgroup, inside, &a.set);
		/* Joined by the builder of the root: /sys shows the network namespace it is made in. */
		for (int t = 0; r >= 0 && t < NS_COUNT; t++)
			if (a.set.fd[t] >= 0 && t != NS_TIME)
				r = dup_fd(a.set.fd[t], &join.fds.fd[t]);
		types &= CLONE_NEWNS;
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

static int make_in_limbo(int limbo, const char *id_text, struct object *o)
{
	int r;

	if (mkdirat(limbo, id_text, 0700) < 0)
		return error_set(-errno, "make the container's directory", NULL);
	o->dir = openat(limbo, id_text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (o->dir < 0)
		return error_set(-errno, "open the container's directory", NULL);
	/* Not by mkdir(2), for which the caller's umask counts. */
	if (!o->spec.transient && fchmod(o->dir, 0755) < 0)
		return error_set(-errno, "show the container's directory", NULL);
	r = object_write(o->dir, &o->spec);
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
		      int limbo, const char *id_text, struct object *o)
{
	struct root_plan root = make_plan_view(&o->spec);
	unsigned int types = pinned_own_types(&o->spec);
	struct stat st;
	int r;

	if (fstatat(parent->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(-EEXIST, "create", NULL);
	r = make_in_limbo(limbo, id_text, o);
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
		   unsigned int flags, struct object *ret_o)
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
		r = r ? r : make_named(h, parent, name ? name : numbered, limbo, id_text, &o);
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
