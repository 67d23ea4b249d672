/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Naive models of the parsers in src/base, written from their headers and from design.md without
 * looking at how they do it. Slow and plain; the unit tests and the fuzz targets compare with them.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "name.h"
#include "spec.h"

#define MODEL_ID_MAX 4294967294u

/* The entries of a container's directory, design.md section 3. */
static const char *const model_reserved[] = {
	"init_container", "self",  "by-pid", "tasks",  "init", "network", "uts",      "ipc",
	"mount",	  "pid",   "user",   "cgroup", "time", "root",	  "hostname", "uid_map",
	"gid_map",	  "state", "freeze", "kill",   "id",   "status",  "cgroup.d",
};

static inline bool model_name_ok(const char *name, size_t len)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";

	if (len < 1 || len > 255)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] == '\0' || !strchr(good, name[i]))
			return false;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return false;
	for (size_t i = 0; i < sizeof(model_reserved) / sizeof(model_reserved[0]); i++)
		if (strlen(model_reserved[i]) == len && strncmp(model_reserved[i], name, len) == 0)
			return false;
	return true;
}

/* The component of a path that begins at *ret_start; its length, 0 if there is none. */
static inline size_t model_component(const char *path, size_t *ret_start)
{
	size_t start = 0, end;

	while (path[start] == '/')
		start++;
	for (end = start; path[end] != '\0' && path[end] != '/'; end++)
		;
	*ret_start = start;
	return end - start;
}

static inline size_t model_parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Only digits, and not more than max. */
static inline bool model_number(const char *s, size_t len, uint64_t max, uint64_t *ret_value)
{
	char digits[21] = "";
	size_t zeros = 0;

	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789", s[i]) || s[i] == '\0')
			return false;
	while (zeros < len && s[zeros] == '0')
		zeros++;
	if (len == 0 || len - zeros > 20)
		return false;
	memcpy(digits, s + zeros, len - zeros);
	errno = 0;
	*ret_value = strtoull(digits, NULL, 10);
	return errno == 0 && *ret_value <= max;
}

struct model_id {
	bool asked, is_number;
	uint64_t number;
	char name[ACCOUNT_NAME_SIZE];
};

static inline bool model_id_parse(const char *s, size_t len, struct model_id *id)
{
	*id = (struct model_id){.asked = true};
	if (len == 0 || len >= ACCOUNT_NAME_SIZE || memchr(s, ':', len) || strchr("-+.", s[0]))
		return false;
	memcpy(id->name, s, len);
	id->is_number = s[0] >= '0' && s[0] <= '9';
	return !id->is_number || model_number(s, len, MODEL_ID_MAX, &id->number);
}

/* "USER[:GROUP]" */
static inline bool model_account_parse(const char *text, struct model_id *user,
				       struct model_id *group)
{
	const char *colon = strchr(text, ':');

	*group = (struct model_id){0};
	if (!colon)
		return model_id_parse(text, strlen(text), user);
	return model_id_parse(text, (size_t)(colon - text), user) &&
	       model_id_parse(colon + 1, strlen(colon + 1), group);
}

/* Split at the first max - 1 colons; returns the number of fields. */
struct model_field {
	const char *s;
	size_t len;
};

static inline size_t model_split(const char *line, struct model_field *fields, size_t max)
{
	size_t n = 0;

	for (;;) {
		const char *colon = n + 1 < max ? strchr(line, ':') : NULL;

		fields[n].s = line;
		fields[n].len = colon ? (size_t)(colon - line) : strlen(line);
		n++;
		if (!colon)
			return n;
		line = colon + 1;
	}
}

static inline bool model_field_is(const struct model_field *field, const char *text)
{
	return field->len == strlen(text) && memcmp(field->s, text, field->len) == 0;
}

static inline bool model_passwd_line(const char *line, const struct model_id *user,
				     uint64_t *ret_uid, uint64_t *ret_gid)
{
	struct model_field f[5];

	if (model_split(line, f, 5) < 5 || f[0].len == 0)
		return false;
	if (!model_number(f[2].s, f[2].len, MODEL_ID_MAX, ret_uid) ||
	    !model_number(f[3].s, f[3].len, MODEL_ID_MAX, ret_gid))
		return false;
	return user->is_number ? *ret_uid == user->number : model_field_is(&f[0], user->name);
}

static inline bool model_group_line(const char *line, const char *name, const char *member,
				    uint64_t *ret_gid)
{
	struct model_field f[4];
	const char *s;

	if (model_split(line, f, 4) < 4 || !model_number(f[2].s, f[2].len, MODEL_ID_MAX, ret_gid))
		return false;
	if (name && model_field_is(&f[0], name))
		return true;
	if (!member)
		return false;
	for (s = f[3].s;; s++) {
		struct model_field one = {s, strcspn(s, ",\n")};

		if (model_field_is(&one, member))
			return true;
		s += one.len;
		if (*s != ',')
			return false;
	}
}

