/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "cgroup.h"
#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "guard.h"
#include "kernel.h"
#include "keys.h"
#include "kill.h"
#include "lock.h"
#include "maps.h"
#include "range.h"
#include "record.h"
#include "text.h"
#include "vault.h"

#define ENDED_TRIES 100 /* ms for somebody else to remove one whose fd is closed */
#define HELD_CHECKED 64 /* more links than that are not looked at in every operation */

/*
 * The cgroup and the empty ones below it, or none of them: -EBUSY if any has a task. A task that was
 * waited for leaves its cgroup only a moment later (Linux 6.18): one that lists no task any more is
 * given the time.
 */
static int remove_emptied(const struct hierarchy *h, const char *path)
{
	autoclose int cgroup = -EBADF;
	struct cgroup_events events;
	pid_t pid;
	int r;

	if (unlinkat(h->cgroup, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	cgroup = openat(h->cgroup, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		return errno == ENOENT ? 0 : -errno;
	r = cgroup_read_events(cgroup, &events);
	if (r == 0 && events.populated &&
	    (cgroup_pids(cgroup, true, &pid, 1) != 0 ||
	     cgroup_wait(cgroup, false, false, 1000) < 0))
		return -EBUSY;
	return r < 0 && r != -ENODEV ? r : cgroup_remove(h->cgroup, path);
}

/* timeout: for killed tasks to be gone, in ms; -1: they are not killed. */
static int remove_cgroup(const struct hierarchy *h, const struct spec *spec, int timeout)
{
	autoclose int cgroup = -EBADF;
	char path[PATH_SIZE];
	int r;

	if (spec->cgroup[0] == '\0')
		return 0;
	r = object_cgroup_path(h, spec, path);
	/* Where what it has adopted is, nobody knows. */
	if (r < 0)
		return r == -ENOENT || r == -EUCLEAN ? 0 : r;
	r = remove_emptied(h, path);
	if (r != -EBUSY || timeout < 0)
		return r;
	cgroup = openat(h->cgroup, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		return errno == ENOENT ? 0 : -errno;
	r = kill_all(h, spec, cgroup, timeout);
	return r ? r : cgroup_remove(h->cgroup, path);
}

static int remove_record(int dir, const char *name)
{
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

#define FEW_RECORDS 3 /* most containers have no more */

/* No name reaches it any more, and no mount is followed: whatever else is in it goes with it. */
static int remove_directory(int parent, const char *name, int dir)
{
	int r = 0;

	for (size_t i = 0; r == 0 && record_kinds[i].name; i++) {
		if (i == FEW_RECORDS && unlinkat(parent, name, AT_REMOVEDIR) == 0)
			return 0;
		r = remove_record(dir, record_kinds[i].name);
	}
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == ENOTEMPTY || errno == EEXIST ? reap_remove_tree(parent, name) : -errno;
}

/*
 * The record of what is to be taken apart: of id 0 if there is none that is its own. In limbo its name
 * there is the id that is locked.
 */
static int load_in_limbo(const struct hierarchy *h, const struct spec *parent, int limbo,
			 const char *name, struct object *ret_o)
{
	uint64_t id = 0;
	int r = object_load_nested(h, parent, limbo, name, ret_o);

	if (r < 0 && r != -EUCLEAN)
		return r;
	/* Without a record: killed between mkdir and symlink, or just before the directory was removed. */
	if (r == 0 && !parent && (text_parse_id(name, &id) < 0 || id != ret_o->spec.id))
		r = -EUCLEAN;
	if (r < 0) {
		ret_o->spec = (struct spec){0};
		error_clear();
	}
	return 0;
}

/* Without a record it is nobody's any more. */
static int lock_nested(const struct hierarchy *h, const struct object *o, bool wait)
{
	int r = 0;

	if (o->spec.id && wait)
		return lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	if (o->spec.id)
		r = lock_try(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	return r == -EAGAIN ? -EBUSY : r;
}

static int dismantle(const struct hierarchy *h, int parent, const char *name,
		     const struct object *o, bool wait);

static int dismantle_child(const struct hierarchy *h, const struct object *parent, const char *name,
			   bool wait)
{
	autoobject struct object child = {.dir = -EBADF};
	int r = load_in_limbo(h, &parent->spec, parent->dir, name, &child);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* There is no way back, so no signal ends the wait. */
	do
		r = lock_nested(h, &child, wait);
	while (r == -EINTR);
	return r ? r : dismantle(h, parent->dir, name, &child, wait);
}

/*
 * Who starts a task in one of them holds its lock for the moment of that, or, if the task is frozen,
 * until it is killed: so all tasks are, before any lock is waited for.
 */
static int dismantle_children(const struct hierarchy *h, const struct object *o, bool wait)
{
	autoclose int cgroup = o->spec.cgroup[0] ? object_open_cgroup(h, o) : -ENOENT;
	autodir DIR *children = NULL;
	const char *name;
	int r = dir_open(o->dir, ".", &children);

	/* Where the tasks are if the record of what is adopted is damaged, nobody knows. */
	if (r == 0 && cgroup != -ENOENT && cgroup != -EUCLEAN)
		r = cgroup < 0 ? cgroup : kill_all(h, &o->spec, cgroup, wait ? KILL_TIMEOUT : 0);
	while ((name = object_next_child(children, &r)))
		r = dismantle_child(h, o, name, wait);
	return r;
}

/* A link or cache of a container, in one of the state directory's directories. */
static int remove_entry(const struct hierarchy *h, const char *dir, const char *id_text)
{
	char path[sizeof("adopted/") + ID_TEXT_SIZE] = "";
	size_t len = 0;

	text_append(path, sizeof(path), &len, dir);
	text_append(path, sizeof(path), &len, id_text);
	return unlinkat(h->dir, path, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* What stands outside of its directory. Where its cgroup is, until that is gone. */
static int remove_entries(const struct hierarchy *h, const struct spec *spec)
{
	char id_text[ID_TEXT_SIZE];
	int r = 0;

	text_format_id(spec->id, id_text);
	if (spec->nested)
		remove_entry(h, "lists/", id_text);
	if (strlen(spec->cgroup) == ID_TEXT_SIZE)
		r = remove_entry(h, "adopted/", id_text);
	/* Left by who was killed while replacing what is in adopted/ or held/. */
	if (r == 0 && (spec->transient || strlen(spec->cgroup) == ID_TEXT_SIZE))
		r = remove_entry(h, "@new.", id_text);
	if (r == 0 && spec->transient)
		r = remove_entry(h, "held/", id_text);
	return r;
}

/* When nobody has them any more: no task and no pin. A namespace that others share is theirs as well. */
static int remove_ids(const struct hierarchy *h, const struct object *o)
{
	bool told = o->spec.mode[NS_USER] != CONTAINER_NS_OWN || range_is_told(h, o);
	int r = maps_forget(h, o);

	if (r == 0 && (!told || spec_flags(&o->spec, CONTAINER_NS_SHARE)))
		range_forget(h, o->spec.id);
	return r;
}

static int dismantle(const struct hierarchy *h, int parent, const char *name,
		     const struct object *o, bool wait)
{
	const struct spec *spec = &o->spec;
	int r = object_has_children(o->dir);

	if (r > 0)
		r = dismantle_children(h, o, wait);
	if (r == 0 && spec->id) {
		r = remove_cgroup(h, spec, wait ? KILL_TIMEOUT : 0);
		r = r ? r : keys_revoke(h, o);
		/* A pin may be there before the record tells of it, but not of a transient one. */
		if (r == 0 && (!spec->transient || spec_has_pins(spec)))
			r = vault_unpin_all(h->cradle, spec->id);
		r = r ? r : remove_ids(h, o);
		r = r ? r : remove_entries(h, spec);
	}
	return r ? r : remove_directory(parent, name, o->dir);
}

int reap_dismantle(const struct hierarchy *h, int limbo, const char *id_text, bool wait)
{
	autoobject struct object o = {.dir = -EBADF};
	int r = load_in_limbo(h, NULL, limbo, id_text, &o);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return dismantle(h, limbo, id_text, &o, wait);
}

static int check_no_children(int dir)
{
	int r = object_has_children(dir);

	return r > 0 ? error_set(-ENOTEMPTY, "it has nested containers", NULL) : r;
}

static int lock_descendants(const struct hierarchy *h, const struct object *o)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = dir_open(o->dir, ".", &children);

	while ((name = object_next_child(children, &r))) {
		autoobject struct object child = {.dir = -EBADF};

		r = load_in_limbo(h, &o->spec, o->dir, name, &child);
		if (r == -ENOENT)
			r = 0;
		else if (r == 0)
			r = lock_nested(h, &child, true);
		if (r == 0 && child.dir >= 0)
			r = lock_descendants(h, &child);
	}
	return r;
}

/* A container that is not killed goes only if the kernel agrees that it is empty, at once. */
static int check_removable(const struct hierarchy *h, const struct object *o, bool kill,
			   bool recursive)
{
	int r = recursive ? 0 : check_no_children(o->dir);

	if (r < 0 || kill)
		return r;
	/* Nobody may start a task in one of them between this check and its removal. */
	r = recursive ? lock_descendants(h, o) : 0;
	if (r < 0)
		return r;
	r = remove_cgroup(h, &o->spec, -1);
	if (r == -EBUSY)
		return error_set(-EBUSY, "it has tasks", NULL);
	return r;
}

/* Whoever holds the lock may be waiting for a task that is frozen, or else will not end soon. */
static int lock_to_remove(const struct hierarchy *h, const struct object *o, bool kill)
{
	int r = lock_try(h->lock, o->spec.id, LOCK_EXCLUSIVE);

	if (r == -EAGAIN && kill) {
		autoclose int cgroup = object_open_cgroup(h, o);
		int allowed = guard_ask_container();

		if (allowed < 0)
			return allowed;
		if (cgroup >= 0 && kill_all(h, &o->spec, cgroup, KILL_TIMEOUT) == -EBUSY)
			return -EBUSY;
	}
	return r == -EAGAIN ? lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE) : r;
}

/* From here on no name reaches it; killed now, the next operation goes on with it. */
static int take_name(const struct hierarchy *h, int dir, int limbo, const char *id_text)
{
	autoclose int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int same = -EBADF;
	char name[NAME_SIZE];
	int r = parent < 0 ? -errno : object_name(dir, name);

	if (r < 0 || renameat(parent, name, limbo, id_text) == 0)
		return r;
	if (errno != EXDEV)
		return -errno;
	same = object_reopen(h, parent);
	if (same < 0)
		return same;
	return renameat(same, name, limbo, id_text) < 0 ? -errno : 0;
}

int reap_remove(const struct hierarchy *h, struct object *o, bool kill, bool recursive)
{
	autoclose int limbo = openat(h->dir, "limbo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char id_text[ID_TEXT_SIZE];
	int r;

	if (limbo < 0)
		return -errno;
	/* Before anything is killed for it. */
	r = recursive ? 0 : check_no_children(o->dir);
	r = r ? r : guard_lock_parent(h, o);
	r = r ? r : lock_to_remove(h, o, kill);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	if (r < 0)
		return r;
	r = check_removable(h, o, kill, recursive);
	text_format_id(o->spec.id, id_text);
	r = r < 0 ? r : take_name(h, o->dir, limbo, id_text);
	return r < 0 ? r : reap_dismantle(h, limbo, id_text, true);
}

int reap_remove_damaged(const struct hierarchy *h, int dir, bool recursive)
{
	autoclose int limbo = openat(h->dir, "limbo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char id_text[ID_TEXT_SIZE];
	uint64_t id = 0;
	int r = limbo < 0 ? -errno : 0;

	/* Which one it is above or below is not known. */
	if (r == 0 && h->caller[0])
		r = error_set(-EPERM, "a damaged container is removed from outside all containers",
			      NULL);
	if (r == 0 && !recursive)
		r = check_no_children(dir);
	r = r ? r : hierarchy_new_id(&id);
	r = r ? r : lock_take(h->lock, id, LOCK_EXCLUSIVE);
	text_format_id(id, id_text);
	r = r ? r : take_name(h, dir, limbo, id_text);
	return r < 0 ? r : reap_dismantle(h, limbo, id_text, true);
}

static void close_to_others(const struct hierarchy *h)
{
	static const char *const dirs[] = {"held", "lists", "limbo"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		fchmodat(h->dir, dirs[i], 0700, 0);
}

static int sweep_limbo(const struct hierarchy *h)
{
	autoclose int limbo = -EBADF;
	autodir DIR *entries = NULL;
	struct stat st;
	const char *name;
	int r;

	/* As in object_has_children(). */
	if (fstatat(h->dir, "limbo", &st, 0) < 0)
		return -errno;
	/* Made by a release that let others lock what is in them. */
	if (st.st_mode & 077)
		close_to_others(h);
	if (st.st_nlink == 2)
		return 0;
	limbo = openat(h->dir, "limbo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = limbo < 0 ? -errno : dir_open(limbo, ".", &entries);
	while ((name = dir_next_subdir(entries, &r))) {
		uint64_t id;

		if (text_parse_id(name, &id) < 0 || lock_try(h->lock, id, LOCK_EXCLUSIVE) < 0)
			continue;
		/* What cannot be taken apart now (a task in an uninterruptible sleep) stays. */
		reap_dismantle(h, limbo, name, false);
		lock_release(h->lock, id);
	}
	return r;
}

/* Find a held container whose link is out of date, since it or one above it was renamed. */
static int find_id(const struct hierarchy *h, const struct object *above, uint64_t id,
		   struct object *ret_o)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = dir_open(above->dir, ".", &children);

	while ((name = object_next_child(children, &r))) {
		autoobject struct object child = {.dir = -EBADF};

		r = object_load_nested(h, &above->spec, above->dir, name, &child);
		if (r == 0 && child.spec.id == id) {
			*ret_o = child;
			child.dir = -EBADF;
			return 0;
		}
		if (r == -EUCLEAN)
			child.spec = (struct spec){0};
		r = r == 0 || r == -EUCLEAN ? find_id(h, &child, id, ret_o) : r;
		if (r == 0)
			return 0;
		r = r == -ENOENT ? 0 : r;
	}
	return r ? r : -ENOENT;
}

static int open_held(const struct hierarchy *h, const char *path, uint64_t id, struct object *ret_o)
{
	autoobject struct object root = {.dir = hierarchy_open_root(h)};
	autoclose int dir = -EBADF;

	if (root.dir < 0)
		return root.dir;
	dir = openat(root.dir, path + strspn(path, "/"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && object_load(dir, &ret_o->spec) == 0 && ret_o->spec.id == id &&
	    object_check_own(h, dir, &ret_o->spec) == 0) {
		ret_o->dir = take_fd(&dir);
		return 0;
	}
	return find_id(h, &root, id, ret_o);
}

int reap_open_held(const struct hierarchy *h, int held, const char *id_text, struct object *ret_o)
{
	char path[PATH_SIZE];
	uint64_t id;
	ssize_t n = kernel_readlink(held, id_text, path, sizeof(path));

	if (n < 0)
		return (int)n;
	return text_parse_id(id_text, &id) < 0 ? -EINVAL : open_held(h, path, id, ret_o);
}

/* Somebody else has its lock: if nobody has its fd that is who removes it, and is given the time. */
static int lock_ended(const struct hierarchy *h, int held, const char *id_text, uint64_t id)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	autoobject struct object o = {.dir = -EBADF};
	int r = -EAGAIN;

	if (reap_open_held(h, held, id_text, &o) < 0 || !o.spec.transient || object_is_held(o.dir))
		return r;
	for (int i = 0; r < 0 && i < ENDED_TRIES; i++) {
		nanosleep(&ms, NULL);
		r = lock_try(h->lock, id, LOCK_EXCLUSIVE);
	}
	return r;
}

void reap_held(const struct hierarchy *h, int held, const char *id_text, bool wait)
{
	autoobject struct object o = {.dir = -EBADF};
	struct guard_pause guard;
	uint64_t id;
	int r;

	if (text_parse_id(id_text, &id) < 0)
		return;
	r = lock_try(h->lock, id, LOCK_EXCLUSIVE);
	if (r < 0 && wait)
		r = lock_ended(h, held, id_text, id);
	if (r < 0)
		return;
	r = reap_open_held(h, held, id_text, &o);
	/* A search may miss what is renamed meanwhile: the link goes with the container (remove_entries()). */
	guard_pause(&guard);
	/* Another container's number in a link is no reason to end it. */
	if (r == 0 && o.spec.transient && !object_is_held(o.dir))
		reap_remove(h, &o, true, true);
	guard_resume(&guard);
	lock_release(h->lock, id);
}

/*
 * A directory's times tell when it was last looked at: with many held containers only the first
 * operation of each second looks at all of them.
 */
static bool checked_this_second(int dir)
{
	struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
	struct timespec t;
	struct stat st;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	if (fstat(dir, &st) < 0 || st.st_atim.tv_sec == t.tv_sec)
		return true;
	return futimens(dir, now) < 0;
}

static int sweep_held(const struct hierarchy *h)
{
	int held = openat(h->dir, "held", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
	autodir DIR *links = NULL;
	struct dirent *entry;
	size_t count = 0;
	int r = 0;

	if (held >= 0 && kernel_dir_is_empty(held) == 1) {
		close(held);
		return 0;
	}
	links = held < 0 ? NULL : fdopendir(held);
	if (!links) {
		close_fd(&held);
		return -errno;
	}
	while ((entry = dir_next_entry(links, &r))) {
		if (entry->d_type != DT_LNK)
			continue;
		if (count++ == HELD_CHECKED && checked_this_second(held))
			break;
		reap_held(h, held, entry->d_name, true);
	}
	return r;
}

int reap_sweep(const struct hierarchy *h)
{
	int r = sweep_limbo(h);

	if (r < 0)
		return error_default(r, "sweep", "limbo");
	r = sweep_held(h);
	error_clear();
	return r < 0 ? error_set(r, "sweep", "held") : 0;
}

int reap_check_empty(const struct hierarchy *h)
{
	autoclose int root = hierarchy_open_root(h);
	autoclose int limbo = openat(h->dir, "limbo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? root : object_has_children(root);

	if (r < 0 || limbo < 0)
		return r < 0 ? r : -errno;
	if (r > 0)
		return error_set(-ENOTEMPTY, "there are containers", NULL);
	r = object_has_children(limbo);
	return r > 0 ? error_set(-EBUSY, "a container is being made or removed", NULL) : r;
}

/* Links are removed, never followed; what is mounted somewhere in there is not looked into. */
int reap_remove_tree(int parent, const char *name)
{
	int fd = kernel_openat2(parent, name, O_RDONLY | O_DIRECTORY, LOOKUP_HERE);
	autodir DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = entries ? 0 : fd < 0 ? fd : -errno;

	if (r < 0) {
		close_fd(&fd);
		return r == -ENOENT  ? 0
		       : r == -EXDEV ? error_set(-EBUSY, "something is mounted there", name)
				     : r;
	}
	while (entries && (entry = dir_next_entry(entries, &r))) {
		if (entry->d_type == DT_DIR)
			r = reap_remove_tree(dirfd(entries), entry->d_name);
		else if (unlinkat(dirfd(entries), entry->d_name, 0) < 0)
			r = -errno;
	}
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int reap_forget_all(int state_dir)
{
	static const char *const dirs[] = {"tree", "limbo", "held", "lists", "adopted", "ids"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = reap_remove_tree(state_dir, dirs[i]);
	if (r == 0 && unlinkat(state_dir, "host", 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
