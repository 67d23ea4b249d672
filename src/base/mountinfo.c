/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mountinfo.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "text.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void mountinfo_unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && is_octal(s[2]) &&
		    is_octal(s[3])) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* The next field, which ends in a blank or with the line; NULL: there is none. */
static char *next_field(char **rest)
{
	char *field = *rest;
	size_t len = field ? strcspn(field, " \n") : 0;

	if (len == 0 && (!field || field[0] != ' '))
		return NULL;
	*rest = field[len] == ' ' ? field + len + 1 : NULL;
	field[len] = '\0';
	return field;
}

static int parse_device(const char *s, dev_t *ret_dev)
{
	uint64_t major = 0, minor = 0;
	int n = text_parse_u64(s, UINT32_MAX, &major);

	if (n < 0 || s[n] != ':' || text_parse_whole_u64(s + n + 1, UINT32_MAX, &minor) < 0)
		return -EINVAL;
	*ret_dev = makedev((unsigned int)major, (unsigned int)minor);
	return 0;
}

/* "shared:N", "master:N", "unbindable"; others are no concern of ours. */
static int parse_optional(const char *s, struct container_mount *m)
{
	if (strncmp(s, "shared:", 7) == 0)
		return text_parse_whole_u64(s + 7, UINT64_MAX, &m->shared);
	if (strncmp(s, "master:", 7) == 0)
		return text_parse_whole_u64(s + 7, UINT64_MAX, &m->master);
	if (strcmp(s, "unbindable") == 0)
		m->unbindable = 1;
	return 0;
}

/* All but the optional ones: each is there, some as texts of ours. */
#define FIXED_FIELDS 6

static int parse_fixed(char **rest, struct container_mount *m)
{
	char *field[FIXED_FIELDS];

	for (int i = 0; i < FIXED_FIELDS; i++) {
		field[i] = next_field(rest);
		if (!field[i])
			return -EINVAL;
	}
	if (text_parse_whole_u64(field[0], UINT64_MAX, &m->id) < 0 ||
	    text_parse_whole_u64(field[1], UINT64_MAX, &m->parent) < 0 ||
	    parse_device(field[2], &m->dev) < 0)
		return -EINVAL;
	mountinfo_unescape(field[3]);
	mountinfo_unescape(field[4]);
	m->root = field[3];
	m->target = field[4];
	m->options = field[5];
	return 0;
}

int mountinfo_parse(char *line, struct container_mount *ret_mount)
{
	struct container_mount m = {.size = sizeof(m)};
	char *rest = line, *field, *type, *source;
	int r = parse_fixed(&rest, &m);

	for (field = NULL; r == 0; r = parse_optional(field, &m)) {
		field = next_field(&rest);
		if (!field)
			return -EINVAL;
		if (strcmp(field, "-") == 0)
			break;
	}
	type = next_field(&rest);
	source = next_field(&rest);
	field = next_field(&rest);
	if (r < 0 || !type || !source || !field)
		return -EINVAL;
	mountinfo_unescape(type);
	mountinfo_unescape(source);
	mountinfo_unescape(field);
	m.type = type;
	m.source = source;
	m.super_options = field;
	*ret_mount = m;
	return 0;
}
