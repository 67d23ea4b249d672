/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One hierarchy of containers: its state directory, its cgroup, its lock file and its cradle. Opened
 * for each operation and closed after it; nothing is kept between operations but what the kernel and
 * the state directory keep. (Layout: doc/ARCHITECTURE.md.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "home.h"
#include "nstype.h"
#include "spec.h"

#define HIERARCHY_CGROUP_NAME 64
/* Others may pass through the state directory, and need not read it. */
#define HIERARCHY_DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW)
#define HIERARCHY_CONTROLLERS                                                                      \
	"controllers" /* link: what we have switched on at the top of the mount */

struct hierarchy {
	int dir;    /* the state directory */
	int lock;   /* for lock_take(); -EBADF when opened for reading */
	int cgroup; /* O_PATH fd of the hierarchy's cgroup directory */
	int cradle; /* nsfs fd of the cradle; -EBADF when opened for reading */
	struct home
		home; /* where the cradle is mounted, if that is not the caller's mount namespace */
	char cgroup_name[HIERARCHY_CGROUP_NAME]; /* last component, below the cgroup2 mount */
	char caller[SPEC_CGROUP_SIZE];		 /* the chain of the caller's container */
	int cancel_state; /* of the thread, which cannot be cancelled while it is open; -1 */
};

enum hierarchy_use {
	HIERARCHY_LOOK,	 /* as HIERARCHY_READ, but without the cgroup, and whoever calls */
	HIERARCHY_READ,	 /* never makes or changes anything; -ENOENT: there is no hierarchy */
	HIERARCHY_REACH, /* the same, with the cradle */
	HIERARCHY_PINS,	 /* the state directory and the cradle alone; who calls is not looked at */
	HIERARCHY_WRITE, /* made if it is not there */
	HIERARCHY_SWEEP, /* the same, and garbage is swept first */
	HIERARCHY_END,	 /* as HIERARCHY_WRITE, but who calls is not looked at yet */
};

void hierarchy_init(struct hierarchy *h);
int hierarchy_open(struct hierarchy *h, enum hierarchy_use use);
void hierarchy_close(struct hierarchy *h);

/* For those that were opened with HIERARCHY_LOOK and need the cgroup all the same. */
int hierarchy_open_cgroup(struct hierarchy *h);

/* The state directory as it is where the cradle is mounted on it. */
static inline int hierarchy_mounted_dir(const struct hierarchy *h)
{
	return h->home.ns < 0 ? h->dir : h->home.dir;
}

/* The init container's directory. */
int hierarchy_open_root(const struct hierarchy *h);

/* The inodes of the init container's namespaces. */
struct host_ns {
	uint64_t inode[NS_COUNT];
};
int hierarchy_host_ns(const struct hierarchy *h, struct host_ns *ret_host);
int hierarchy_read_host(int state_dir, struct host_ns *ret_host);

/* Whether the caller is in the init container's namespace of this type: 1, 0; -errno. */
int hierarchy_in_host_ns(const struct host_ns *host, enum nstype type);

/* Take the whole hierarchy down; it must hold no container. -ENOTEMPTY, -EBUSY. */
int hierarchy_remove(struct hierarchy *h);

/*
 * The records beside those of containers: links in the state directory. check: -EUCLEAN: that is no such
 * text; NULL: any is. make: what stands in its place after it was removed; NULL: nothing needs to.
 */
struct hierarchy_record {
	const char *name;
	bool may_lack;
	int (*check)(struct hierarchy *h, const char *text);
	int (*make)(struct hierarchy *h);
};
extern const struct hierarchy_record hierarchy_records[]; /* name NULL at the end */

/* The record of the init container, anew. */
int hierarchy_make_root(struct hierarchy *h);

/*
 * For who looks at what may be damaged: the state directory, the lock and the cradle, and nothing is read of
 * records. -ENOENT: there is no hierarchy. *ret_alone: nobody else is at work until it is closed.
 */
int hierarchy_open_to_check(struct hierarchy *h, bool make_lock, bool *ret_alone);

/* 63 random bits, never 0. */
int hierarchy_new_id(uint64_t *ret_id);

#define autohierarchy __attribute__((cleanup(hierarchy_close)))
