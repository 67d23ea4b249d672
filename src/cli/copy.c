/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the fds given on all goes by fds and single names that are not followed, so it leads nowhere
 * that is not below them, whatever the container does to names meanwhile. Nothing but a regular file is
 * ever opened for reading, and that by the fd that was looked at: a device or a fifo put in its place is
 * not. What is written is new, and gets the name at the end: what was put at that name is neither
 * written to nor followed.
 */
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "cleanup.h"
#include "cli.h"
#include "interrupt.h"

#define BUF_SIZE 131072
#define XATTR_LIST_SIZE 65536 /* as the kernel limits lists and values */
#define DEPTH_MAX 4000	      /* each takes some of the stack */
#define PROC_FD_SIZE 40

int copy_init(struct copy *c, const struct ids *to, const struct there *there, bool several)
{
	*c = (struct copy){.to = to, .there = there, .several = several, .buf = malloc(BUF_SIZE)};
	if (c->buf)
		return 0;
	cli_message(NULL, "cp: %s", strerror(ENOMEM));
	return -1;
}

void copy_free(struct copy *c)
{
	made_free(&c->made);
	free(c->buf);
	c->buf = NULL;
}

static int fail(struct copy *c, const char *step)
{
	cli_message(NULL, "cp: %s: %s: %s", c->path, step, strerror(errno));
	c->status = EXIT_FAILED;
	return -1;
}

static int refuse(struct copy *c, int code, const char *step)
{
	errno = code;
	return fail(c, step);
}

static void proc_fd(int fd, char path[PROC_FD_SIZE])
{
	snprintf(path, PROC_FD_SIZE, "/proc/self/fd/%d", fd);
}

/* What it is given besides its data */

/* false: nobody there has such a number. (uint32_t)-1 leaves the owner as it is. */
static bool translate(const struct copy *c, int which, uint32_t id, uint32_t *ret_id)
{
	uint32_t number;
	bool known = ids_inside(c->from, which, id, &number);

	if (known && ids_outside(c->to, which, number, ret_id))
		return true;
	if (!ids_outside(c->to, which, IDS_NOBODY, ret_id))
		*ret_id = (uint32_t)-1;
	return false;
}

/* The owner, and the mode to give then: set-id bits are not given to somebody else. */
static int set_owner(struct copy *c, int fd, const struct stat *st, mode_t *ret_mode)
{
	uint32_t uid, gid;
	bool known = translate(c, CONTAINER_UID_MAP, st->st_uid, &uid);

	known &= translate(c, CONTAINER_GID_MAP, st->st_gid, &gid);
	*ret_mode = st->st_mode & 07777;
	c->owners_lost |= !known;
	/* Of a directory they give nobody rights. */
	if (c->no_set_id && !S_ISDIR(st->st_mode) && *ret_mode & (S_ISUID | S_ISGID))
		c->set_id_lost = true;
	if (!known || (c->no_set_id && !S_ISDIR(st->st_mode)))
		*ret_mode &= ~(mode_t)(S_ISUID | S_ISGID);
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
}

static int set_times(int fd, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	return utimensat(fd, "", times, AT_EMPTY_PATH);
}

/*
 * Those that are of the layers of an overlay, or have ids in them that are others here; and of those that the
 * kernel or a security module goes by, which root of a user namespace may have made up, all but capabilities.
 */
static bool skips_attribute(const struct copy *c, const char *name)
{
	bool same_ids = !c->from->range[0] && !c->to->range[0];

	return strncmp(name, "trusted.overlay.", 16) == 0 ||
	       (strncmp(name, "security.", 9) == 0 && strcmp(name, "security.capability") != 0) ||
	       (!same_ids && strncmp(name, "system.posix_acl_", 17) == 0);
}

/* As far as they can be had and set. */
static void copy_attributes(struct copy *c, int in, int out)
{
	char *value = c->buf + XATTR_LIST_SIZE;
	ssize_t len = flistxattr(in, c->buf, XATTR_LIST_SIZE);

	for (char *name = c->buf; len > 0 && name < c->buf + len; name += strlen(name) + 1) {
		bool is_lost = c->no_set_id && strcmp(name, "security.capability") == 0;
		ssize_t n = is_lost || skips_attribute(c, name)
				    ? -1
				    : fgetxattr(in, name, value, BUF_SIZE - XATTR_LIST_SIZE);

		c->set_id_lost |= is_lost;
		if (n >= 0)
			fsetxattr(out, name, value, (size_t)n, 0);
	}
}

