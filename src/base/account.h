/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups as text: "USER[:GROUP]", and lines of passwd(5) and group(5). Pure; used between
 * clone and exec. The files are the container's own and are not trusted: a malformed line is no match.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ACCOUNT_NAME_SIZE 64
#define ACCOUNT_GROUPS 64

/* What "USER[:GROUP]" asks for: numbers where digits were given, else names to be looked up. */
struct account_wish {
	bool has_uid, has_gid, has_group;
	uid_t uid;
	gid_t gid;
	char user[ACCOUNT_NAME_SIZE];
	char group[ACCOUNT_NAME_SIZE];
};

struct account {
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_GROUPS];
	size_t group_count;
};

/* -EINVAL: empty part, a number out of range (4294967295 included), or a name too long. */
int account_parse(const char *text, struct account_wish *ret_wish);

/*
 * If a passwd line is the wished user's: true, with the numbers and the name (needed for the
 * supplementary groups).
 */
bool account_passwd_line(const char *line, const struct account_wish *wish, uid_t *ret_uid,
			 gid_t *ret_gid, char ret_name[ACCOUNT_NAME_SIZE]);

/* If a group line is of the group called name, or lists the user called member (NULL: not asked). */
bool account_group_line(const char *line, const char *name, const char *member, gid_t *ret_gid);
