/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * account_parse, account_read. The input is "WISH\nTEXT": what the caller asks for, and a file that is the
 * container's. All agree with the naive models.
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

/* In pieces as the first byte says. */
static void check_file(const struct model_wanted *wanted, const char *text)
{
	long found;

	holds(model_account_file(wanted, text, 1 + (unsigned char)text[0] % 17, &found));
	holds(model_account_file(wanted, text, 4096, &found));
}

static void check_group(const char *text, const char *name, const char *member)
{
	check_file(&(struct model_wanted){.name = name, .member = member}, text);
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
		check_file(&(struct model_wanted){.user = &user, .wish = &wish}, line);
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
