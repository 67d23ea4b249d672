/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the answering of most requests begins and ends with. */
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <errno.h>
#include <stdbool.h>

#include "caller.h"
#include "entry.h"
#include "node.h"

struct request {
	fuse_req_t fuse;
	enum entry_kind kind;
	struct look look; /* container is -EBADF for the root, where there is no hierarchy */
	struct node_hold hold;
	struct caller who;
	bool limited;
};

/* Of one that may be ended without having begun. */
#define REQUEST_NONE                                                                               \
	{                                                                                          \
		.look = {.container = -EBADF}, .hold = {.fd = -EBADF},                             \
		.who = {.user_ns = -EBADF, .container = -EBADF},                                   \
	}

enum request_need {
	REQUEST_LOOKS = 0,
	REQUEST_ASKS_WHO = 1,
	REQUEST_WAITS = 2, /* may have to wait for a lock */
	REQUEST_CHANGES = 3,
};

/*
 * Find the node and open its container, and look at who asks if needed. 0 or -errno; to be ended in
 * both cases. A request that changes something in a file system mounted read-only is -EROFS.
 */
int request_begin(struct request *r, fuse_req_t req, fuse_ino_t ino, enum request_need need);
void request_end(struct request *r);
#define autorequest __attribute__((cleanup(request_end)))

/* Attributes of an entry of the request's container; 0 or -errno. */
int request_attr(const struct request *r, enum entry_kind kind, struct stat *ret_st);

/* The own and shared types of its container. */
int request_types(const struct request *r, unsigned int *ret_types);

/* Answer with the entry: of the request's container, counted as looked up. */
void request_reply_entry(const struct request *r, enum entry_kind kind);

/* With the nested container of this name. */
void request_reply_nested(const struct request *r, const char *name);

/* Set before the loop begins. */
extern bool request_read_only;
