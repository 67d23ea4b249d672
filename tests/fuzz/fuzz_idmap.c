/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * id_map_parse: takes what the naive model takes, as the same map; whatever it takes is written again
 * as a text that is parsed as the same, and fits where the kernel wants it.
 */
#include "../unit/models.h"
#include "fuzz.h"
#include "idmap.h"

static void check_map(const struct id_map *map, const struct model_map *model)
{
	holds(map->count == model->count);
	for (size_t i = 0; i < map->count; i++) {
		holds(map->range[i].inside == model->line[i][0]);
		holds(map->range[i].outside == model->line[i][1]);
		holds(map->range[i].count == model->line[i][2]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), back[ID_MAP_TEXT_SIZE];
	static struct id_map map, untouched;
	static struct model_map model;
	const char *why;

	memset(&map, 0x5a, sizeof(map));
	untouched = map;
	why = id_map_parse(text, &map);
	holds(model_map_parse(text, &model) == !why);
	if (!why) {
		check_map(&map, &model);
		holds(id_map_format(&map, '\n', back) == (int)strlen(back));
		holds(strlen(back) + 1 < ID_MAP_TEXT_SIZE);
		holds(!id_map_parse(back, &map));
		check_map(&map, &model);
	} else {
		holds(memcmp(&map, &untouched, sizeof(map)) == 0);
	}
	free(text);
	return 0;
}
