/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options with which a container is made, common to create and run.
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#define CREATE_SHARES 32
#define CREATE_LIMITS 64

struct create_options {
	unsigned int own;     /* CONTAINER_NEW_* */
	unsigned int inherit; /* CONTAINER_NEW_* taken away from the default */
	const char *root;
	const char *hostname;
	const char *ids;		  /* of an own user namespace; NULL: auto */
	const char *share[CREATE_SHARES]; /* TYPE=CONTAINER|PATH */
	size_t share_count;
	const char *cgroup;		  /* adopt this one */
	const char *limit[CREATE_LIMITS]; /* FILE=VALUE */
	size_t limit_count;
};

enum {
	OPTION_OWN = 1000,
	OPTION_INHERIT,
	OPTION_SHARE,
	OPTION_ROOT,
	OPTION_HOSTNAME,
	OPTION_IDS,
	OPTION_CGROUP,
	OPTION_LIMIT,
	OPTION_KEEP,
};

#define CREATE_LONG_OPTIONS                                                                        \
	{"own", required_argument, NULL, OPTION_OWN},                                              \
		{"share", required_argument, NULL, OPTION_SHARE},                                  \
		{"root", required_argument, NULL, OPTION_ROOT},                                    \
		{"hostname", required_argument, NULL, OPTION_HOSTNAME},                            \
		{"ids", required_argument, NULL, OPTION_IDS},                                      \
		{"limit", required_argument, NULL, OPTION_LIMIT},                                  \
		{"cgroup", required_argument, NULL, OPTION_CGROUP},                                \
	{                                                                                          \
		"help", no_argument, NULL, 'h'                                                     \
	}

/* One of the options above: 0, or EXIT_FAILED and told. */
int create_option(struct create_options *o, const char *verb, int option, const char *value);

/*
 * Make a container that stays and apply all options. Returns its fd, or -1 with everything told and
 * undone.
 */
int create_persistent(const struct create_options *o, const char *name, unsigned int flags);

/* The ids, cgroup, limits and shares of a container that is made: 0, or EXIT_FAILED and told. */
int create_set(const struct create_options *o, int container, const char *name);
