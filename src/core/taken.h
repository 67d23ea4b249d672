/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges of ids that are somebody's: lines of /etc/subuid and /etc/subgid, and maps of running processes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct taken_range {
	uint32_t first;
	uint64_t count;
};

/* By kind: 0 users, 1 groups. */
struct taken {
	struct taken_range *range[2];
	size_t count[2], room[2];
};

/* "containers:FIRST:COUNT", a range that is for containers; count 0: there is none. */
struct taken_line {
	uint32_t first, count;
};

/* All other lines of both files are added; those of kind go to containers. A file that is not there has none. */
int taken_read_subids(struct taken *t, struct taken_line containers[2]);

/* Maps of all processes that /proc shows are added, but for ids that are mapped to themselves. */
int taken_read_running(struct taken *t);

/* Whether any of these ids is taken. */
bool taken_has(const struct taken *t, int kind, uint32_t first, uint64_t count);

void taken_close(struct taken *t);
#define autotaken __attribute__((cleanup(taken_close)))
