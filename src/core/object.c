/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "kernel.h"
#include "proc.h"
#include "record.h"
#include "text.h"

void object_close(struct object *o)
{
	close_fd(&o->dir);
}

int object_load(int dir, struct spec *ret_spec)
{
	char text[SPEC_TEXT_SIZE];
	ssize_t n = kernel_readlink(dir, OBJECT_SPEC, text, sizeof(text));

	if (n < 0)
		return (int)n;
	return spec_parse(text, ret_spec) < 0 ? record_damaged(dir, OBJECT_SPEC) : 0;
}

int object_read_id(int dir, uint64_t *ret_id)
{
	char text[ID_TEXT_SIZE];
	ssize_t n = readlinkat(dir, OBJECT_SPEC, text, sizeof(text));

	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(text) || text[n - 1] != ' ' || text_parse_id(text, ret_id) < 0)
		return record_damaged(dir, OBJECT_SPEC);
	return 0;
}

int object_write(int dir, const struct spec *spec)
{
	char text[SPEC_TEXT_SIZE];
	struct spec own = *spec;
	struct stat st;
	int r = fstat(dir, &st) < 0 ? -errno : 0;

	own.inode = st.st_ino;
	r = r ? r : spec_format(&own, text);
	return r ? r : record_write(dir, OBJECT_SPEC, text);
}

/*
 * The list of the parent's children (index.h) tells by the parent's time that it is old: set before,
 * lest a kill leaves an old list that looks new, and after, for one that was made in between.
 */
