/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries of a container's directory: one table, in the order in which they are listed. tasks
 * comes first, so that "rm -r" kills before it takes anything apart.
 *
 * show, store, link and unlink return 0 or -errno, and may run in any number of threads at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum entry_kind {
	KIND_NONE,
	KIND_DIR, /* 1 with slot 0: FUSE's number of the root */
	KIND_TASKS,
	KIND_INIT,
	KIND_STATE,
	KIND_ID,
	KIND_STATUS,
	KIND_HOSTNAME,
	KIND_FREEZE,
	KIND_KILL,
	KIND_UID_MAP,
	KIND_GID_MAP,
	KIND_CGROUP_D,
	KIND_ROOT,
	KIND_USER,
	KIND_MOUNT,
	KIND_PID,
	KIND_NETWORK,
	KIND_IPC,
	KIND_UTS,
	KIND_CGROUP,
	KIND_TIME,
	KIND_INIT_CONTAINER,
	KIND_SELF,
	KIND_BY_PID,
	KIND_TABLE_END,
	/* What "touch network" has open: a regular file for a moment. Added to the kind it made. */
	KIND_MADE = 32,
	KIND_LIMIT = 64,
};

struct caller;
struct node;

/* A container as a request sees it. */
struct look {
	int container;
	struct node *node;
	const struct caller *who;    /* reads or writes; NULL where the entry does not ask */
	const struct caller *opener; /* of a file that is written to */
};

enum entry_presence {
	ENTRY_ALWAYS,
	ENTRY_AT_TOP,	/* in the root of the mount only */
	ENTRY_WITH_NS,	/* where the container has an own or a shared namespace of nstype */
	ENTRY_BELOW_TOP /* not for the init container, which stays as it is */
};

struct entry {
	const char *name;
	mode_t mode;
	enum entry_presence presence;
	int nstype;    /* CLONE_NEW*, or 0 */
	bool asks_who; /* what it shows depends on who looks */
	int (*show)(const struct look *l, FILE *out);
	int (*store)(const struct look *l, const char *text);
	/* nstype is that of the entry. */
	int (*link)(const struct look *l, int nstype, char *buf, size_t size);
	int (*unlink)(const struct look *l,
		      int nstype); /* NULL: nothing is lost by it, so nothing happens */
};

/* NULL: a kind without an entry of its own. */
const struct entry *entry_of(enum entry_kind kind);

/* KIND_NONE: no entry has this name. */
enum entry_kind entry_find(const char *name);

/* Whether the container has it: types are its own and shared namespaces. */
bool entry_is_present(const struct entry *e, const struct look *l, unsigned int types);
