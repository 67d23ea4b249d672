/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups as text: "USER[:GROUP]", and the files passwd(5) and group(5). Pure; used between
 * clone and exec. The files are the container's own and are not trusted: a malformed line is no match. They are
 * read as they come, in pieces of any size, and lines have any length: nothing is kept of one but what is asked
 * for, so no part of it can be taken for another line. The last line may lack its newline.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ACCOUNT_NAME_SIZE 256 /* LOGIN_NAME_MAX */
#define ACCOUNT_GROUPS 65536  /* NGROUPS_MAX of the kernel */

/* What "USER[:GROUP]" asks for: numbers where digits were given, else names to be looked up. */
struct account_wish {
	bool has_uid, has_gid, has_group;
	uid_t uid;
	gid_t gid;
	char user[ACCOUNT_NAME_SIZE];
	char group[ACCOUNT_NAME_SIZE];
};

/* -EINVAL: empty part, a number out of range (4294967295 included), or a name too long. */
int account_parse(const char *text, struct account_wish *ret_wish);

struct account_reader {
	/* what is looked for */
	const struct account_wish *wish; /* in passwd; NULL: in group */
	const char *group, *member;
	/* the line it is in, so far */
	int field;
	size_t field_len, name_len;
	uint64_t number;
	bool differs, has_name, is_malformed, is_it;
	/* what was found */
	uid_t uid;
	gid_t gid;
	char name[ACCOUNT_NAME_SIZE]; /* cut off, if name_len is not less than its size */
};

/* For lines of the wished user: uid, gid, name. */
void account_passwd_begin(struct account_reader *reader, const struct account_wish *wish);

/* For lines of the group called name, and those that list the user called member: gid. NULL: not asked for. */
void account_group_begin(struct account_reader *reader, const char *name, const char *member);

/*
 * Reads on, up to the next line that is looked for: sets *ret_found, and returns how much of data that took. A
 * line is found once. After the last byte of a file it wants a newline, which does no harm after another.
 */
size_t account_read(struct account_reader *reader, const char *data, size_t len, bool *ret_found);

/* Numbers in order, each once. list has room for ACCOUNT_GROUPS. */
struct account_groups {
	gid_t *list;
	size_t count;
};

/* -E2BIG: more than the kernel takes. */
int account_groups_add(struct account_groups *groups, gid_t gid);
