/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liar MOUNTPOINT: a file system with one file, "f", of 8 bytes. Wherever data or a hole is looked for in
 * it, the answer is its beginning, and so for ever.
 */
#define FUSE_USE_VERSION 35

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <fuse.h>

static const char text[] = "the file";

static int liar_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	if (strcmp(path, "/") == 0)
		*st = (struct stat){.st_mode = S_IFDIR | 0755, .st_nlink = 2};
	else if (strcmp(path, "/f") == 0)
		*st = (struct stat){
			.st_mode = S_IFREG | 0644, .st_nlink = 1, .st_size = sizeof(text) - 1};
	else
		return -ENOENT;
	return 0;
}

static int liar_read(const char *path, char *buf, size_t size, off_t at, struct fuse_file_info *fi)
{
	size_t len = sizeof(text) - 1;

	(void)path;
	(void)fi;
	if ((size_t)at >= len)
		return 0;
	if (size > len - (size_t)at)
		size = len - (size_t)at;
	memcpy(buf, text + at, size);
	return (int)size;
}

static off_t liar_lseek(const char *path, off_t at, int whence, struct fuse_file_info *fi)
{
	(void)path;
	(void)at;
	(void)whence;
	(void)fi;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.getattr = liar_getattr,
		.read = liar_read,
		.lseek = liar_lseek,
	};

	return fuse_main(argc, argv, &operations, NULL);
}