/* The line at text, and what is after its newline; NULL: there is none. */
static inline const char *model_line(const char *text, char **ret_line)
{
	size_t len = strcspn(text, "\n");

	*ret_line = strndup(text, len);
	return text[len] ? text + len + 1 : NULL;
}

/*
 * What account_read() tells of a file that comes in pieces of any size, against its lines one by one. user NULL: a
 * group file. False: they do not agree.
 */
struct model_wanted {
	const struct model_id *user;
	const struct account_wish *wish;
	const char *name, *member;
};

static inline bool model_next(const struct model_wanted *w, const char **text, char **ret_line,
			      uint64_t *ret_uid, uint64_t *ret_gid)
{
	bool is_it = false;

	*ret_line = NULL;
	while (*text && !is_it) {
		free(*ret_line);
		*text = model_line(*text, ret_line);
		is_it = w->user ? model_passwd_line(*ret_line, w->user, ret_uid, ret_gid)
				: model_group_line(*ret_line, w->name, w->member, ret_gid);
	}
	return is_it;
}

static inline bool model_found(const struct model_wanted *w, const struct account_reader *reader,
			       const char **text)
{
	uint64_t uid = 0, gid = 0;
	char *line;
	bool same = model_next(w, text, &line, &uid, &gid) && reader->gid == gid;

	if (same && w->user) {
		size_t len = strcspn(line, ":");

		same = reader->uid == uid && reader->name_len == len &&
		       (len >= ACCOUNT_NAME_SIZE ||
			(strlen(reader->name) == len && memcmp(reader->name, line, len) == 0));
	}
	free(line);
	return same;
}

/* piece: of how many bytes the file comes at a time. ret_found: how many lines were. */
static inline bool model_account_file(const struct model_wanted *w, const char *text, size_t piece,
				      long *ret_found)
{
	size_t len = strlen(text), at = 0;
	struct account_reader reader;
	const char *rest = text;
	uint64_t uid, gid;
	bool none;
	char *line;

	*ret_found = 0;
	if (w->user)
		account_passwd_begin(&reader, w->wish);
	else
		account_group_begin(&reader, w->name, w->member);
	while (at <= len) {
		size_t room = at == len ? 1 : len - at < piece ? len - at : piece;
		bool found;
		size_t used = account_read(&reader, at == len ? "\n" : text + at, room, &found);

		if (used == 0 || used > room || (!found && used < room))
			return false;
		at += used;
		if (found && !model_found(w, &reader, &rest))
			return false;
		*ret_found += found;
	}
	none = !model_next(w, &rest, &line, &uid, &gid);
	free(line);
	return none;
}

/* What a record says; what is not said is zero. */
static inline bool model_spec_equal(const struct spec *a, const struct spec *b)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (a->mode[t] != b->mode[t] || a->pinned[t] != b->pinned[t] ||
		    a->second[t] != b->second[t])
			return false;
	return a->id == b->id && a->inode == b->inode && a->transient == b->transient &&
	       a->empty_root == b->empty_root && a->nested == b->nested && a->leaf == b->leaf &&
	       a->adopted == b->adopted && strcmp(a->cgroup, b->cgroup) == 0;
}

/* Lines of an id map: three numbers each. */
#define MODEL_LINES 340
struct model_map {
	size_t count;
	uint64_t line[MODEL_LINES][3];
};

static inline bool model_map_line(const char *s, size_t len, uint64_t line[3])
{
	size_t field = 0, i = 0;

	for (;;) {
		size_t start;

		while (i < len && (s[i] == ' ' || s[i] == '\t'))
			i++;
		if (i == len)
			break;
		for (start = i; i < len && s[i] != ' ' && s[i] != '\t'; i++)
			;
		if (field == 3 || !model_number(s + start, i - start, 4294967295u, &line[field++]))
			return false;
	}
	/* The last id of each side is at most the one before 4294967295. */
	return field == 3 && line[2] > 0 && line[0] + line[2] <= 4294967295u &&
	       line[1] + line[2] <= 4294967295u;
}

static inline bool model_apart(uint64_t a, uint64_t b, uint64_t a_count, uint64_t b_count)
{
	return a + a_count <= b || b + b_count <= a;
}

static inline bool model_map_parse(const char *text, struct model_map *map)
{
	size_t bytes = 0;

	map->count = 0;
	if (text[0] == '\0')
		return false;
	while (*text) {
		size_t len = strcspn(text, "\n");
		uint64_t *line = map->line[map->count];
		char written[80];

		if (map->count == MODEL_LINES || !model_map_line(text, len, line))
			return false;
		for (size_t i = 0; i < map->count; i++)
			for (size_t side = 0; side < 2; side++)
				if (!model_apart(line[side], map->line[i][side], line[2],
						 map->line[i][2]))
					return false;
		snprintf(written, sizeof(written), "%llu %llu %llu\n", (unsigned long long)line[0],
			 (unsigned long long)line[1], (unsigned long long)line[2]);
		bytes += strlen(written);
		map->count++;
		text += len + (text[len] == '\n');
	}
	return bytes < 4096;
}
