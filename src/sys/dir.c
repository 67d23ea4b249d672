/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"

int dir_open(int at, const char *path, DIR **ret_dir)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		int r = -errno;

		close_fd(&fd);
		return r;
	}
	*ret_dir = dir;
	return 0;
}

struct dirent *dir_next_entry(DIR *dir, int *r)
{
	while (*r == 0) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(dir);
		if (entry && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return entry;
		/* A directory that was removed ends so. */
		if (!entry && (errno == 0 || errno == ENOENT))
			return NULL;
		if (!entry)
			*r = -errno;
	}
	return NULL;
}

const char *dir_next_subdir(DIR *dir, int *r)
{
	struct dirent *entry;

	while ((entry = dir_next_entry(dir, r)))
		if (entry->d_type == DT_DIR)
			return entry->d_name;
	return NULL;
}
