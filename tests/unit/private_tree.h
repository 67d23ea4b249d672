/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hierarchy of its own for a test program: CONTAINERFS_STATE in a new directory, taken down at the
 * end, with a look at what could be left of it: the directory, mounts, the cgroup, fds, children.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <containerfs/container.h>

#include "cmock.h"

struct private_tree {
	bool usable;
	char dir[64];	   /* ours; the state directory is "state" in it */
	char cgroup[4096]; /* path of the hierarchy's cgroup, "" until it is made */
	int fds;	   /* how many were open at the beginning */
	bool left;	   /* something was left behind */
};
static struct private_tree private_tree;

/* Whether a file has a line with this text in it. */
static inline bool file_has(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (f && !found && getline(&line, &room, f) > 0)
		found = strstr(line, text);
	free(line);
	if (f)
		fclose(f);
	return found;
}

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline void tell_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char link[256] = "";

		if (readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1) > 0)
			print_error("#   fd %s: %s\n", entry->d_name, link);
	}
	if (dir)
		closedir(dir);
}

/* Children of any kind, zombies among them. */
static inline bool has_children(void)
{
	return waitpid(-1, NULL, WNOHANG | __WALL) >= 0 || errno != ECHILD;
}

#define need_private_tree()                                                                        \
	do {                                                                                       \
		if (!private_tree.usable)                                                          \
			skip();                                                                    \
	} while (0)

static inline bool private_tree_possible(void)
{
	return geteuid() == 0 && file_has("/proc/self/mountinfo", " - cgroup2 ");
}

static inline int private_tree_begin(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[80];

	(void)state;
	private_tree.usable = private_tree_possible();
	if (!private_tree.usable)
		return 0;
	snprintf(private_tree.dir, sizeof(private_tree.dir), "%s/containerfs-unit.XXXXXX",
		 tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(private_tree.dir))
		return -1;
	snprintf(path, sizeof(path), "%s/state", private_tree.dir);
	setenv("CONTAINERFS_STATE", path, 1);
	private_tree.fds = count_fds();
	return 0;
}

static inline void private_tree_note_cgroup(void)
{
	char path[96];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/state/cgroup", private_tree.dir);
	n = readlink(path, private_tree.cgroup, sizeof(private_tree.cgroup) - 1);
	private_tree.cgroup[n < 0 ? 0 : n] = '\0';
}

/* The first name at the top, for taking all of them away one after the other. */
static inline int first_path(const struct container_info *info, void *arg)
{
	snprintf(arg, 4096, "%s", info->path);
	return 1;
}

/* What a failed test left: its containers and their tasks. */
static inline void private_tree_clear(void)
{
	int root = container_open("/");
	char path[4096];

	while (root >= 0 && container_walk(root, 0, first_path, path) == 1) {
		int c = container_open(path);
		int r = c < 0 ? -1
			      : container_remove(c, CONTAINER_REMOVE_KILL |
							    CONTAINER_REMOVE_RECURSIVE);

		if (c >= 0)
			close(c);
		if (r < 0 && errno != ENOENT)
			break;
	}
	if (root >= 0)
		close(root);
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

#define nothing_left(what, is_left)                                                                \
	do {                                                                                       \
		if (is_left) {                                                                     \
			print_error("# left behind: %s\n", what);                                  \
			left = -1;                                                                 \
		}                                                                                  \
	} while (0)

static inline int private_tree_end(void **state)
{
	int root, left = 0;

	(void)state;
	if (!private_tree.usable)
		return 0;
	private_tree_note_cgroup();
	private_tree_clear();
	root = container_open("/");
	if (root >= 0) {
		nothing_left("the hierarchy", container_remove(root, 0) < 0);
		close(root);
	}
	nothing_left("the state directory", rmdir(private_tree.dir) < 0);
	nothing_left("a mount", file_has("/proc/self/mountinfo", private_tree.dir));
	nothing_left("the cgroup",
		     private_tree.cgroup[0] && access(private_tree.cgroup, F_OK) == 0);
	nothing_left("file descriptors", count_fds() != private_tree.fds);
	nothing_left("a child process", has_children());
	private_tree.left = left < 0;
	return left;
}

/*
 * Run them all. Where they cannot run they are skipped, one by one and visibly: cmocka 1.1.5 says so
 * in its own words, but in TAP it would say "not ok". TESTS_REQUIRED=1 makes failures of skips. To
 * cmocka a teardown that fails is no failure; to us it is.
 */
#define private_tree_run(tests)                                                                    \
	(private_tree_possible() ? private_tree_result(cmocka_run_group_tests(                     \
					   tests, private_tree_begin, private_tree_end))           \
				 : private_tree_skip(tests, sizeof(tests) / sizeof((tests)[0])))

static inline int private_tree_result(int failed)
{
	return failed || private_tree.left;
}

static inline int private_tree_skip(const struct CMUnitTest *tests, size_t n)
{
	const char *required = getenv("TESTS_REQUIRED");
	bool bad = required && required[0];

	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++)
		printf("%s %zu - %s%s needs root and cgroup v2\n", bad ? "not ok" : "ok", i + 1,
		       tests[i].name, bad ? ":" : " # SKIP");
	return bad;
}
