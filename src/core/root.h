/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root directory of a container with an own mount namespace: built as detached mounts by a child
 * or agent, then attached over the empty root of a copy of the cradle. No part of it ever has a path
 * on the host. Used between clone and exec: nothing here allocates or locks.
 *
 * The steps are in the order in which a child changes its mount namespace:
 *   root_open_source()  in the caller's: what was given by fd
 *   root_build_view()   in the parent container's: what is copied on write
 *   root_special()      in the network and pid namespace that /proc and /sys shall show
 *   root_attach()       in the new one
 *
 * Each mount of a view forbids what the mount that it shows forbids: set-id programs, devices, programs,
 * links, and below the root writing. The root itself can be written to, or there were no /tmp.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum root_kind {
	ROOT_VIEW,  /* private copy-on-write view of the parent's root */
	ROOT_GIVEN, /* a directory or a detached mount, as it is */
	ROOT_EMPTY, /* nothing, until a root is set */
};

/* What is mounted below the parent's root and is to be seen in the view too. */
struct view_mount {
	const char *path; /* below the root, no leading '/' */
	int fd;		  /* the builder's: a detached mount, or -errno: left out */
};

struct root_plan {
	enum root_kind kind;
	int given;	      /* ROOT_GIVEN: fd */
	bool recursive;	      /* ROOT_GIVEN: with what is mounted below */
	bool new_proc;	      /* a new /proc: the builder is in the pid namespace it shall show */
	bool parents_proc;    /* else the parent container's, if the pid namespace is inherited */
	char memory_size[21]; /* of its tmpfs, in bytes; "": what is usual */
	uint32_t owner
		[2];  /* ROOT_VIEW: user and group of what is root's in there; 0 if he is root */
	int terminal; /* fd of a terminal to be /dev/console; -EBADF: none */
	struct view_mount *mounts; /* those above before those below */
	size_t mount_count;
};

/* All fds; unset ones are -EBADF. */
struct root_build {
	int root;    /* detached mount that becomes "/" */
	int scratch; /* tmpfs with the upper layers */
	int lower;   /* clone of the parent's root, where overlayfs takes paths only */
	int proc, sys, dev, pts, terminal;
	uint64_t attributes;	   /* of the view's root: MOUNT_ATTR_* */
	struct view_mount *mounts; /* the plan's */
	size_t mount_count;
};

void root_build_init(struct root_build *b, const struct root_plan *plan);
void root_build_close(struct root_build *b);
int root_open_source(const struct root_plan *plan, struct root_build *b);
int root_build_view(const struct root_plan *plan, struct root_build *b);
int root_special(const struct root_plan *plan, struct root_build *b);
int root_attach(const struct root_plan *plan, struct root_build *b);

/* In a mount namespace that exists already: a new /proc in place of that of an earlier init. */
int root_renew_proc(int proc);

/* A detached procfs of the caller's pid namespace. */
int root_new_proc(void);
