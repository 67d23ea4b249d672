/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a file of cgroup v2 says, as an upper bound on what tasks may use. Pure text; also used between clone
 * and exec.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bound_kind {
	BOUND_NONE,    /* the file bounds nothing, or what lies below */
	BOUND_NUMBER,  /* "max", "4096", "8:0 rbps=max wbps=1024", "resource 7" */
	BOUND_RATE,    /* "50000 100000": so much of each period */
	BOUND_PERCENT, /* "12.50" */
	BOUND_WEIGHT,  /* "100", "default 100": how much it means depends on the neighbours */
	BOUND_CLASS,   /* "0", "no-change": anything else puts tasks behind all others */
};

enum bound_kind bound_kind_of(const char *file);

/* One value of a file: of a device, and there of one of several numbers, or with both empty of all. */
struct bound {
	const char *head, *name; /* in the text, without NUL */
	size_t head_len, name_len;
	uint64_t value;	 /* UINT64_MAX: no bound */
	bool comparable; /* with the value of the same name in another cgroup */
};

/* The place in a text, for bound_next(): begins as {.text = TEXT}. */
struct bound_reader {
	const char *text, *head;
	size_t head_len;
};

/* The next value: 1; 0 at the end; -EINVAL: it cannot be understood. */
int bound_next(struct bound_reader *reader, enum bound_kind kind, struct bound *ret_bound);

/* What text has for the same device and name: UINT64_MAX if nothing that can be compared. */
uint64_t bound_find(const char *text, enum bound_kind kind, const struct bound *of);

/* Lists as "0-3,7", of cpuset: whether each number of inner is in outer, too. False if one is no such list. */
bool bound_set_within(const char *inner, const char *outer);
