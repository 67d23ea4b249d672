/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"

#define MAP_SIZE 16384 /* 340 lines of three numbers */

static const struct ids_range identity[] = {{0, 0, UINT32_MAX}};

void ids_init(struct ids *ids)
{
	*ids = (struct ids){.range = {NULL, NULL}};
}

static int parse(struct ids *ids, int which, const char *map)
{
	size_t lines = 0;

	for (const char *s = map; (s = strchr(s, '\n')); s++)
		lines++;
	ids->range[which] = calloc(lines + 1, sizeof(*ids->range[which]));
	if (!ids->range[which])
		return -1;
	for (const char *s = map; ids->count[which] < lines; s = strchr(s, '\n') + 1) {
		struct ids_range *r = &ids->range[which][ids->count[which]++];

		if (sscanf(s, "%u %u %u", &r->inside, &r->outside, &r->count) != 3)
			return -1;
	}
	/* No own user namespace: so it is seen that there is nothing to be done. */
	if (lines == 1 && memcmp(ids->range[which], identity, sizeof(identity)) == 0) {
		free(ids->range[which]);
		ids->range[which] = NULL;
	}
	return 0;
}

int ids_load(struct ids *ids, int container, const char *name)
{
	autofree char *map = malloc(MAP_SIZE);

	for (int which = 0; which < 2; which++) {
		ssize_t n = map ? container_get_id_map(container, which | CONTAINER_MAP_OUTSIDE,
						       map, MAP_SIZE)
				: -1;

		if (n < 0) {
			cli_failed(name);
			return -1;
		}
		if (parse(ids, which, map) < 0) {
			cli_message(name, "id map: %s", strerror(ENOMEM));
			return -1;
		}
	}
	return 0;
}

/* Where it lies in a range, and what is there on the other side. */
static bool find(const struct ids *ids, int which, bool outward, uint32_t id, uint32_t *ret_id)
{
	const struct ids_range *range = ids->range[which] ? ids->range[which] : identity;
	size_t count = ids->range[which] ? ids->count[which] : 1;

	for (size_t i = 0; i < count; i++) {
		uint32_t from = outward ? range[i].inside : range[i].outside;
		uint32_t to = outward ? range[i].outside : range[i].inside;

		if (id >= from && id - from < range[i].count) {
			*ret_id = to + (id - from);
			return true;
		}
	}
	return false;
}

bool ids_inside(const struct ids *ids, int which, uint32_t outside, uint32_t *ret_inside)
{
	return find(ids, which, false, outside, ret_inside);
}

bool ids_outside(const struct ids *ids, int which, uint32_t inside, uint32_t *ret_outside)
{
	return find(ids, which, true, inside, ret_outside);
}

void ids_free(struct ids *ids)
{
	for (int which = 0; which < 2; which++)
		free(ids->range[which]);
	ids_init(ids);
}
