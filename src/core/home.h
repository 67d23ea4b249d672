/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The home of a hierarchy: the mount namespace in which its cradle is mounted on STATE/cradle. Whoever sees
 * that mount needs nothing of this. From another mount namespace that shows the same state directory the home
 * is looked for: by the record STATE/home, "NUMBER INODE", among the mount namespaces there are.
 *
 * The path of the state directory is the caller's. What it leads to in another mount namespace counts only
 * if that is the very directory that the caller sees.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A place in another mount namespace; both fds are -EBADF where that is the caller's own. */
struct home {
	int ns;	 /* nsfs fd: agents that mount and unmount join it */
	int dir; /* the state directory as it is seen there, with what is mounted on it */
};

void home_close(struct home *home);

/*
 * 1: found, with a cradle. 0: there is none any more, because nobody has mounted it yet, somebody has
 * unmounted it, or the namespace is gone. -EXDEV, and told: there may be one, but it cannot be reached.
 */
int home_find(int state_dir, const char *path, struct home *ret_home);

/*
 * For a hierarchy of the whole machine: process 1's mount namespace, if it is not the caller's, may be entered
 * and shows the same state directory. Else ret_home stays as it is.
 */
void home_of_machine(int state_dir, const char *path, struct home *ret_home);

/* The record; home as home_of_machine() leaves it. */
int home_record(int state_dir, const struct home *home);
int home_check_record(const char *text); /* -EUCLEAN */

/* Whether the process is in the mount namespace that is recorded. */
bool home_is_of(int state_dir, pid_t pid);

/* The state directory once more: it may have become a mount of itself. */
int home_reopen(const char *path, struct home *home);
