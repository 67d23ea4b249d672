/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "idmap.h"

#include <errno.h>
#include <string.h>

#include "text.h"

/* A number and the blanks around it; NULL: there is none, or too large a one. */
static const char *number(const char *s, uint64_t max, uint32_t *ret_value)
{
	uint64_t value;
	int n;

	s += strspn(s, " \t");
	n = text_parse_u64(s, max, &value);
	if (n < 0)
		return NULL;
	*ret_value = (uint32_t)value;
	return s + n + strspn(s + n, " \t");
}

/* Three numbers; *s is moved to the end of the line. */
static const char *parse_line(const char **s, struct id_range *ret_range)
{
	const char *rest = number(*s, ID_MAP_LAST, &ret_range->inside);

	rest = rest ? number(rest, ID_MAP_LAST, &ret_range->outside) : NULL;
	rest = rest ? number(rest, ID_MAP_LAST + 1, &ret_range->count) : NULL;
	if (!rest || (*rest != '\n' && *rest != '\0'))
		return "a line of an id map is INSIDE OUTSIDE COUNT, in numbers below 4294967295";
	if (ret_range->count == 0)
		return "a range of an id map has at least one id";
	if (ret_range->count > ID_MAP_LAST + 1 - ret_range->inside ||
	    ret_range->count > ID_MAP_LAST + 1 - ret_range->outside)
		return "a range of an id map ends beyond the last id, 4294967294";
	*s = rest;
	return NULL;
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < b ? b - a < a_count : a - b < b_count;
}

static const char *check_overlap(const struct id_map *map, const struct id_range *r)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *other = &map->range[i];

		if (overlap(r->inside, r->count, other->inside, other->count))
			return "ranges of an id map overlap inside";
		if (overlap(r->outside, r->count, other->outside, other->count))
			return "ranges of an id map overlap outside";
	}
	return NULL;
}

const char *id_map_parse(const char *text, struct id_map *ret_map)
{
	char formatted[ID_MAP_TEXT_SIZE];
	struct id_map map = {.count = 0};

	if (*text == '\0')
		return "an id map has at least one line";
	while (*text) {
		struct id_range range;
		const char *why = parse_line(&text, &range);

		if (!why && map.count == ID_MAP_RANGES)
			why = "an id map has at most 340 lines";
		why = why ? why : check_overlap(&map, &range);
		if (why)
			return why;
		map.range[map.count++] = range;
		text += *text == '\n';
	}
	/* The kernel wants to be given it in one write of less than a page. */
	if (id_map_format(&map, '\n', formatted) < 0)
		return "an id map has less than 4096 bytes";
	ret_map->count = map.count;
	memcpy(ret_map->range, map.range, map.count * sizeof(map.range[0]));
	return NULL;
}

int id_map_format(const struct id_map *map, char separator, char buf[ID_MAP_TEXT_SIZE])
{
	const char after[3][2] = {" ", " ", {separator, '\0'}};
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *r = &map->range[i];
		const uint32_t values[3] = {r->inside, r->outside, r->count};

		for (size_t k = 0; k < 3; k++) {
			char digits[21];

			text_format_u64(values[k], digits);
			if (text_append(buf, ID_MAP_TEXT_SIZE, &len, digits) < 0 ||
			    text_append(buf, ID_MAP_TEXT_SIZE, &len, after[k]) < 0)
				return -ENAMETOOLONG;
		}
	}
	/* There was room for the last one, so that it can be put back. */
	if (len)
		buf[--len] = '\0';
	return (int)len;
}

bool id_map_to_outside(const struct id_map *map, uint32_t inside, uint32_t *ret_outside)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *r = &map->range[i];

		if (inside < r->inside || inside - r->inside >= r->count)
			continue;
		*ret_outside = r->outside + (inside - r->inside);
		return true;
	}
	return false;
}

bool id_map_has_outside(const struct id_map *map, uint32_t id)
{
	for (size_t i = 0; i < map->count; i++)
		if (id >= map->range[i].outside && id - map->range[i].outside < map->range[i].count)
			return true;
	return false;
}

void id_map_make_identity(struct id_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		map->range[i].outside = map->range[i].inside;
}

void id_map_remove_last(struct id_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		struct id_range *r = &map->range[i];

		if (ID_MAP_LAST - r->outside != r->count - 1)
			continue;
		if (--r->count == 0)
			*r = map->range[--map->count];
		/* Ranges do not overlap. */
		return;
	}
}
