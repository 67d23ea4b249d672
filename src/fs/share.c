/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "share.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cleanup.h"
#include "links.h"
#include "mounts.h"
#include "parse.h"
#include "surrogate.h"

#define PATH_SIZE 4096
#define LINKS_MAX 8 /* self, by-pid and init_container on one path */

/* Of both: the one that gets the namespace, and the other one that has it. */
static int question_share(const struct request *r, const struct container_guarded *what)
{
	const int *other = r->about;
	int e = request_may_change(r, what);

	return e ? e : caller_may_change(&r->who, *other);
}

int share_container(struct request *r, int other, int nstype)
{
	int e = request_ask(r, question_share, &other);

	if (e < 0)
		return e;
	if (container_set_namespace(r->look.container, nstype, CONTAINER_NS_SHARE, other) < 0)
		e = -errno;
	r->question = NULL;
	return e;
}

/* --- paths that stay in the tree: by name, never by walking our own mount --- */

/* Where a path has come to: a container, and how many links were followed. */
struct place {
	int container;
	int top; /* of the mount */
	int links;
};

static int follow(struct place *at, const char *path, const char **last, const struct request *r);

static int step_up(struct place *at)
{
	autoclose int up = -EBADF;
	char path[PATH_SIZE];
	char *slash;

	/* The root of the mount is its own parent, as far as names go. */
	if (container_contains(at->container, at->top) == 1)
		return 0;
	if (container_path(at->container, path, sizeof(path)) < 0)
		return -errno;
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	up = container_open(path);
	if (up < 0)
		return -errno;
	close_fd(&at->container);
	at->container = take_fd(&up);
	return 0;
}

