/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each user has of this server. A user takes so much and no more, then gets ENFILE, and others do
 * not notice; root takes what it wants.
 *
 * A user is the uid that the kernel tells of a request, in our user namespace. Whoever is in another one may
 * have any number of uids, and is the owner of that below ours which it is in or below; where root made it, as
 * for a container, the user namespace is a user of its own.
 *
 * All may be called from any thread, with other locks held.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum quota_kind {
	QUOTA_LISTING, /* bytes of what a directory held when it was opened */
	QUOTA_TEXT,    /* bytes of what was read of a file that is open */
	QUOTA_FILE,    /* files that are open */
	QUOTA_WRITER,  /* those for writing, which hold two fds, besides */
	QUOTA_WATCH,   /* those that are polled */
	QUOTA_NODE,    /* containers that the kernel has looked up for it first */
	QUOTA_REQUEST, /* that are not answered yet: a thread */
	QUOTA_KINDS,
};

/* Of one user, in bytes. With what no quota counts, such as what malloc(3) does not give back, it is 16 MB. */
#define QUOTA_MAX (14 << 20)

struct quota;

/* Of a thread that makes a request; counted. NULL: out of memory. */
struct quota *quota_open(pid_t tid, uid_t uid);

/* By the uid alone: for what is short. */
struct quota *quota_open_uid(uid_t uid);

struct quota *quota_keep(struct quota *q);
void quota_put(struct quota **a);
#define autoquota __attribute__((cleanup(quota_put)))

/* n more, or fewer: 0; -ENFILE: that would be too much. */
int quota_take(struct quota *q, enum quota_kind kind, size_t n);
void quota_give(struct quota *q, enum quota_kind kind, size_t n);

/* Whether much was given back since it was last asked: then memory can be, too. */
bool quota_has_shrunk(void);

/* What it has now, in bytes. */
size_t quota_bytes(struct quota *q);

/* Its turn: few requests of a user are worked on at a time, the others wait until those are done. */
void quota_turn_begin(struct quota *q);
void quota_turn_end(struct quota *q);
