/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nodes: what the kernel has looked up and not yet forgotten. One for each container, whatever
 * number of its entries is looked up; a node id is the node's slot and the kind of entry.
 *
 * A node knows its container by its id; its name is where that was found last, and is found again
 * if somebody has renamed it. It holds no fd: a few of those used last are kept for a moment.
 *
 * All functions may be called from any thread. A node lives as long as the kernel holds one of its
 * entries or a node below it, so the one a request names lives at least as long as the request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "entry.h"

struct quota;
struct node;

/*
 * The mount shows the container of this full name and id, whatever its name becomes, and those below
 * it; or, as "/", the whole tree, also after that was taken down and made anew. 0 or -errno.
 */
int node_setup(const char *root_path, uint64_t id);

struct node *node_root(void);

/* Whether the root of the mount is the init container. */
bool node_is_whole_tree(void);

/* The node of a node id, and the kind of entry. NULL: an id that was never given. */
struct node *node_of(uint64_t nodeid, enum entry_kind *ret_kind);

/*
 * The node of the container with this id below parent, counted once as looked up by the kernel. NULL: there
 * is none, and there was no quota to make one on; or out of memory. What was taken of the quota for
 * a node goes with the node, or is given back at once.
 */
struct node *node_look_up(struct node *parent, const char *name, uint64_t id, struct quota *quota);

/* Count one more, or count fewer: the kernel forgets. */
void node_keep(struct node *n);
void node_forget(struct node *n, uint64_t count);

/* A look that no kernel has a part in ends so. */
static inline void node_put(struct node **n)
{
	if (*n)
		node_forget(*n, 1);
	*n = NULL;
}
#define autonode __attribute__((cleanup(node_put)))

uint64_t node_id(const struct node *n, enum entry_kind kind);
uint64_t node_inode(const struct node *n, enum entry_kind kind);
uint64_t node_generation(const struct node *n);

/* Its container's parent; NULL: it is the root of the mount. */
struct node *node_parent(const struct node *n);

/* The fd (the caller's to close) of the container; -ENOENT, -ESTALE: it is gone. */
int node_open(struct node *n);

/* The same for the length of a request: one of those that are kept, if possible. */
struct node_hold {
	int fd; /* -EBADF: none */
	struct kept_fd *kept;
	struct stat st; /* of the container's directory */
};
int node_hold(struct node *n, struct node_hold *ret_hold);
void node_release(struct node_hold *hold);

/* The name from the root of the mount: "web/db", "" for the root itself. -ENOENT; -ENAMETOOLONG. */
int node_path(struct node *n, char *buf, size_t size);

/* After a rename by us. */
void node_renamed(struct node *parent, const char *name, const char *new_name);

/* Close what has not been used for a while. */
void node_tidy(void);
