/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * account_parse, account_passwd_line, account_group_line. The input is "WISH\nLINE": what the caller
 * asks for, and a line of a file that is the container's. All agree with the naive models.
 */
#include "fuzz.h"

#include "../unit/models.h"

static bool check_wish(const char *text, struct account_wish *wish, struct model_id *user,
		       struct model_id *group)
{
	int r = account_parse(text, wish);
	bool wanted = model_account_parse(text, user, group);

	holds(r == (wanted ? 0 : -EINVAL));
	if (!wanted)
		return false;
	holds(wish->has_uid == user->is_number && wish->has_gid == group->is_number);
	holds(wish->has_group == group->asked);
	holds(user->is_number ? wish->uid == user->number : strcmp(wish->user, user->name) == 0);
	holds(group->is_number ? wish->gid == group->number
			       : strcmp(wish->group, group->name) == 0);
	return true;
}

static void check_passwd(const char *line, const struct account_wish *wish,
			 const struct model_id *user)
{
	char name[ACCOUNT_NAME_SIZE];
	uint64_t wanted_uid, wanted_gid;
	uid_t uid = 77;
	gid_t gid = 77;
	bool wanted = model_passwd_line(line, user, &wanted_uid, &wanted_gid);

	holds(account_passwd_line(line, wish, &uid, &gid, name) == wanted);
	if (!wanted) {
		holds(uid == 77 && gid == 77);
		return;
	}
	holds(uid == wanted_uid && gid == wanted_gid);
	holds(strlen(name) == strcspn(line, ":") && strncmp(name, line, strlen(name)) == 0);
}

static void check_group(const char *line, const char *name, const char *member)
{
	uint64_t wanted_gid;
	gid_t gid = 77;
	bool wanted = model_group_line(line, name, member, &wanted_gid);

	holds(account_group_line(line, name, member, &gid) == wanted);
	holds(wanted ? gid == wanted_gid : gid == 77);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	size_t wish_size = newline ? (size_t)(newline - data) : size;
	char *text = fuzz_text(data, wish_size);
	char *line = fuzz_text(newline ? newline + 1 : data, newline ? size - wish_size - 1 : 0);
	struct account_wish wish;
	struct model_id user, group;

	if (check_wish(text, &wish, &user, &group)) {
		check_passwd(line, &wish, &user);
		if (!user.is_number)
			check_group(line, NULL, user.name);
		if (group.asked && !group.is_number) {
			check_group(line, group.name, NULL);
			check_group(line, group.name, user.name);
		}
	}
	free(text);
	free(line);
	return 0;
}