/* The last steps: capabilities and set-id bits are lost with a new owner, times with anything. */
static int finish(struct copy *c, int in, int out, const struct stat *st)
{
	mode_t mode;

	if (set_owner(c, out, st, &mode) < 0)
		return fail(c, "set owner");
	if (fchmod(out, mode) < 0)
		return fail(c, "set mode");
	copy_attributes(c, in, out);
	return set_times(out, st) < 0 ? fail(c, "set times") : 0;
}

/* New names */

static void temporary_name(struct copy *c, char name[COPY_NAME_MAX])
{
	snprintf(name, COPY_NAME_MAX, ".container-cp.%d.%u", (int)getpid(), c->temporary++);
}

/* Whether to try another one. */
static bool is_taken(int r)
{
	return r < 0 && errno == EEXIST && !interrupt_pending();
}

/* An empty file. */
static int create_temporary(struct copy *c, int dir, char name[COPY_NAME_MAX])
{
	int fd;

	do {
		temporary_name(c, name);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (is_taken(fd));
	return fd;
}

static int give_name(struct copy *c, int dir, const char *temporary, const char *name)
{
	struct stat st;
	bool known = c->several && fstatat(dir, temporary, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (there_rename(c->there, dir, temporary, name) == 0) {
		if (known)
			made_add(&c->made, &st);
		return 0;
	}
	fail(c, errno == EISDIR	 ? "there is a directory of this name"
		: errno == EBUSY ? "something is mounted there"
				 : "rename");
	unlinkat(dir, temporary, 0);
	return -1;
}

/* Regular files */

static int write_all(int fd, const char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

/* Told by the signal that this program ends by. */
static int interrupted(struct copy *c)
{
	c->status = EXIT_FAILED;
	return -1;
}

/* What is between two offsets; the file may end earlier: 0 then, else 1. */
static int copy_range(struct copy *c, int in, int out, off_t at, off_t end)
{
	while (at < end) {
		size_t room = end - at < BUF_SIZE ? (size_t)(end - at) : BUF_SIZE;
		ssize_t n = pread(in, c->buf, room, at);

		if (n < 0)
			return fail(c, "read");
		if (n == 0)
			return 0;
		if (write_all(out, c->buf, (size_t)n, at) < 0)
			return fail(c, "write");
		if (interrupt_pending())
			return interrupted(c);
		at += n;
	}
	return 1;
}

#define OFFSET_MAX ((off_t)INT64_MAX)

/* Holes stay holes. A file that cannot tell where it has some, one of /proc for example, is read on. */
static int copy_data(struct copy *c, int in, int out)
{
	off_t hole = 0, size;

	for (;;) {
		off_t data = lseek(in, hole, SEEK_DATA);
		off_t end = data < 0 ? data : lseek(in, data, SEEK_HOLE);
		int more;

		if (data < 0 && errno == ENXIO)
			break;
		/* A file system of the container's may answer anything, and so for ever. */
		if (end < 0 || data < hole || end <= data)
			return copy_range(c, in, out, data < hole ? hole : data, OFFSET_MAX);
		more = interrupt_pending() ? interrupted(c) : copy_range(c, in, out, data, end);
		if (more <= 0)
			return more;
		hole = end;
	}
	/* A hole at the end. */
	size = lseek(in, 0, SEEK_END);
	if (size < 0)
		return fail(c, "read");
	return size > hole && ftruncate(out, size) < 0 ? fail(c, "write") : 0;
}

/*
 * Files with several names. Those that cannot be remembered, or linked where they go, become several
 * files.
 */
static bool link_again(struct copy *c, const struct stat *st, int to_dir, const char *name)
{
	struct made_link *link = st->st_nlink < 2 ? NULL : made_find_link(&c->made, st);
	char temporary[COPY_NAME_MAX];
	int r;

	if (!link)
		return false;
	do {
		temporary_name(c, temporary);
		r = linkat(link->fd, "", to_dir, temporary, AT_EMPTY_PATH);
	} while (is_taken(r));
	if (r < 0)
		return false;
	give_name(c, to_dir, temporary, name);
	/* It does nothing if that is the same file already. */
	unlinkat(to_dir, temporary, 0);
	made_use_link(&c->made, link);
	return true;
}

static void copy_file(struct copy *c, int src, const struct stat *st, int to_dir, const char *name)
{
	char path[PROC_FD_SIZE], temporary[COPY_NAME_MAX];
	autoclose int out = -EBADF;
	autoclose int in = -EBADF;

	if (link_again(c, st, to_dir, name))
		return;
	proc_fd(src, path);
	in = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (in < 0) {
		fail(c, "open");
		return;
	}
	out = create_temporary(c, to_dir, temporary);
	if (out < 0)
		fail(c, "create");
	else if (copy_data(c, in, out) < 0 || finish(c, in, out, st) < 0)
		unlinkat(to_dir, temporary, 0);
	else if (give_name(c, to_dir, temporary, name) == 0)
		made_add_link(&c->made, st, &out);
}

/* Links and nodes */

/* What was made a moment ago, if it is still there. */
static int open_made(int dir, const char *name, const struct stat *st)
{
	autoclose int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat made;

	if (fd < 0 || fstat(fd, &made) < 0)
		return -1;
	if ((made.st_mode & S_IFMT) == (st->st_mode & S_IFMT) && made.st_nlink == 1 &&
	    (S_ISLNK(st->st_mode) || made.st_rdev == st->st_rdev))
		return take_fd(&fd);
	errno = EAGAIN;
	return -1;
}

static int make(struct copy *c, int src, const struct stat *st, int to_dir, const char *name)
{
	ssize_t n;

	if (!S_ISLNK(st->st_mode))
		return mknodat(to_dir, name, st->st_mode & S_IFMT, st->st_rdev);
	n = readlinkat(src, "", c->buf, BUF_SIZE - 1);
	if (n < 0)
		return -1;
	c->buf[n] = '\0';
	return symlinkat(c->buf, to_dir, name);
}

static int finish_special(struct copy *c, int fd, const struct stat *st)
{
	char path[PROC_FD_SIZE];
	mode_t mode;

	proc_fd(fd, path);
	if (set_owner(c, fd, st, &mode) < 0)
		return fail(c, "set owner");
	if (!S_ISLNK(st->st_mode) && chmod(path, mode) < 0)
		return fail(c, "set mode");
	return set_times(fd, st) < 0 ? fail(c, "set times") : 0;
}

static void copy_special(struct copy *c, int src, const struct stat *st, int to_dir,
			 const char *name)
{
	char temporary[COPY_NAME_MAX];
	autoclose int fd = -EBADF;
	int r;

	if (c->no_devices && (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))) {
		refuse(c, EPERM, "a device, which is copied with --special only");
		return;
	}
	do {
		temporary_name(c, temporary);
		r = make(c, src, st, to_dir, temporary);
	} while (is_taken(r));
	if (r < 0) {
		fail(c, "create");
		return;
	}
	fd = open_made(to_dir, temporary, st);
	if (fd < 0)
		fail(c, "create");
	if (fd < 0 || finish_special(c, fd, st) < 0)
		unlinkat(to_dir, temporary, 0);
	else
		give_name(c, to_dir, temporary, name);
}

/* Directories */

static void copy_any(struct copy *c, int *src, int to_dir, const char *name);

static void copy_entry(struct copy *c, int from, const char *entry, int to)
{
	autoclose int src = openat(from, entry, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	size_t len = strlen(c->path);

	if (src < 0 && errno == ENOENT)
		return; /* gone meanwhile */
	/* A path that is too long for the message is cut off there. */
	snprintf(c->path + len, sizeof(c->path) - len, "%s%s",
		 len && c->path[len - 1] == '/' ? "" : "/", entry);
	if (src < 0)
		fail(c, "open");
	else
		copy_any(c, &src, to, entry);
	c->path[len] = '\0';
}

static int copy_entries(struct copy *c, DIR *from, int to)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(from))) {
		if (interrupt_pending())
			return interrupted(c);
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, c->mark) != 0)
			copy_entry(c, dirfd(from), entry->d_name, to);
	}
	return errno ? fail(c, "read directory") : 0;
}

