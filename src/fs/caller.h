/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who asks: what the kernel says of the thread that a request is of, and what it may do.
 *
 * A request's thread waits in the kernel until it is answered, killed or not, so what /proc says of
 * its number is said of it. Text decides nothing.
 *
 * Two count wherever something is changed: who opened the file, and who writes. An fd that was
 * passed to a set-user-ID program, or to anybody stronger, changes nothing that its opener could
 * not change (the cgroup file system had that hole: CVE-2021-4197).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CALLER_GROUPS                                                                              \
	1024 /* who is in more gets E2BIG: left out of one it had the rights of others */

struct caller {
	pid_t tid, pid;
	uid_t uid; /* those that files are opened with */
	gid_t gid;
	uid_t uids[3]; /* real, effective, saved */
	gid_t gids[3];
	gid_t groups[CALLER_GROUPS + 1];
	size_t group_count;
	uint64_t permitted, effective;
	bool no_new_privs;	/* it may be in a sandbox that /proc says nothing of */
	bool is_consistent;	/* /proc tells of the credentials that the request was made with */
	pid_t own_number;	/* of its process in its own pid namespace */
	int pid_levels;		/* how many pid namespaces it is below ours, and one */
	int user_ns, container; /* fds */
	uint64_t cgroup_ns;	/* the inode of its cgroup namespace; 0: there is none */
	bool in_our_user_ns;
};

void caller_init(struct caller *c);
void caller_close(struct caller *c);
#define autocaller __attribute__((cleanup(caller_close)))

/* -EPERM: it cannot be seen from here. -E2BIG: see CALLER_GROUPS. */
int caller_open(struct caller *c, pid_t tid, uid_t uid, gid_t gid);

/*
 * Whether it may change the container: -EPERM unless that is below the one it is in, or is that one
 * and the caller has not left our user namespace; and it owns the container, or has CAP_SYS_ADMIN
 * over it: in the user namespace of the container it is in.
 */
int caller_may_change(const struct caller *c, int container);

/* Whether it may make, rename and remove containers in this one; the mode was asked by the kernel. */
int caller_may_change_in(const struct caller *c, int container);

/*
 * Whether it could ptrace(2) the process: asked of the kernel, with its credentials. What is answered holds only
 * until the process executes a file: the surrogate stays, and is asked once more about its threads when they
 * stand still. Landlock keeps who is in a sandbox from whoever is not, and a surrogate is in none: who has
 * no_new_privs, as such a one must if it has no privilege, traces only who has that too.
 */
struct surrogate;
int caller_may_trace(const struct caller *c, int pidfd, struct surrogate *ret_surrogate);
int caller_may_still_trace(const struct caller *c, const struct surrogate *s, const pid_t *threads,
			   size_t count);

/*
 * Of the caller's own process, whose threads stand still: -EPERM if one has other rights than the request was
 * made with, since another thread has executed a file. Allocates nothing.
 */
int caller_is_still(const struct caller *c, const pid_t *threads, size_t count);

/*
 * Whether it may make, rename and remove names in the container, by its mode, as the kernel asks. victim: of what
 * is renamed or removed, which a sticky directory protects; -EBADF: nothing.
 */
int caller_may_write(const struct caller *c, int container, int victim);

/* Root of the machine, as far as containers go: CAP_SYS_ADMIN in our user namespace. */
bool caller_is_privileged(const struct caller *c);

/* Whether a capability counts here: in our user namespace. */
/*
 * The same in the user namespace that the container's own one is in, or will be: or in one that this is in, as the
 * kernel asks of who writes a map.
 */
bool caller_is_capable_above(const struct caller *c, int container, int capability);

bool caller_is_capable(const struct caller *c, int capability);

bool caller_is_in_group(const struct caller *c, gid_t gid);

/* The same, or in its own user namespace, of a container whose owner and group that has. */
struct container_access;
bool caller_is_capable_over(const struct caller *c, const struct container_access *access,
			    int capability);

/* Whether it may look up names in a container: -EACCES, as the mode says. */
int caller_may_search(const struct caller *c, int container);

/* Same credentials, same namespace, same container. */
bool caller_equals(const struct caller *a, const struct caller *b);

/* Open what the caller would open with this path: its root, namespaces and credentials. */
int caller_open_path(const struct caller *c, const char *path, int flags);

/* A process's number in the caller's pid namespace; 0: it is not seen there. */
pid_t caller_number(const struct caller *c, pid_t pid);

/* The other way round; -ESRCH. */
pid_t caller_pid(const struct caller *c, pid_t number);
