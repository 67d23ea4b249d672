/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "controllers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "text.h"

#define RECORD_SIZE 256
#define MOVE_ROUNDS 200
#define BUSY_ROUNDS 200 /* of 5 ms */

/* One of the cgroups above a container's. */
struct level {
	const struct hierarchy *h;
	char path[PATH_SIZE];	      /* relative to h->cgroup */
	char chain[SPEC_CGROUP_SIZE]; /* of the container whose it is; "": of none */
	bool adopted;		      /* it is one that was adopted, or below that */
};

/* Whether a list of words, as the kernel writes them, has this one. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t n = strcspn(list, " \n");

		if (n == len && memcmp(list, word, n) == 0)
			return true;
		list += n + (list[n] != '\0');
	}
	return false;
}

/* Its line of /proc/cgroups: 1, 0 if there is none. Controllers of v2 alone may have none. */
static int find_controller(const char *controller, unsigned int *ret_hierarchy,
			   unsigned int *ret_enabled)
{
	/* It is called by its old name there. */
	const char *name = strcmp(controller, "io") == 0 ? "blkio" : controller;
	char text[4096], word[LIMIT_NAME_SIZE];

	if (kernel_read_file(AT_FDCWD, "/proc/cgroups", text, sizeof(text)) < 0)
		return 0;
	for (const char *s = text; *s;) {
		if (sscanf(s, "%63s %u %*u %u", word, ret_hierarchy, ret_enabled) == 3 &&
		    strcmp(word, name) == 0)
			return 1;
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
	return 0;
}

/* What a manager has to be told so that it hands the controller on. */
static int not_delegated(const struct level *l, const char *controller)
{
	size_t len = strlen(l->path);
	bool scope = len > 6 && strcmp(l->path + len - 6, ".scope") == 0;
	char step[sizeof(((struct container_error *)NULL)->step)];

	snprintf(step, sizeof(step),
		 "the %s controller is not delegated to it; in its unit: [%s] Delegate=%s",
		 controller, scope ? "Scope" : "Service", controller);
	return error_set(-EOPNOTSUPP, step, l->path + strspn(l->path, "."));
}

static int missing(const struct level *l, const char *controller)
{
	char step[sizeof(((struct container_error *)NULL)->step)];
	unsigned int hierarchy, enabled;
	int found = find_controller(controller, &hierarchy, &enabled);

	if (found && hierarchy != 0)
		snprintf(step, sizeof(step),
			 "the %s controller is on cgroup v1; boot with cgroup_no_v1=%s or "
			 "systemd.unified_cgroup_hierarchy=1",
			 controller, strcmp(controller, "io") == 0 ? "blkio" : controller);
	else if (found && !enabled)
		snprintf(step, sizeof(step),
			 "the %s controller is switched off; boot with cgroup_enable=%s",
			 controller, controller);
	else if (l->adopted || found)
		return not_delegated(l, controller);
	else
		snprintf(step, sizeof(step), "this kernel has no %s controller", controller);
	return error_set(-EOPNOTSUPP, step, NULL);
}

/*
 * By number, which may be another process's by now: as in control.c, a pidfd is opened before it is
 * looked at whose it is.
 */
static int move_task(const struct level *l, int leaf, pid_t pid)
{
	autoclose int pidfd = pid > 0 ? kernel_pidfd_open(pid) : -EXDEV;
	char chain[SPEC_CGROUP_SIZE], number[21];
	int r;

	if (pidfd < 0)
		return pidfd == -ESRCH
			       ? 0
			       : error_set(pidfd, "a task is not of the caller's pid namespace",
					   NULL);
	r = object_chain_of(l->h, pid, chain);
	if (r < 0 && r != -ESRCH)
		return error_set(r, "move its tasks to a leaf", l->chain);
	if (r < 0 || strcmp(chain, l->chain) != 0 || !kernel_pidfd_is_alive(pidfd))
		return 0;
	text_format_u64((uint64_t)pid, number);
	r = kernel_write_file(leaf, "cgroup.procs", number);
	return r == -ESRCH || r == 0 ? 0 : error_set(r, "move its tasks to a leaf", l->chain);
}

/* Those that are there now, which may fork meanwhile: how many there were. */
static ssize_t move_tasks(const struct level *l, int cgroup)
{
	autoclose int leaf = -EBADF;
	pid_t pids[256];
	ssize_t n = cgroup_pids(cgroup, false, pids, ARRAY_SIZE(pids));
	int r;

	if (n <= 0)
		return n;
	r = cgroup_make(cgroup, OBJECT_LEAF);
	if (r < 0)
		return error_set(r, "make cgroup", OBJECT_LEAF);
	leaf = openat(cgroup, OBJECT_LEAF, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (leaf < 0)
		return error_set(-errno, "open cgroup", OBJECT_LEAF);
	for (ssize_t i = 0; r == 0 && i < n && i < (ssize_t)ARRAY_SIZE(pids); i++)
		r = move_task(l, leaf, pids[i]);
	return r < 0 ? r : n;
}

static void pause_a_moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/*
 * No process may be in a cgroup whose children have controllers; the topmost of all is exempt, and has no
 * cgroup.type. The kernel takes some controllers all the same, and makes of the cgroup a threaded one: then
 * no process can come into those below. So nobody is asked before all are gone.
 */
static int make_room(const struct level *l, int cgroup)
{
	ssize_t n = 1;
	pid_t pid;

	if (faccessat(cgroup, "cgroup.type", F_OK, 0) < 0)
		return 0;
	if (l->chain[0]) {
		/* Those that stay on the list are dead. */
		for (int i = 0; n > 0 && i < MOVE_ROUNDS; i++)
			n = move_tasks(l, cgroup);
		return n < 0 ? (int)n : 0;
	}
	n = cgroup_pids(cgroup, false, &pid, 1);
	/* In the hierarchy's own there is none, but a watcher (watch.h) that is about to end. */
	for (int i = 0; n > 0 && strcmp(l->path, ".") == 0 && i < BUSY_ROUNDS; i++) {
		pause_a_moment();
		n = cgroup_pids(cgroup, false, &pid, 1);
	}
	return n > 0 ? -EBUSY : (int)n;
}

/*
 * A task that has ended, and is on no list any more, is in the way for a moment still (Linux 6.18): the
 * kernel is asked again.
 */
static int switch_on(const struct level *l, int cgroup, const char *controller)
{
	char word[LIMIT_NAME_SIZE + 1] = "+";
	size_t len = 1;
	int r = -EBUSY;

	text_append(word, sizeof(word), &len, controller);
	for (int i = 0; r == -EBUSY && i < BUSY_ROUNDS; i++) {
		if (i > 0)
			pause_a_moment();
		r = make_room(l, cgroup);
		if (r < 0)
			break;
		r = kernel_write_file(cgroup, "cgroup.subtree_control", word);
	}
	if (r == -EBUSY)
		return error_set(r,
				 l->chain[0] ? "its tasks fork faster than they can be moved"
					     : "it has processes itself, so cgroup v2 limits none "
					       "below it; move them into a cgroup below",
				 l->path + strspn(l->path, "."));
	return r < 0 ? error_default(r, "switch on a controller", controller) : 0;
}

static int open_level(const struct level *l)
{
	int cgroup = openat(l->h->cgroup, l->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return cgroup < 0 ? error_set(-errno, "open cgroup", l->path) : cgroup;
}

/* Whether file, a list of controllers, has it: 1, 0. */
static int has_controller(int cgroup, const char *file, const char *controller)
{
	char list[512];
	ssize_t n = kernel_read_file(cgroup, file, list, sizeof(list));

	return n < 0 ? error_set((int)n, "read", file) : has_word(list, controller);
}

/*
 * What was switched on at the top of the mount, where it was off: it is switched off again when the
 * hierarchy is taken down. Recorded before, so that it is known also if we are killed in between.
 */
static int record(const struct hierarchy *h, const char *controller)
{
	char list[RECORD_SIZE];
	ssize_t n = kernel_readlink(h->dir, HIERARCHY_CONTROLLERS, list, sizeof(list));
	size_t len = n < 0 ? 0 : (size_t)n;
	int r;

	if (n < 0 && n != -ENOENT)
		return (int)n;
	list[len] = '\0';
	if (has_word(list, controller))
		return 0;
	r = len ? text_append(list, sizeof(list), &len, " ") : 0;
	r = r ? r : text_append(list, sizeof(list), &len, controller);
	r = r ? r : kernel_replace_link(h->dir, HIERARCHY_CONTROLLERS, list);
	return r < 0 ? error_set(r, "record a controller", controller) : 0;
}

static bool is_topmost(const struct level *l)
{
	return strcmp(l->path, "..") == 0;
}

static int enable_at(const struct level *l, const char *controller)
{
	autoclose int cgroup = open_level(l);
	int r = cgroup < 0 ? cgroup : has_controller(cgroup, "cgroup.subtree_control", controller);

	if (r != 0)
		return r < 0 ? r : 0;
	r = is_topmost(l) ? record(l->h, controller) : 0;
	return r ? r : switch_on(l, cgroup, controller);
}

void controllers_disable(int dir, int top)
{
	char list[RECORD_SIZE], word[LIMIT_NAME_SIZE + 1];

	if (kernel_readlink(dir, HIERARCHY_CONTROLLERS, list, sizeof(list)) < 0)
		return;
	for (const char *s = list; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		word[0] = '-';
		memcpy(word + 1, s, n < LIMIT_NAME_SIZE ? n : 0);
		word[1 + (n < LIMIT_NAME_SIZE ? n : 0)] = '\0';
		/* The kernel keeps what another cgroup there hands on. */
		kernel_write_file(top, "cgroup.subtree_control", word);
		s += n;
	}
}

/* The first level that is ours to change: what was adopted, or else the topmost of the mount. */
static int top_level(const struct hierarchy *h, const struct spec *spec, struct level *ret_level)
{
	char *path = ret_level->path;
	int r;

	*ret_level = (struct level){.h = h, .adopted = spec->adopted};
	r = spec->adopted ? object_cgroup_path(h, spec, path) : 0;
	if (r < 0)
		return error_set(r, "find the adopted cgroup", NULL);
	if (spec->adopted)
		path[strlen(path) - strlen(spec->cgroup)] = '\0';
	else
		memcpy(path, "..", sizeof(".."));
	return 0;
}

int controllers_check(const struct hierarchy *h, const struct object *o, const char *controller)
{
	autoclose int cgroup = -EBADF;
	struct level l;
	int r = top_level(h, &o->spec, &l);

	r = r ? r : (cgroup = open_level(&l));
	r = r < 0 ? r : has_controller(cgroup, "cgroup.controllers", controller);
	return r == 0 ? missing(&l, controller) : r < 0 ? r : 0;
}

int controllers_enable(const struct hierarchy *h, const struct object *o, const char *controller)
{
	const char *chain = o->spec.cgroup;
	struct level l;
	char path[PATH_SIZE];
	size_t base_len;
	int r = controllers_check(h, o, controller);

	r = r ? r : top_level(h, &o->spec, &l);
	r = r ? r : enable_at(&l, controller);
	/* The hierarchy's own cgroup is between the topmost and the containers'. */
	memcpy(l.path, ".", sizeof("."));
	if (r == 0 && !o->spec.adopted)
		r = enable_at(&l, controller);
	r = r ? r : object_cgroup_path(h, &o->spec, path);
	base_len = r == 0 ? strlen(path) - (strlen(chain) - 1) : 0;
	for (size_t i = ID_TEXT_SIZE; r == 0 && chain[i]; i += ID_TEXT_SIZE) {
		memcpy(l.path, path, base_len + i - 1);
		l.path[base_len + i - 1] = '\0';
		memcpy(l.chain, chain, i);
		l.chain[i] = '\0';
		r = enable_at(&l, controller);
	}
	return r;
}