static bool is_empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return entries;
}

/*
 * The directory that was just made, or -1: a container may put another in its place, by a rename or a mount,
 * that would be given to its tasks then.
 */
static int open_new_directory(int to_dir, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_NO_XDEV};
	autoclose int fd = (int)syscall(SYS_openat2, to_dir, name, &how, sizeof(how));
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 0077) ||
	    !is_empty(fd))
		return -1;
	return take_fd(&fd);
}

/* The directory to copy into, as it is there or new, and for nobody else until it is filled. */
static int open_directory(struct copy *c, int to_dir, const char *name, bool *ret_made)
{
	int fd = -1;

	*ret_made = false;
	if (strcmp(name, ".") != 0) {
		if (mkdirat(to_dir, name, 0700) == 0)
			fd = open_new_directory(to_dir, name);
		else if (errno != EEXIST)
			return fail(c, "make directory");
	}
	*ret_made = fd >= 0;
	if (fd < 0)
		fd = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(c, errno == ENOTDIR || errno == ELOOP
				       ? "there is something else than a directory of this name"
				       : "open directory");
	return fd;
}

/*
 * The directory that all goes into may be among what is copied, and without end then. Its numbers may be
 * others there, since a container's view of it is another file system: so it has a file in it meanwhile.
 * That may be taken away by the container: so the numbers.
 */
