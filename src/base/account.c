/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "account.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define ID_MAX 4294967294u /* (uid_t)-1 means "no change" to the kernel */

/* Of both files; the last of group is the list of members, of passwd the rest, which is not looked at. */
enum { FIELD_NAME, FIELD_PASSWORD, FIELD_ID, FIELD_GID, FIELD_MEMBERS = FIELD_GID };

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

void account_passwd_begin(struct account_reader *reader, const struct account_wish *wish)
{
	*reader = (struct account_reader){.wish = wish};
}

void account_group_begin(struct account_reader *reader, const char *name, const char *member)
{
	*reader = (struct account_reader){.group = name, .member = member};
}

/* A byte of a name that is kept as far as there is room; it is as long as field_len says. */
static void keep_byte(struct account_reader *reader, char byte)
{
	if (reader->field_len < sizeof(reader->name) - 1) {
		reader->name[reader->field_len] = byte;
		reader->name[reader->field_len + 1] = '\0';
	}
}

/* Whether it is what text begins with, so far. NULL: nothing is asked for. */
static void compare_byte(struct account_reader *reader, const char *text, char byte)
{
	if (reader->differs)
		return;
	/* All before it is the same, so text has a byte there, or its end. */
	reader->differs =
		!text || text[reader->field_len] == '\0' || text[reader->field_len] != byte;
}

static bool is_equal(const struct account_reader *reader, const char *text)
{
	return text && !reader->differs && text[reader->field_len] == '\0';
}

static void number_byte(struct account_reader *reader, char byte)
{
	if (byte < '0' || byte > '9' || reader->number > ID_MAX)
		reader->is_malformed = true;
	else
		reader->number = reader->number * 10 + (uint64_t)(byte - '0');
}

static void next_field(struct account_reader *reader)
{
	reader->field++;
	reader->field_len = 0;
	reader->number = 0;
	reader->differs = false;
}

static void next_line(struct account_reader *reader)
{
	reader->field = FIELD_NAME;
	reader->field_len = 0;
	reader->differs = reader->is_malformed = reader->is_it = false;
}

/* The end of the third or fourth field, a number there must be. */
static unsigned int end_number(struct account_reader *reader)
{
	if (reader->field_len == 0 || reader->number > ID_MAX)
		reader->is_malformed = true;
	return reader->is_malformed ? 0 : (unsigned int)reader->number;
}

static bool is_wished(const struct account_reader *reader)
{
	const struct account_wish *wish = reader->wish;

	if (wish->has_uid)
		return reader->uid == wish->uid;
	return reader->name_len < ACCOUNT_NAME_SIZE && strlen(wish->user) == reader->name_len &&
	       strcmp(wish->user, reader->name) == 0;
}

static void passwd_field_byte(struct account_reader *reader, char byte)
{
	if (reader->field == FIELD_NAME)
		keep_byte(reader, byte);
	else if (reader->field == FIELD_ID || reader->field == FIELD_GID)
		number_byte(reader, byte);
	reader->field_len++;
}

/* A line of passwd is decided by the colon after its fourth field. */
static bool passwd_byte(struct account_reader *reader, char byte)
{
	bool found = false;

	if (byte != ':') {
		passwd_field_byte(reader, byte);
		return false;
	}
	if (reader->field == FIELD_NAME) {
		reader->name_len = reader->field_len;
		reader->is_malformed = reader->field_len == 0;
	} else if (reader->field == FIELD_ID) {
		reader->uid = end_number(reader);
	} else if (reader->field == FIELD_GID) {
		reader->gid = end_number(reader);
		found = !reader->is_malformed && is_wished(reader);
	}
	next_field(reader);
	return found;
}

/* A line of group is decided with its name, or with the member that is looked for: one is enough. */
static bool group_byte(struct account_reader *reader, char byte)
{
	bool is_end = byte == '\n' || (reader->field == FIELD_MEMBERS ? byte == ',' : byte == ':');
	bool was_it = reader->is_it;

	if (!is_end) {
		if (reader->field == FIELD_NAME)
			compare_byte(reader, reader->group, byte);
		else if (reader->field == FIELD_ID)
			number_byte(reader, byte);
		else if (reader->field == FIELD_MEMBERS)
			compare_byte(reader, reader->member, byte);
		reader->field_len++;
		return false;
	}
	if (reader->field == FIELD_MEMBERS) {
		reader->is_it |= is_equal(reader, reader->member);
		reader->field_len = 0;
		reader->differs = false;
		return reader->is_it && !was_it && !reader->is_malformed;
	}
	if (byte == '\n')
		return false;
	if (reader->field == FIELD_NAME)
		reader->has_name = is_equal(reader, reader->group);
	else if (reader->field == FIELD_ID)
		reader->gid = end_number(reader);
	next_field(reader);
	if (reader->field == FIELD_MEMBERS)
		reader->is_it = reader->has_name && !reader->is_malformed;
	return reader->is_it;
}

size_t account_read(struct account_reader *reader, const char *data, size_t len, bool *ret_found)
{
	*ret_found = false;
	for (size_t i = 0; i < len; i++) {
		if (reader->wish)
			*ret_found = data[i] != '\n' && passwd_byte(reader, data[i]);
		else
			*ret_found = group_byte(reader, data[i]);
		if (data[i] == '\n')
			next_line(reader);
		if (*ret_found)
			return i + 1;
	}
	return len;
}

int account_groups_add(struct account_groups *groups, gid_t gid)
{
	size_t low = 0, high = groups->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (groups->list[middle] == gid)
			return 0;
		if (groups->list[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	if (groups->count == ACCOUNT_GROUPS)
		return -E2BIG;
	memmove(groups->list + low + 1, groups->list + low,
		(groups->count - low) * sizeof(groups->list[0]));
	groups->list[low] = gid;
	groups->count++;
	return 0;
}
