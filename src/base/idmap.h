/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps of user or group ids, as /proc/PID/uid_map has them: a line "INSIDE OUTSIDE COUNT" for each
 * range. What is parsed here the kernel takes too, if the ids outside exist where it is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_MAP_RANGES 340      /* the kernel's limit, since Linux 4.15 */
#define ID_MAP_TEXT_SIZE 4096  /* of a map with a newline after each line, and a NUL */
#define ID_MAP_LAST 4294967294 /* the number after it stands for "none" */
#define ID_MAP_IDENTITY "0 0 4294967295\n"

struct id_range {
	uint32_t inside, outside, count;
};

struct id_map {
	size_t count;
	struct id_range range[ID_MAP_RANGES];
};

/*
 * NULL, and the map in *ret_map; or a sentence saying why the text is none. Blanks may stand around
 * the numbers, as the kernel writes them, and a newline after the last line.
 */
const char *id_map_parse(const char *text, struct id_map *ret_map);

/*
 * With single blanks, and separator after each line but the last. Returns the length; -ENAMETOOLONG:
 * of ID_MAP_TEXT_SIZE, which no map of id_map_parse() is.
 */
int id_map_format(const struct id_map *map, char separator, char buf[ID_MAP_TEXT_SIZE]);

/* What an id inside is outside; false: it is nobody. */
bool id_map_to_outside(const struct id_map *map, uint32_t inside, uint32_t *ret_outside);

/* Whether an id outside is mapped. */
bool id_map_has_outside(const struct id_map *map, uint32_t id);

/* The ids inside, each of them as itself outside. */
void id_map_make_identity(struct id_map *map);

/* ID_MAP_LAST outside is not mapped any more; the map may be empty then. */
void id_map_remove_last(struct id_map *map);