static int to_top(struct place *at)
{
	int copy = fcntl(at->top, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return -errno;
	close_fd(&at->container);
	at->container = copy;
	return 0;
}

/* self and by-pid/N, in the root only: their text is followed in turn. */
static int step_link(struct place *at, enum entry_kind kind, const char **rest,
		     const struct request *r)
{
	const char *unused = "";
	char number[16], target[PATH_SIZE];
	pid_t pid;
	int e;

	if (container_contains(at->container, at->top) != 1 || ++at->links > LINKS_MAX)
		return -ENOENT;
	if (kind == KIND_INIT_CONTAINER)
		return 0;
	if (kind == KIND_SELF) {
		e = link_self(&r->look, 0, target, sizeof(target));
	} else {
		e = parse_component(rest, number, sizeof(number));
		e = e < 0 ? e : parse_pid(number, &pid);
		e = e < 0 ? -ENOENT : link_by_pid(&r->who, pid, target, sizeof(target));
	}
	return e < 0 ? e : follow(at, target, &unused, r);
}

static int step(struct place *at, const char *name, const char **rest, const struct request *r)
{
	int down, e = caller_may_search(&r->who, at->container);
	enum entry_kind kind = entry_find(name);

	/* As the kernel would ask on this way: names are not told to who may not look. */
	if (e < 0)
		return e;
	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return step_up(at);
	if (kind == KIND_INIT_CONTAINER || kind == KIND_SELF || kind == KIND_BY_PID)
		return step_link(at, kind, rest, r);
	down = container_open_at(at->container, name, NULL);
	if (down < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	close_fd(&at->container);
	at->container = down;
	return 0;
}

/* Walk all components but one that is an entry of the container come to: *last is then that one. */
static int follow(struct place *at, const char *path, const char **last, const struct request *r)
{
	char name[256];
	int len;

	while ((len = parse_component(&path, name, sizeof(name))) > 0) {
		enum entry_kind kind = entry_find(name);
		int e;

		if (kind != KIND_NONE && kind < KIND_INIT_CONTAINER) {
			e = caller_may_search(&r->who, at->container);
			if (e < 0)
				return e;
			*last = entry_of(kind)->name;
			return path[0] ? -ENOTDIR : 0;
		}
		e = step(at, name, &path, r);
		if (e < 0)
			return e;
	}
	return len;
}

static int share_in_tree(struct request *r, const struct entry *e, bool from_top, const char *path)
{
	autoclose int top = node_open(node_root());
	autoclose int own = fcntl(r->look.container, F_DUPFD_CLOEXEC, 3);
	struct place at = {.container = -EBADF, .top = top};
	const char *last = "";
	int r_e;

	if (top < 0 || own < 0)
		return top < 0 ? top : -errno;
	at.container = take_fd(&own);
	r_e = from_top ? to_top(&at) : 0;
	r_e = r_e ? r_e : follow(&at, path, &last, r);
	if (r_e == 0 && last[0] && strcmp(last, e->name) != 0)
		r_e = -EINVAL;
	/* A container's directory stands for its namespace of the type, too. */
	r_e = r_e ? r_e : share_container(r, at.container, e->nstype);
	close_fd(&at.container);
	return r_e;
}

/* --- all other paths: opened as the caller would --- */

static int try_to_join(const void *arg)
{
	const int *nstype = arg;

	return setns(SURROGATE_KEPT, *nstype) < 0 ? -errno : 0;
}

/* The kernel is asked whether the caller could join it; for two types it cannot be in a surrogate. */
static int caller_may_join(const struct request *r, int fd, int nstype)
{
	const struct surrogate_job job = {.fn = try_to_join, .arg = &nstype, .keep = {fd, -1}};

	if (nstype == CLONE_NEWUSER || nstype == CLONE_NEWTIME)
		return caller_may_change(&r->who, r->look.container);
	return surrogate_run(&r->who, &job);
}

static int share_path(const struct request *r, int nstype, const char *path)
{
	autoclose int place = caller_open_path(&r->who, path, O_PATH);
	autoclose int fd = -EBADF;
	char own[32];
	struct statfs sfs;
	int e;

	if (place < 0)
		return place;
	/* Nothing but a namespace is opened: a device or a pipe might do something. */
	if (fstatfs(place, &sfs) < 0 || sfs.f_type != NSFS_MAGIC)
		return -EINVAL;
	snprintf(own, sizeof(own), "/proc/self/fd/%d", place);
	fd = open(own, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	e = caller_may_join(r, fd, nstype);
	if (e < 0)
		return e;
	if (container_set_namespace(r->look.container, nstype, CONTAINER_NS_SHARE, fd) < 0)
		return -errno;
	return 0;
}

/* One component up; the mount point is a canonical path, and so is what is below it. */
static void step_up_text(char path[PATH_SIZE])
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/*
 * A relative target counts from the directory that the link is made in; it may lead out of the tree.
 * Up to there it is resolved as text, since the kernel would have to ask us.
 */
static int absolute(const struct request *r, const char *target, char path[PATH_SIZE])
{
	char below[PATH_SIZE] = "", name[256];
	size_t point_len, len;
	int e;

	if (target[0] == '/')
		return snprintf(path, PATH_SIZE, "%s", target) < PATH_SIZE ? 0 : -ENAMETOOLONG;
	e = mounts_point(r->who.tid, path, PATH_SIZE);
	e = e ? e : node_path(r->look.node, below, sizeof(below));
	if (e < 0)
		return e;
	point_len = strlen(path);
	len = point_len;
	if (below[0] &&
	    snprintf(path + len, PATH_SIZE - len, "/%s", below) >= (int)(PATH_SIZE - len))
		return -ENAMETOOLONG;
	while (parse_component(&target, name, sizeof(name)) > 0) {
		if (strcmp(name, "..") == 0) {
			step_up_text(path);
			continue;
		}
		len = strlen(path);
		e = snprintf(path + len, PATH_SIZE - len, "/%s%s", name,
			     len < point_len ? target : "");
		if (e >= (int)(PATH_SIZE - len))
			return -ENAMETOOLONG;
		/* Outside: the rest is for the kernel to walk. */
		if (len < point_len)
			break;
	}
	if (path[0] == '\0')
		memcpy(path, "/", 2);
	return 0;
}

/* Whether a relative target has more ".." than there are directories above, and so leads out. */
static bool leads_out(const struct request *r, const char *target)
{
	char below[PATH_SIZE], name[256];
	const char *p = below;
	int depth = 0, len;

	if (node_path(r->look.node, below, sizeof(below)) < 0)
		return true;
	while (parse_component(&p, name, sizeof(name)) > 0)
		depth++;
	while ((len = parse_component(&target, name, sizeof(name))) > 0) {
		depth += strcmp(name, "..") == 0 ? -1 : strcmp(name, ".") != 0;
		if (depth < 0)
			return true;
	}
	return len < 0;
}

int share_link(struct request *r, const struct entry *e, const char *target)
{
	struct mounts_place place;
	char path[PATH_SIZE], in_tree[2 * PATH_SIZE];
	int error;

	if (target[0] != '/' && !leads_out(r, target))
		return share_in_tree(r, e, false, target);
	error = absolute(r, target, path);
	if (error < 0)
		return error;
	if (mounts_find(r->who.tid, path, &place) == 0) {
		snprintf(in_tree, sizeof(in_tree), "%s/%s", place.root, place.rest);
		return share_in_tree(r, e, true, in_tree);
	}
	return share_path(r, e->nstype, path);
}

int share_root(const struct request *r, const char *target)
{
	autoclose int fd = -EBADF;
	struct mounts_place place;
	char path[PATH_SIZE];
	int e = absolute(r, target, path);

	if (e < 0)
		return e;
	/* A directory of containers is nobody's root. */
	if (mounts_find(r->who.tid, path, &place) == 0)
		return -EINVAL;
	fd = caller_open_path(&r->who, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	return container_set_root(r->look.container, fd,
				  strcmp(path, "/") == 0 ? CONTAINER_ROOT_RECURSIVE : 0) < 0
		       ? -errno
		       : 0;
}
