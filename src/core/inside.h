/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls on paths inside a root directory that somebody else is free to change while they run: "/" is
 * the root, also at the beginning of a symbolic link, ".." does not leave it, and magic links are not
 * followed. What is meant is found by openat2(2); where the kernel has no such call for what is to be
 * done, that finds the parent directory, and the last component, which is never followed, is its entry.
 */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

int inside_open(int root, const char *path, int flags, mode_t mode);
int inside_mkdir(int root, const char *path, mode_t mode);
int inside_mknod(int root, const char *path, mode_t mode, dev_t dev);
int inside_symlink(const char *target, int root, const char *path);
int inside_unlink(int root, const char *path, int flags); /* AT_REMOVEDIR */
int inside_rename(int root, const char *from, const char *to, unsigned int flags); /* RENAME_* */
int inside_stat(int root, const char *path, struct stat *ret_st, int flags);
ssize_t inside_readlink(int root, const char *path, char *buf, size_t size);

/* The parent directory of path, O_PATH, and the last component. */
struct inside_entry {
	int parent;
	const char *name; /* in buf; with a slash behind if path had one, "." for the root itself */
	char buf[4096];
};
int inside_find(int root, const char *path, struct inside_entry *ret_entry);
void inside_entry_close(struct inside_entry *entry);
#define autoinside __attribute__((cleanup(inside_entry_close)))
