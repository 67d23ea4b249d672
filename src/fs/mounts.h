/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the mount of this server is seen. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mounts_place {
	char root[4096];  /* what of ours is mounted there: "/", or "/web" of a bind mount */
	const char *rest; /* of the path, below the mount point */
};

/* Remember which mounts are ours: the one on this mount point. */
int mounts_setup(const char *mount_point);

/* Whether a mount of this kind of file system is on top there, alive or dead. */
bool mounts_is_ours(const char *mount_point);

/* Whether the absolute path, as the thread sees it, leads into our mount; -ENOENT: it does not. */
int mounts_find(pid_t tid, const char *path, struct mounts_place *ret_place);

/* A mount point where the thread sees all of ours. */
int mounts_point(pid_t tid, char *buf, size_t size);
