/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cgroup.h"
#include "change.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "limit.h"
#include "make.h"
#include "text.h"

static int check_container(const struct hierarchy *h, const struct object *o)
{
	int r;

	if (object_has_parent(o))
		return error_set(-EOPNOTSUPP,
				 "a nested container's cgroup is in its parent's; adopt one for "
				 "the outermost",
				 NULL);
	r = object_has_children(o->dir);
	if (r > 0)
		r = error_set(-ENOTEMPTY, "it has nested containers", NULL);
	if (r == 0 && limit_is_set(o))
		r = error_set(-EBUSY, "it has limits; adopt a cgroup before they are set", NULL);
	return r ? r : change_check_no_tasks(h, o);
}

/* Whether the directory is what the path leads to, as recorded. */
static int check_path(const struct hierarchy *h, const char *path, int fd)
{
	char relative[PATH_SIZE] = "..";
	size_t len = 2;
	struct stat a, b;

	if (text_append(relative, sizeof(relative), &len, path) < 0)
		return -ENAMETOOLONG;
	if (fstat(fd, &a) < 0 || fstatat(h->cgroup, relative, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : -EXDEV;
}

/* "/A/B", below the mount that the hierarchy's own cgroup is in. */
static int find_path(const struct hierarchy *h, int fd, char path[PATH_SIZE])
{
	char own[PATH_SIZE], given[PATH_SIZE];
	size_t mount_len;
	int r;
	ssize_t n = kernel_readlink(h->dir, "cgroup", own, sizeof(own));

	n = n < 0 ? n : kernel_fd_path(fd, given, sizeof(given));
	if (n < 0)
		return (int)n;
	/* "/sys/fs/cgroup" of "/sys/fs/cgroup/containerfs". */
	mount_len = name_parent_len(own) - 1;
	if (strncmp(given, own, mount_len) != 0 || (given[mount_len] && given[mount_len] != '/'))
		return error_set(-EXDEV, "it is not below the hierarchy's cgroup v2 mount", given);
	memcpy(path, given[mount_len] ? given + mount_len : "/",
	       given[mount_len] ? strlen(given + mount_len) + 1 : 2);
	r = check_path(h, path, fd);
	return r < 0 ? error_set(r, "find the cgroup at", path) : 0;
}

static int check_cgroup(const struct hierarchy *h, int fd, char path[PATH_SIZE])
{
	char chain[SPEC_CGROUP_SIZE] = "";
	size_t len = strlen(h->cgroup_name);
	struct statfs sfs;
	int r;

	if (fstatfs(fd, &sfs) < 0)
		return -errno;
	if (sfs.f_type != CGROUP2_SUPER_MAGIC || faccessat(fd, "cgroup.procs", F_OK, 0) < 0)
		return error_set(-EINVAL, "not a directory of cgroup v2",
				 kernel_fd_path(fd, path, PATH_SIZE) < 0 ? NULL : path);
	r = find_path(h, fd, path);
	r = r ? r : object_chain_at(h, 0, path, chain);
	if (r < 0)
		return r;
	if (chain[0] || (strncmp(path + 1, h->cgroup_name, len) == 0 &&
			 (path[1 + len] == '/' || path[1 + len] == '\0')))
		return error_set(-EINVAL, "it is a container's, or the hierarchy's own", path);
	return 0;
}

static int record(const struct hierarchy *h, struct object *o, const char *path)
{
	char link[sizeof("adopted/") + ID_TEXT_SIZE] = "adopted/";
	int r;

	text_format_id(o->spec.id, link + strlen(link));
	if (mkdirat(h->dir, "adopted", 0711) == 0)
		fchmodat(h->dir, "adopted", 0711, 0);
	else if (errno != EEXIST)
		return -errno;
	r = kernel_replace_link(h->dir, link, path);
	if (r < 0)
		return r;
	o->spec.adopted = true;
	return object_store(o->dir, &o->spec);
}

/*
 * Where it was is given up first, empty as it is. What the record says is written last; until then the
 * link tells nothing, as no cgroup is where it leads to.
 */
int adopt_cgroup(const struct hierarchy *h, struct object *o, int fd)
{
	char path[PATH_SIZE], old[PATH_SIZE];
	int cgroup, r = change_begin(h, o, "adopt cgroup");

	r = r ? r : check_container(h, o);
	r = r ? r : check_cgroup(h, fd, path);
	if (r == 0 && object_cgroup_path(h, &o->spec, old) == 0)
		r = cgroup_remove(h->cgroup, old);
	r = r ? r : record(h, o, path);
	/* A cgroup namespace shows what is below the cgroup that it was made in. */
	if (r == 0 && o->spec.mode[NS_CGROUP] == CONTAINER_NS_OWN && o->spec.pinned[NS_CGROUP]) {
		struct root_plan none = make_plan_view(&o->spec);

		r = make_own(h, o, CLONE_NEWCGROUP, &none, -EBADF);
	}
	/* At once: whoever waits for its first task watches it, and not what is above. */
	cgroup = r ? r : limit_make_cgroup(h, o);
	if (cgroup < 0)
		return error_default(cgroup, "adopt cgroup", NULL);
	close(cgroup);
	return 0;
}
