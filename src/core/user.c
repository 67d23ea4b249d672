/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the container are read with its root's rights, and may be anything: what is no regular file is as
 * good as none, and the whole of one that is too large is an error, since who belongs to a group may be said at
 * its end.
 */
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "text.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define FILE_MOST (64UL << 20) /* bytes */

/*
 * -ENOENT: it is not there, or no regular file: what it is, is asked before it is opened, which may do something to
 * a device and wait for a fifo; and once more then. A link may not lead through /proc to another process's files.
 */
static int open_file(const char *path)
{
	autoclose int look = kernel_openat2(AT_FDCWD, path, O_PATH, LOOKUP_USUAL);
	autoclose int fd = -EBADF;
	struct stat st;

	if (look < 0 || fstat(look, &st) < 0 || !S_ISREG(st.st_mode))
		return look == -EACCES ? look : -ENOENT;
	fd = kernel_openat2(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, LOOKUP_USUAL);
	if (fd < 0)
		return fd;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? take_fd(&fd) : -ENOENT;
}

struct source {
	const char *path;
	int fd; /* -EBADF: there is no such file */
	size_t at, end, total;
	bool ended;
	char buf[16384];
};

static int source_open(struct source *s, const char *path)
{
	s->path = path;
	s->at = s->end = s->total = 0;
	s->fd = open_file(path);
	s->ended = s->fd < 0;
	return s->fd < 0 && s->fd != -ENOENT ? error_set(s->fd, "open file of the container", path)
					     : 0;
}

/* 0: that was all of it, with a newline in any case. */
static ssize_t source_fill(struct source *s)
{
	ssize_t n = read(s->fd, s->buf, sizeof(s->buf));

	if (n < 0)
		return error_set(-errno, "read file of the container", s->path);
	s->at = 0;
	s->end = (size_t)n;
	s->total += (size_t)n;
	if (s->total > FILE_MOST)
		return error_set(-EFBIG, "read file of the container", s->path);
	if (n == 0) {
		s->ended = true;
		s->buf[0] = '\n';
		s->end = 1;
	}
	return 0;
}

/* 1: found; 0: not in it. */
static int source_find(struct source *s, struct account_reader *reader)
{
	bool found = false;

	while (!found && (s->at < s->end || !s->ended)) {
		ssize_t r = s->at < s->end ? 0 : source_fill(s);

		if (r < 0)
			return (int)r;
		s->at += account_read(reader, s->buf + s->at, s->end - s->at, &found);
	}
	return found;
}

/* name: the user's, for the groups; "" if there is no entry. */
static int find_user(const struct account_wish *wish, uid_t *ret_uid, gid_t *ret_gid,
		     char name[ACCOUNT_NAME_SIZE])
{
	struct account_reader reader;
	struct source source;
	int r = source_open(&source, PASSWD);

	account_passwd_begin(&reader, wish);
	r = r < 0 ? r : source_find(&source, &reader);
	close_fd(&source.fd);
	if (r < 0)
		return r;
	if (r == 0 && !wish->has_uid)
		return error_set(-EINVAL, "no such user in the container", wish->user);
	/* As chroot(1): a number without an entry needs its group, or it would get root's. */
	if (r == 0)
		return error_set(-EINVAL, "user has no entry and no group; say USER:GROUP",
				 wish->user);
	if (reader.name_len >= ACCOUNT_NAME_SIZE)
		return error_set(-ENAMETOOLONG, "name of the user in the container", reader.name);
	*ret_uid = reader.uid;
	*ret_gid = reader.gid;
	memcpy(name, reader.name, ACCOUNT_NAME_SIZE);
	return 0;
}

static int find_group(const char *name, gid_t *ret_gid)
{
	struct account_reader reader;
	struct source source;
	int r = source_open(&source, GROUP);

	account_group_begin(&reader, name, NULL);
	r = r < 0 ? r : source_find(&source, &reader);
	close_fd(&source.fd);
	if (r > 0)
		*ret_gid = reader.gid;
	return r == 0 ? error_set(-EINVAL, "no such group in the container", name) : r < 0 ? r : 0;
}

static int find_groups_of(const char *user, struct account_groups *groups)
{
	struct account_reader reader;
	struct source source;
	int r = source_open(&source, GROUP);

	account_group_begin(&reader, NULL, user);
	while (r == 0 && (r = source_find(&source, &reader)) > 0)
		if ((r = account_groups_add(groups, reader.gid)) < 0)
			error_set(r, "user of more groups than the kernel takes", user);
	close_fd(&source.fd);
	return r;
}

/* A step that the kernel refused with r; EINVAL is of a number that the id map lacks. */
static int refused(int r, const char *what, unsigned int id)
{
	char text[32];

	if (r != -EINVAL)
		return error_set(r, "become user", NULL);
	text_format_u64(id, text);
	return error_set(r, what, text);
}

/* Which of them the id map lacks is not told: they are tried one by one. */
static int refused_groups(int r, const struct account_groups *groups)
{
	for (size_t i = 0; r == -EINVAL && i < groups->count; i++)
		if (syscall(SYS_setgroups, 1, &groups->list[i]) < 0)
			return refused(r, "the container's gid_map lacks the supplementary group",
				       groups->list[i]);
	return error_set(r, "set supplementary groups", NULL);
}

/* The raw calls: those of a libc would change all threads of the parent whose memory this is. */
int user_become(const struct account_wish *wish, gid_t *list)
{
	struct account_groups groups = {.list = list};
	uid_t uid = wish->uid;
	gid_t gid = wish->gid;
	char name[ACCOUNT_NAME_SIZE];
	int r = 0;

	if (!wish->has_uid || !wish->has_group)
		r = find_user(wish, &uid, &gid, name);
	if (r == 0 && wish->has_gid)
		gid = wish->gid;
	else if (r == 0 && wish->has_group)
		r = find_group(wish->group, &gid);
	else if (r == 0)
		r = find_groups_of(name, &groups);
	if (r < 0)
		return r;
	if (syscall(SYS_setgroups, groups.count, groups.list) < 0)
		return refused_groups(-errno, &groups);
	if (syscall(SYS_setresgid, gid, gid, gid) < 0)
		return refused(-errno, "the container's gid_map lacks the group", gid);
	if (syscall(SYS_setresuid, uid, uid, uid) < 0)
		return refused(-errno, "the container's uid_map lacks the user", uid);
	return 0;
}
