/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

void inside_entry_close(struct inside_entry *entry)
{
	close_fd(&entry->parent);
}

/*
 * Cuts buf in two: "a/b/c/" is "a/b" and "c/". One slash is kept: it makes the kernel ask for a
 * directory. "." and ".." are names like others, since no call that takes an entry acts on them.
 */
static const char *split(char *buf, char **ret_name)
{
	size_t len = strlen(buf);
	char *name;

	while (len > 1 && buf[len - 1] == '/' && buf[len - 2] == '/')
		buf[--len] = '\0';
	if (strcmp(buf, "/") == 0) {
		buf[0] = '.';
		*ret_name = buf;
		return "/";
	}
	name = buf + len - 1;
	while (name > buf && name[-1] != '/')
		name--;
	*ret_name = name;
	if (name == buf)
		return ".";
	while (name > buf && name[-1] == '/')
		name--;
	*name = '\0';
	return name == buf ? "/" : buf;
}

int inside_find(int root, const char *path, struct inside_entry *ret_entry)
{
	size_t len = strlen(path);
	const char *parent;
	char *name;

	ret_entry->parent = -EBADF;
	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(ret_entry->buf))
		return -ENAMETOOLONG;
	memcpy(ret_entry->buf, path, len + 1);
	parent = split(ret_entry->buf, &name);
	ret_entry->name = name;
	ret_entry->parent = kernel_open_in_root(root, parent, O_PATH | O_DIRECTORY, 0);
	return ret_entry->parent < 0 ? ret_entry->parent : 0;
}

int inside_open(int root, const char *path, int flags, mode_t mode)
{
	return kernel_open_in_root(root, path, flags, mode);
}

int inside_mkdir(int root, const char *path, mode_t mode)
{
	autoinside struct inside_entry e;
	int r = inside_find(root, path, &e);

	return r ? r : result(mkdirat(e.parent, e.name, mode));
}

int inside_mknod(int root, const char *path, mode_t mode, dev_t dev)
{
	autoinside struct inside_entry e;
	int r = inside_find(root, path, &e);

	return r ? r : result(mknodat(e.parent, e.name, mode, dev));
}

int inside_symlink(const char *target, int root, const char *path)
{
	autoinside struct inside_entry e;
	int r = inside_find(root, path, &e);

	return r ? r : result(symlinkat(target, e.parent, e.name));
}

int inside_unlink(int root, const char *path, int flags)
{
	autoinside struct inside_entry e;
	int r = inside_find(root, path, &e);

	return r ? r : result(unlinkat(e.parent, e.name, flags));
}

int inside_rename(int root, const char *from, const char *to, unsigned int flags)
{
	autoinside struct inside_entry a;
	autoinside struct inside_entry b = {.parent = -EBADF};
	int r = inside_find(root, from, &a);

	r = r ? r : inside_find(root, to, &b);
	return r ? r : result(syscall(SYS_renameat2, a.parent, a.name, b.parent, b.name, flags));
}

int inside_stat(int root, const char *path, struct stat *ret_st, int flags)
{
	bool nofollow = flags & AT_SYMLINK_NOFOLLOW;
	autoclose int fd = -EBADF;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -EINVAL;
	fd = kernel_open_in_root(root, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0);
	return fd < 0 ? fd : result(fstat(fd, ret_st));
}

ssize_t inside_readlink(int root, const char *path, char *buf, size_t size)
{
	autoclose int fd = kernel_open_in_root(root, path, O_PATH | O_NOFOLLOW, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", buf, size);
	/* What the kernel says of an fd that is not a link's. */
	if (n < 0 && errno == ENOENT)
		return -EINVAL;
	return n < 0 ? -errno : n;
}