static bool is_top(const struct copy *c, int dir, const struct stat *st)
{
	return (st->st_dev == c->top_dev && st->st_ino == c->top_ino) ||
	       faccessat(dir, c->mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Where to; -1: told. */
static int open_target(struct copy *c, int in, const struct stat *st, int to_dir, const char *name,
		       bool *ret_made)
{
	autoclose int to = -EBADF;
	struct stat target;

	if (c->depth > DEPTH_MAX)
		return refuse(c, ENAMETOOLONG, "directories are nested too deep");
	if (c->depth > 0 && is_top(c, in, st))
		return refuse(c, EINVAL, "cannot be copied into itself");
	to = open_directory(c, to_dir, name, ret_made);
	if (to < 0)
		return -1;
	if (fstat(to, &target) < 0)
		return fail(c, "stat");
	if (target.st_dev == st->st_dev && target.st_ino == st->st_ino)
		return refuse(c, EINVAL, "it is the same directory");
	if (c->depth == 0) {
		c->top_dev = target.st_dev;
		c->top_ino = target.st_ino;
	}
	return take_fd(&to);
}

static int make_mark(struct copy *c, int to)
{
	autoclose int fd = create_temporary(c, to, c->mark);

	return fd < 0 ? fail(c, "create") : 0;
}

static void fill_directory(struct copy *c, DIR *from, int to)
{
	bool is_top = c->depth == 0;

	if (is_top && make_mark(c, to) < 0)
		return;
	c->depth++;
	copy_entries(c, from, to);
	c->depth--;
	if (is_top)
		unlinkat(to, c->mark, 0);
}

/* Two fds are kept open for each level: no more, or deep trees are not copied. */
static void copy_directory(struct copy *c, int *src, const struct stat *st, int to_dir,
			   const char *name)
{
	autoclose int in = openat(*src, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int to = -EBADF;
	autodir DIR *from = NULL;
	bool made;

	close_fd(src);
	if (in >= 0)
		to = open_target(c, in, st, to_dir, name, &made);
	if (in >= 0 && to < 0)
		return;
	from = in < 0 ? NULL : fdopendir(in);
	if (!from) {
		fail(c, "open directory");
		return;
	}
	take_fd(&in);
	fill_directory(c, from, to);
	if (made)
		finish(c, dirfd(from), to, st);
}

/*
 * What is there is not lost by a mistake: it is not replaced by itself, nor if it is what another
 * operand has become. That somebody may change it meanwhile does not matter.
 */
static bool may_replace(struct copy *c, const struct stat *st, int to_dir, const char *name)
{
	struct stat old;
	const char *why;

	if (fstatat(to_dir, name, &old, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	if (old.st_dev == st->st_dev && old.st_ino == st->st_ino)
		why = "it is the same file";
	else if (made_has(&c->made, &old))
		why = "will not overwrite what was just created from another SOURCE";
	else
		return true;
	cli_message(NULL, "cp: %s: %s: %s", c->path, name, why);
	c->status = EXIT_FAILED;
	return false;
}

/* A directory's src is closed. */
static void copy_any(struct copy *c, int *src, int to_dir, const char *name)
{
	struct stat st;

	if (fstat(*src, &st) < 0)
		fail(c, "stat");
	else if (S_ISDIR(st.st_mode))
		copy_directory(c, src, &st, to_dir, name);
	else if (!may_replace(c, &st, to_dir, name))
		return;
	else if (S_ISREG(st.st_mode))
		copy_file(c, *src, &st, to_dir, name);
	else
		copy_special(c, *src, &st, to_dir, name);
}

void copy_tree(struct copy *c, int *src, const char *path, int to_dir, const char *to_name)
{
	snprintf(c->path, sizeof(c->path), "%s", path);
	c->depth = 0;
	copy_any(c, src, to_dir, to_name);
}
