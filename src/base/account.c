/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "account.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define ID_MAX 4294967294u /* (uid_t)-1 means "no change" to the kernel */

static int part_parse(const char *s, size_t len, bool *ret_is_number, unsigned int *ret_number,
		      char ret_name[ACCOUNT_NAME_SIZE])
{
	uint64_t value;
	int r;

	if (len == 0 || len >= ACCOUNT_NAME_SIZE)
		return -EINVAL;
	memcpy(ret_name, s, len);
	ret_name[len] = '\0';
	*ret_is_number = false;
	/* What begins with a digit is never a name: "4294967296" must not fall back to one. */
	if (ret_name[0] < '0' || ret_name[0] > '9')
		return strchr("-+.", ret_name[0]) ? -EINVAL : 0;
	r = text_parse_whole_u64(ret_name, ID_MAX, &value);
	if (r < 0)
		return -EINVAL;
	*ret_is_number = true;
	*ret_number = (unsigned int)value;
	return 0;
}

int account_parse(const char *text, struct account_wish *ret_wish)
{
	struct account_wish wish = {0};
	size_t len = strcspn(text, ":");
	int r;

	r = part_parse(text, len, &wish.has_uid, &wish.uid, wish.user);
	if (r == 0 && text[len] == ':') {
		const char *group = text + len + 1;

		wish.has_group = true;
		r = part_parse(group, strlen(group), &wish.has_gid, &wish.gid, wish.group);
		if (strchr(group, ':'))
			r = -EINVAL;
	}
	if (r < 0)
		return r;
	*ret_wish = wish;
	return 0;
}

/* The field after the next ':', or NULL. */
static const char *next_field(const char *s)
{
	s = strchr(s, ':');
	return s ? s + 1 : NULL;
}

static bool field_is(const char *field, const char *text)
{
	size_t len = strlen(text);

	return strncmp(field, text, len) == 0 && field[len] == ':';
}

static bool field_number(const char *field, unsigned int *ret_number)
{
	uint64_t value;
	int n = text_parse_u64(field, ID_MAX, &value);

	if (n < 0 || field[n] != ':')
		return false;
	*ret_number = (unsigned int)value;
	return true;
}

bool account_passwd_line(const char *line, const struct account_wish *wish, uid_t *ret_uid,
			 gid_t *ret_gid, char ret_name[ACCOUNT_NAME_SIZE])
{
	const char *password = next_field(line);
	const char *uid_field = password ? next_field(password) : NULL;
	const char *gid_field = uid_field ? next_field(uid_field) : NULL;
	size_t name_len = strcspn(line, ":");
	uid_t uid;
	gid_t gid;

	if (!gid_field || name_len == 0 || name_len >= ACCOUNT_NAME_SIZE)
		return false;
	if (!field_number(uid_field, &uid) || !field_number(gid_field, &gid))
		return false;
	if (wish->has_uid ? uid != wish->uid : !field_is(line, wish->user))
		return false;
	memcpy(ret_name, line, name_len);
	ret_name[name_len] = '\0';
	*ret_uid = uid;
	*ret_gid = gid;
	return true;
}

static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		size_t n = strcspn(list, ",\n");

		if (n == len && memcmp(list, name, n) == 0)
			return true;
		if (list[n] != ',')
			return false;
		list += n + 1;
	}
}

bool account_group_line(const char *line, const char *name, const char *member, gid_t *ret_gid)
{
	const char *password = next_field(line);
	const char *gid_field = password ? next_field(password) : NULL;
	const char *members = gid_field ? next_field(gid_field) : NULL;
	gid_t gid;

	if (!members || !field_number(gid_field, &gid))
		return false;
	if (!(name && field_is(line, name)) && !(member && list_has(members, member)))
		return false;
	*ret_gid = gid;
	return true;
}
