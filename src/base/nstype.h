/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of namespace types: their names here and in /proc/PID/ns, and their flags.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The order in which a task joins them. user comes last: until then it has the privileges of the
 * hierarchy's own user namespace. mount comes just before it, since joining it changes the root
 * directory that the other steps may still need.
 */
enum nstype {
	NS_NETWORK,
	NS_UTS,
	NS_IPC,
	NS_CGROUP,
	NS_TIME,
	NS_PID,
	NS_MOUNT,
	NS_USER,
	NS_COUNT,
};

struct nstype_info {
	const char *name;	  /* as the OCI runtime specification calls it */
	const char *proc;	  /* entry of /proc/PID/ns for a task's own */
	const char *proc_for_new; /* the entry that a new one appears under after unshare(2) */
	int clone_flag;		  /* CLONE_NEW* */
	unsigned int create_flag; /* CONTAINER_NEW_* */
	bool hierarchical;	  /* shared only with containers below its owner */
};

/* An fd of each type; unset ones are -EBADF. */
struct ns_set {
	int fd[NS_COUNT];
};

const struct nstype_info *nstype_info(enum nstype type);

/* The type called name, of len bytes; -EINVAL. */
int nstype_parse(const char *name, size_t len);

/* The type of a CLONE_NEW* flag; -EINVAL unless it is exactly one. */
int nstype_of_flag(int clone_flag);

void ns_set_init(struct ns_set *set);
void ns_set_close(struct ns_set *set);
