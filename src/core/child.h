/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that runs between clone and exec, or between clone and the pinning of new namespaces. The plan
 * is complete before the clone; the child allocates nothing, takes no lock, uses no stdio, and with
 * CLONE_VM works in the memory of its suspended parent.
 */
#pragma once

#include "account.h"
#include "join.h"
#include "launch.h"
#include "root.h"

/* How far the child came: in shared memory, read after the clone call returned. */
struct child_result {
	bool started;  /* it ran at all */
	bool at_exec;  /* all is set up, and execve(2) comes next */
	bool launched; /* by the launcher, which tells how it went on */
	pid_t second;  /* the task, if it is a second child */
	int code;      /* 0, or the negative errno of what failed before the program ran */
	struct container_error error;
};

struct child_plan {
	int join_cgroup; /* fd of a cgroup that the clone could not put it into; -EBADF: none */

	/* namespaces */
	const struct join_plan *join;
	unsigned int make; /* CLONE_NEW* to make here; what clone flags have made is not in it */
	int base_mount;	   /* nsfs fd of the parent's mount namespace; -EBADF: the caller's */
	int cradle;
	bool renew_proc; /* first of a pid namespace: a joined mount namespace gets a new /proc */
	bool has_second; /* the task is a child that is made once the user namespace is joined */
	const char *hostname; /* for a new uts namespace, or NULL */
	const struct root_plan *root;
	bool is_nobody
		[2];	 /* the caller's user or group in the user namespace: a task becomes root */
	bool user_owned; /* join has a user namespace that shall own a new mount namespace */

	int lock; /* the container's is let go once the task is in it; -EBADF: not yet then */

	/* keys: a new session keyring with the container's */
	bool join_keys;
	int object_dir;
	uint64_t object_id;

	/* the program; argv NULL: none, the caller goes on */
	const char *const *argv;
	const char *const *envp;
	const char *const *paths; /* candidates for execve(2), NULL at the end */
	struct launch launch;
	const char *cwd;
	bool cwd_optional; /* go to "/" if it is not there */
	bool has_user;
	struct account_wish user;
	gid_t *groups; /* room for the user's: ACCOUNT_GROUPS */
	int stdio[3];
	bool die_with_parent;
	sigset_t signal_mask;	    /* the caller's, from before the clone */
	const sigset_t *given_mask; /* instead of it, or NULL */
};

/* Namespaces, root, hostname: 0 or -errno with the error set. */
int child_setup(const struct child_plan *plan);

/* In the second child, the first of its pid namespace: what is left to be done in there. */
int child_begin(const struct child_plan *plan);

/* User, working directory, fds, signals, exec. Returns only on failure. */
int child_exec(const struct child_plan *plan, struct child_result *result);