int object_store(int dir, const struct spec *spec)
{
	int r;

	if (utimensat(dir, "..", NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = object_write(dir, spec);
	return r || utimensat(dir, "..", NULL, AT_SYMLINK_NOFOLLOW) == 0 ? r : -errno;
}

bool object_is_held(int dir)
{
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return true;
	flock(dir, LOCK_UN);
	return false;
}

const char *object_next_child(DIR *dir, int *r)
{
	const char *name;

	do
		name = dir_next_subdir(dir, r);
	while (name && name_error(name, strlen(name)));
	return name;
}

int object_open_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == EACCES)
		fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Step from the container whose directory is *dir to its nested one. */
static int step_down(int *dir, const char *name)
{
	int next = object_open_dir(*dir, name);

	if (next < 0)
		return next;
	close_fd(dir);
	*dir = next;
	return 0;
}

int object_open_nested(int dir, const char *name, uint64_t *ret_id)
{
	autoclose int nested = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = nested < 0 ? -errno : object_read_id(nested, ret_id);

	if (r == -EUCLEAN) {
		*ret_id = 0;
		error_clear();
	}
	return r == 0 || r == -EUCLEAN ? take_fd(&nested) : r;
}

static int walk(int *dir, const char *path)
{
	char name[NAME_SIZE];
	int r;

	if (strcmp(path, ".") == 0)
		return 0;
	if (path[0] == '\0')
		return error_set(-EINVAL, name_error("", 0), NULL);
	while ((r = name_next(&path, name)) > 0) {
		r = step_down(dir, name);
		if (r < 0)
			return r;
	}
	return r < 0 ? error_set(r, name_error(name, strcspn(path, "/")), name) : 0;
}

/* Whatever is in the way on the path, there is no container there. */
static int find_error(int r, const char *path)
{
	if (r == -ENOENT || r == -ELOOP || r == -ENOTDIR)
		return error_set(-ENOENT, "no such container", path);
	if (r == -EINVAL)
		return r;
	return error_set(r, "find", path);
}

/* A directory with a name is a container, or was one: without a record it is damaged, if it is there still. */
static int load_named(const struct hierarchy *h, int dir, struct spec *ret_spec)
{
	int r = object_load(dir, ret_spec);

	if (object_lacks_record(r) && object_check_place(h, dir, NULL) == 0)
		return record_damaged(dir, OBJECT_SPEC);
	return r ? r : object_check_own(h, dir, ret_spec);
}

static int find_any(const struct hierarchy *h, const char *path, struct object *ret_o)
{
	autoclose int dir = -EBADF;
	int r;

	if (path[0] != '/' && h->caller[0]) {
		struct object caller;

		r = object_find_cgroup(h, h->caller, &caller);
		if (r < 0)
			return error_set(r, "find the caller's container", NULL);
		dir = caller.dir;
	} else {
		dir = hierarchy_open_root(h);
	}
	r = dir < 0 ? dir : walk(&dir, path);
	r = r < 0 ? r : load_named(h, dir, &ret_o->spec);
	if (r == 0 && ret_o->spec.transient && !object_is_held(dir))
		r = -ENOENT;
	if (r < 0 && r != -EUCLEAN)
		return find_error(r, path);
	ret_o->unnamed = false;
	ret_o->dir = take_fd(&dir);
	return r;
}

int object_find(const struct hierarchy *h, const char *path, struct object *ret_o)
{
	int r = find_any(h, path, ret_o);

	if (r == -EUCLEAN)
		object_close(ret_o);
	return r;
}

int object_find_any(const struct hierarchy *h, const char *path, struct object *ret_o)
{
	int r = find_any(h, path, ret_o);

	if (r != -EUCLEAN)
		return r;
	ret_o->spec = (struct spec){0};
	error_clear();
	return 1;
}

static bool is_made_for(const struct spec *spec, const struct stat *st)
{
	return spec->inode == st->st_ino;
}

/* Whether name in dir has a record that begins with this id: 1, 0; -errno. -EACCES: it is hidden. */
static int has_id(int dir, const char *name, const char *id_text)
{
	char path[NAME_SIZE + sizeof("/" OBJECT_SPEC)] = "", text[ID_TEXT_SIZE];
	size_t len = 0;
	ssize_t n;

	if (text_append(path, sizeof(path), &len, name) < 0 ||
	    text_append(path, sizeof(path), &len, "/" OBJECT_SPEC) < 0)
		return 0;
	n = readlinkat(dir, path, text, ID_TEXT_SIZE - 1);
	/* Removed meanwhile, or damaged: it is another. */
	if (n < 0 && errno != ENOENT && errno != EINVAL)
		return -errno;
	return n == ID_TEXT_SIZE - 1 && memcmp(text, id_text, ID_TEXT_SIZE - 1) == 0;
}

/*
 * The next level of a chain: among the subdirectories of dir, the object with this id. A directory
 * scan, since names are the index; a record is read by one readlinkat(2). Of a container and a copy of
 * it the copy is not taken.
 */
static int step_to_id(int *dir, const char *id_text)
{
	autodir DIR *children = NULL;
	autoclose int found = -EBADF;
	const char *name;
	bool hidden = false;
	int r = dir_open(*dir, ".", &children);

	while ((name = object_next_child(children, &r))) {
		struct spec spec;
		struct stat st;

		r = has_id(*dir, name, id_text);
		hidden |= r == -EACCES;
		if (r == -EACCES)
			r = 0;
		if (r <= 0)
			continue;
		close_fd(&found);
		found = object_open_dir(*dir, name);
		if (found < 0)
			return found;
		r = 0;
		if (object_load(found, &spec) == 0 && fstat(found, &st) == 0 &&
		    is_made_for(&spec, &st))
			break;
	}
	if (r < 0 || found < 0)
		return r < 0 ? r : hidden ? -EACCES : -ENOENT;
	close_fd(dir);
	*dir = take_fd(&found);
	return 0;
}

/* What is at a chain: the directory itself, others. Not how often. */
struct at_chain {
	const struct stat *own;
	bool itself, others;
};

static int search_chain(int dir, const char *chain, struct at_chain *at)
{
	autodir DIR *children = NULL;
	const char *name;
	struct stat st;
	int r;

	if (!chain[0]) {
		if (fstat(dir, &st) < 0)
			return -errno;
		if (st.st_ino == at->own->st_ino && st.st_dev == at->own->st_dev)
			at->itself = true;
		else
			at->others = true;
		return 0;
	}
	r = dir_open(dir, ".", &children);
	while ((name = object_next_child(children, &r))) {
		autoclose int child = -EBADF;

		r = has_id(dir, name, chain + 1);
		r = r == -EACCES ? 0 : r;
		if (r <= 0)
			continue;
		child = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		r = child < 0 ? -errno : search_chain(child, chain + ID_TEXT_SIZE, at);
		r = r == -ENOENT || r == -EACCES ? 0 : r;
	}
	return r;
}

/* A record that was written for its directory needs no search. Some file systems change their inodes. */
static int look_at_chain(const struct hierarchy *h, int dir, const struct spec *spec,
			 struct at_chain *ret_at)
{
	autoclose int root = -EBADF;
	struct stat own;
	int r;

	*ret_at = (struct at_chain){.own = &own};
	if (fstat(dir, &own) < 0)
		return -errno;
	ret_at->itself = is_made_for(spec, &own);
	if (ret_at->itself)
		return 0;
	root = hierarchy_open_root(h);
	r = root < 0 ? root : search_chain(root, spec->cgroup, ret_at);
	ret_at->own = NULL;
	return r;
}

int object_check_own(const struct hierarchy *h, int dir, const struct spec *spec)
{
	struct at_chain at;
	int r = look_at_chain(h, dir, spec, &at);

	if (r < 0)
		return r;
	return at.itself && !at.others ? 0 : record_damaged(dir, OBJECT_SPEC);
}

int object_load_nested(const struct hierarchy *h, const struct spec *parent, int dir,
		       const char *name, struct object *ret_o)
{
	autoclose int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct at_chain at;
	int r;

	if (child < 0)
		return -errno;
	r = object_load(child, &ret_o->spec);
	if (object_lacks_record(r))
		r = record_damaged(child, OBJECT_SPEC);
	if (r == 0 && parent && parent->id && !spec_is_nested_in(&ret_o->spec, parent))
		r = record_damaged(child, OBJECT_SPEC);
	r = r ? r : look_at_chain(h, child, &ret_o->spec, &at);
	/* In limbo no chain leads to it. */
	if (r == 0 && !at.itself && at.others)
		r = record_damaged(child, OBJECT_SPEC);
	if (r < 0 && r != -EUCLEAN)
		return r;
	ret_o->unnamed = false;
	ret_o->dir = take_fd(&child);
	return r;
}

int object_find_cgroup(const struct hierarchy *h, const char *chain, struct object *ret_o)
{
	autoclose int dir = hierarchy_open_root(h);
	int r = dir < 0 ? dir : 0;

	for (size_t i = 0; r == 0 && chain[i]; i += ID_TEXT_SIZE)
		r = step_to_id(&dir, chain + i + 1);
	r = r ? r : object_load(dir, &ret_o->spec);
	if (r < 0)
		return r;
	ret_o->unnamed = false;
	ret_o->dir = take_fd(&dir);
	return 0;
}

int object_open_parent(const struct object *o, struct object *ret_parent)
{
	autoclose int dir = -EBADF;
	int r;

	if (object_is_root(o))
		return -ENOENT;
	dir = object_open_dir(o->unnamed ? o->parent : o->dir, o->unnamed ? "." : "..");
	if (dir < 0)
		return dir;
	r = object_load(dir, &ret_parent->spec);
	if (r < 0)
		return r;
	ret_parent->unnamed = false;
	ret_parent->dir = take_fd(&dir);
	return 0;
}

static bool same_dir(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int object_check_place(const struct hierarchy *h, int dir, const char *chain)
{
	char path[SPEC_CGROUP_SIZE / ID_TEXT_SIZE * 3 + 2] = ".";
	size_t len = 1, depth = chain ? strlen(chain) / ID_TEXT_SIZE : 1;
	struct stat own, above, top;

	if (fstat(dir, &own) < 0 || fstatat(h->dir, "tree", &top, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	for (size_t i = 1; i <= depth; i++)
		text_append(path, sizeof(path), &len, "/..");
	while (fstatat(dir, path, &above, 0) == 0) {
		/* A mount over a directory of the tree has another file system, or is of our own making. */
		if (own.st_dev == top.st_dev && same_dir(&above, &top))
			return 0;
		if (chain || text_append(path, sizeof(path), &len, "/..") < 0)
			break;
	}
	return error_set(-ENOENT, "not a container of this hierarchy, or removed", NULL);
}

static int fd_path(int fd, char *buf, size_t size)
{
	ssize_t n = kernel_fd_path(fd, buf, size);

	return n < 0 ? (int)n : 0;
}

int object_path(const struct hierarchy *h, int dir, char *buf, size_t size)
{
	char top[PATH_SIZE + sizeof("/tree")], path[PATH_SIZE];
	const char *rest;
	size_t len;
	int r = fd_path(h->dir, top, PATH_SIZE);

	r = r ? r : fd_path(dir, path, sizeof(path));
	if (r < 0)
		return r;
	len = strlen(top);
	text_append(top, sizeof(top), &len, "/tree");
	if (strncmp(path, top, len) != 0)
		return -ENOENT;
	/* A removed directory is shown as "NAME (deleted)": no name has a space or a parenthesis. */
	rest = path[len] ? path + len : "/";
	if (rest[0] != '/' || strchr(rest, ' '))
		return -ENOENT;
	if (strlen(rest) >= size)
		return -ERANGE;
	memcpy(buf, rest, strlen(rest) + 1);
	return (int)strlen(rest);
}

int object_reopen(const struct hierarchy *h, int dir)
{
	char path[sizeof("tree") + PATH_SIZE] = "tree";
	struct stat given, found;
	int r = object_path(h, dir, path + strlen(path), PATH_SIZE);
	autoclose int fd = r < 0 ? r : openat(h->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (r < 0)
		return r;
	if (fd < 0 || fstat(fd, &found) < 0 || fstat(dir, &given) < 0)
		return -errno;
	return same_dir(&given, &found) ? take_fd(&fd) : -ENOENT;
}

int object_name(int dir, char buf[NAME_SIZE])
{
	char path[PATH_SIZE];
	const char *name;
	int r = fd_path(dir, path, sizeof(path));

	if (r < 0)
		return r;
	name = path + name_parent_len(path);
	if (strchr(name, ' ') || strlen(name) >= NAME_SIZE)
		return -ENOENT;
	memcpy(buf, name, strlen(name) + 1);
	return 0;
}

/*
 * A task with an own cgroup namespace reads its cgroup as "/". It sees this state directory only if
 * it was given the host's root, so this is the rare case, and it may take a walk: the containers'
 * cgroup.procs, read by the caller, give pids as the caller numbers them.
 */
static int chain_search(int dir, const struct hierarchy *h, pid_t pid, char chain[SPEC_CGROUP_SIZE])
{
	autodir DIR *children = NULL;
	struct object o = {.dir = dir};
	pid_t pids[512];
	const char *name;
	ssize_t n;
	int r = object_load(dir, &o.spec);

	if (r < 0)
		return r;
	n = object_tasks(h, &o, pids, ARRAY_SIZE(pids));
	if (n < 0 && n != -ENOENT)
		return (int)n;
	for (ssize_t i = 0; i < n && i < (ssize_t)ARRAY_SIZE(pids); i++)
		if (pids[i] == pid) {
			memcpy(chain, o.spec.cgroup, strlen(o.spec.cgroup) + 1);
			return 1;
		}
	r = dir_open(dir, ".", &children);
	while ((name = object_next_child(children, &r))) {
		autoclose int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = child < 0 ? -errno : chain_search(child, h, pid, chain);
		/* Removed meanwhile, damaged, or hidden from the caller. */
		r = r == -ENOENT || r == -EUCLEAN || r == -EACCES ? 0 : r;
	}
	return r;
}

/* Of "/A/B/ID/more", where /A/B is what the container with this ID has adopted: the length of "/A/B". */
static size_t adopted_length(const struct hierarchy *h, const char *path)
{
	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		char link[sizeof("adopted/") + ID_TEXT_SIZE] = "adopted/", base[PATH_SIZE];
		size_t len = (size_t)(s - path);
		uint64_t id;

		if (text_parse_id(s + 1, &id) < 0 || (s[ID_TEXT_SIZE] != '/' && s[ID_TEXT_SIZE]))
			continue;
		text_format_id(id, link + strlen(link));
		/* Others may call a cgroup of theirs by the same number: it must be in this very place. */
		if (kernel_readlink(h->dir, link, base, sizeof(base)) > 0 &&
		    (strlen(base) == len ? memcmp(base, path, len) == 0
					 : len == 0 && strcmp(base, "/") == 0))
			return len;
	}
	return strlen(path);
}

/*
 * "/containerfs/ID/ID/more" to "/ID/ID"; what is neither below the hierarchy's cgroup nor below one
 * that a container has adopted is "".
 */
static void chain_from_cgroup(const struct hierarchy *h, const char *path,
			      char chain[SPEC_CGROUP_SIZE])
{
	size_t name_len = strlen(h->cgroup_name), len = 0;
	uint64_t id;

	chain[0] = '\0';
	if (path[0] == '/' && strncmp(path + 1, h->cgroup_name, name_len) == 0 &&
	    (path[1 + name_len] == '/' || path[1 + name_len] == '\0'))
		path += 1 + name_len;
	else
		path += adopted_length(h, path);
	while (path[len] == '/' && text_parse_id(path + len + 1, &id) > 0 &&
	       (path[len + ID_TEXT_SIZE] == '/' || path[len + ID_TEXT_SIZE] == '\0') &&
	       len + ID_TEXT_SIZE < SPEC_CGROUP_SIZE)
		len += ID_TEXT_SIZE;
	memcpy(chain, path, len);
	chain[len] = '\0';
}

int object_chain_at(const struct hierarchy *h, pid_t pid, const char *path,
		    char chain[SPEC_CGROUP_SIZE])
{
	autoclose int root = -EBADF;
	struct host_ns host;
	int r;

	chain_from_cgroup(h, path, chain);
	if (chain[0])
		return 0;
	r = hierarchy_host_ns(h, &host);
	r = r ? r : hierarchy_in_host_ns(&host, NS_CGROUP);
	if (r != 0)
		return r < 0 ? r : 0;
	root = hierarchy_open_root(h);
	r = root < 0 ? root : chain_search(root, h, pid ? pid : getpid(), chain);
	return r < 0 ? r : 1;
}

int object_chain_of(const struct hierarchy *h, pid_t pid, char chain[SPEC_CGROUP_SIZE])
{
	char path[PATH_SIZE];
	int r = proc_cgroup(pid, path, sizeof(path));

	if (r < 0)
		return r == -EOPNOTSUPP ? error_set(r, "find cgroup v2 in", "/proc/self/cgroup")
					: r;
	r = object_chain_at(h, pid, path, chain);
	return r < 0 ? r : 0;
}

bool object_chain_within(const char *below, const char *above)
{
	size_t len = strlen(above);

	/* Ids have one length, so a common prefix ends at a '/'. */
	return strncmp(below, above, len) == 0;
}

int object_check_below_caller(const struct hierarchy *h, const struct object *o)
{
	if (!object_chain_within(o->spec.cgroup, h->caller))
		return error_set(-EPERM, "not the caller's container nor below it", NULL);
	return 0;
}

int object_has_children(int dir)
{
	autodir DIR *children = NULL;
	struct stat st;
	int r;

	/* The link count is 2 and one for each subdirectory, or 1 where they are not counted. */
	if (fstat(dir, &st) < 0)
		return -errno;
	if (st.st_nlink == 2)
		return 0;
	/* What is no container is not one that is nested. */
	r = dir_open(dir, ".", &children);
	return object_next_child(children, &r) ? 1 : r;
}

bool object_is_adopted_path(const char *path)
{
	size_t len = strlen(path);

	return path[0] == '/' && !strstr(path, "/../") && !strstr(path, "//") &&
	       (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

int object_cgroup_path(const struct hierarchy *h, const struct spec *spec, char buf[PATH_SIZE])
{
	char link[sizeof("adopted/") + ID_TEXT_SIZE] = "adopted/", base[PATH_SIZE];
	const char *chain = spec->cgroup[0] ? spec->cgroup + 1 : ".";
	size_t len = 0;
	ssize_t n;
	int r;

	if (!spec->adopted) {
		memcpy(buf, chain, strlen(chain) + 1);
		return 0;
	}
	memcpy(link + strlen(link), chain, ID_TEXT_SIZE - 1);
	n = record_read(h->dir, link, base, sizeof(base));
	if (n < 0)
		return (int)n;
	if (!object_is_adopted_path(base))
		return record_damaged(h->dir, link);
	r = text_append(buf, PATH_SIZE, &len, "..");
	r = r ? r : text_append(buf, PATH_SIZE, &len, base);
	r = r ? r : text_append(buf, PATH_SIZE, &len, "/");
	return r ? r : text_append(buf, PATH_SIZE, &len, chain);
}

int object_open_cgroup(const struct hierarchy *h, const struct object *o)
{
	char path[PATH_SIZE];
	int fd, r = object_cgroup_path(h, &o->spec, path);

	if (r < 0)
		return r;
	fd = openat(h->cgroup, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int object_open_tasks(const struct hierarchy *h, const struct object *o)
{
	autoclose int cgroup = object_open_cgroup(h, o);
	int leaf;

	if (cgroup < 0 || !o->spec.leaf)
		return take_fd(&cgroup);
	leaf = openat(cgroup, OBJECT_LEAF, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return leaf < 0 ? -errno : leaf;
}

static bool is_id(const char *name)
{
	uint64_t id;

	return text_parse_id(name, &id) > 0 && strlen(name) == ID_TEXT_SIZE - 1;
}

/* In its own cgroup, the leaf, or where its tasks have put themselves, as service managers do. */
ssize_t object_tasks(const struct hierarchy *h, const struct object *o, pid_t *pids, size_t n)
{
	autoclose int cgroup = object_open_cgroup(h, o);

	return cgroup < 0 ? cgroup : cgroup_pids_but(cgroup, is_id, pids, n);
}
