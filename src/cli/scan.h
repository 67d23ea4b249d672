/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes of the machine hold which mounts, by what /proc tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct scan_mount {
	uint64_t id;
	dev_t dev;
	bool wanted;	/* holders of it are told */
	bool by_device; /* and mount namespaces that have its file system as well */
};

enum scan_how { SCAN_CWD, SCAN_ROOT, SCAN_EXE, SCAN_FD, SCAN_MAP, SCAN_NAMESPACE };

struct scan_holder {
	pid_t pid;
	enum scan_how how;
	int fd;
	const char *path; /* as the kernel tells it; valid during the callback */
};

/*
 * fn is called for each, until it returns other than 0, which is then returned. mounts: all of one mount
 * namespace, by id. A process that does not let itself be looked at in time, since its file system does
 * not answer, is told to stuck() and left out. -1 and errno.
 */
int scan_holders(const struct scan_mount *mounts, size_t count,
		 int (*fn)(const struct scan_holder *holder, void *arg), void (*stuck)(pid_t pid),
		 void *arg);

/* The id of the mount that an fd is on, without asking its file system; 0: not known. */
uint64_t scan_mount_of(int fd);
