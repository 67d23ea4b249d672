/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the answering of most requests begins and ends with. */
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <containerfs/container.h>

#include <errno.h>
#include <stdbool.h>

#include "caller.h"
#include "entry.h"
#include "node.h"
#include "quota.h"

/* Each request is answered by a thread of its own; those that are idle end. */
#define REQUEST_THREADS 512

struct request;

/*
 * Whether the caller may do what the request is for: 0 or -errno. Asked by request_ask(), for an early answer, and
 * by the library's guard, under its locks, when what it was decided by cannot change any more.
 */
typedef int request_question(const struct request *r, const struct container_guarded *what);

struct request {
	fuse_req_t fuse;
	enum entry_kind kind;
	struct look look; /* container is -EBADF for the root, where there is no hierarchy */
	struct node_hold hold;
	struct caller who;
	struct quota *quota; /* of a thread of ours, which the request has until it is ended */
	bool limited;
	bool guarded;
	request_question *question; /* NULL: nothing may be changed */
	const void *about;	    /* what the question needs */
	bool has_turn;
};

/* Of one that may be ended without having begun. */
#define REQUEST_NONE                                                                               \
	{                                                                                          \
		.look = {.container = -EBADF}, .hold = {.fd = -EBADF},                             \
		.who = {.user_ns = -EBADF, .container = -EBADF},                                   \
	}

/* One of these, or the sum of the first two. */
enum request_need {
	REQUEST_LOOKS = 0,
	REQUEST_ASKS_WHO = 1, /* who asks */
	REQUEST_WAITS = 2,    /* it may have to wait for somebody else: for a limited time */
	REQUEST_CHANGES = 7,  /* both, and it is not for a file system mounted read-only */
	/* The same for a move: the signal that stops the caller is part of it, and ends nothing. */
	REQUEST_MOVES = 15,
};

/*
 * Find the node and open its container, and look at who asks if needed. 0 or -errno; to be ended in
 * both cases. A request that changes something in a file system mounted read-only is -EROFS.
 */
int request_begin(struct request *r, fuse_req_t req, fuse_ino_t ino, unsigned int need);
void request_end(struct request *r);
#define autorequest __attribute__((cleanup(request_end)))

/* Ask, and from here on let the library ask. about must live as long as the request. */
int request_ask(struct request *r, request_question *question, const void *about);

/*
 * Questions that several operations ask: whether the caller, or for what is written both it and who opened the
 * file, may change the request's container.
 */
request_question request_may_change, request_may_store;

/* The quota of who asks, for what stays when the request is ended. NULL: out of memory. */
struct quota *request_quota(fuse_req_t req);

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
