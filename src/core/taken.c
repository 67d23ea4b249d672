/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taken.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "dir.h"
#include "idmap.h"
#include "kernel.h"
#include "text.h"

#define KERNEL_MAP_SIZE 16384

static const char *const subid_files[2] = {"/etc/subuid", "/etc/subgid"};
static const char *const map_files[2] = {"uid_map", "gid_map"};

static int add(struct taken *t, int kind, uint32_t first, uint64_t count)
{
	if (t->count[kind] == t->room[kind]) {
		size_t room = t->room[kind] ? 2 * t->room[kind] : 16;
		struct taken_range *range = reallocarray(t->range[kind], room, sizeof(*range));

		if (!range)
			return -ENOMEM;
		t->range[kind] = range;
		t->room[kind] = room;
	}
	t->range[kind][t->count[kind]++] = (struct taken_range){first, count};
	return 0;
}

/* "NAME:FIRST:COUNT"; what is no such line means nothing to shadow's programs either. */
static bool parse_line(const char *line, bool *ret_containers, struct taken_line *ret_line)
{
	const char *colon = strchr(line, ':');
	uint64_t first, count;
	int n = colon ? text_parse_u64(colon + 1, ID_MAP_LAST, &first) : -EINVAL;

	if (n < 0 || colon[1 + n] != ':' ||
	    text_parse_u64(colon + n + 2, ID_MAP_LAST + 1 - first, &count) < 0 || count == 0)
		return false;
	*ret_containers = (size_t)(colon - line) == strlen("containers") &&
			  strncmp(line, "containers:", strlen("containers:")) == 0;
	*ret_line = (struct taken_line){(uint32_t)first, (uint32_t)count};
	return true;
}

static int read_subids(struct taken *t, int kind, struct taken_line *containers)
{
	autofile FILE *f = fopen(subid_files[kind], "re");
	autofree char *line = NULL;
	struct taken_line found;
	bool for_containers;
	size_t room = 0;
	int r = 0;

	*containers = (struct taken_line){0};
	if (!f)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	while (r == 0 && getline(&line, &room, f) > 0) {
		if (!parse_line(line, &for_containers, &found))
			continue;
		if (for_containers && containers->count == 0)
			*containers = found;
		else if (!for_containers)
			r = add(t, kind, found.first, found.count);
	}
	return r;
}

int taken_read_subids(struct taken *t, struct taken_line containers[2])
{
	int r = read_subids(t, 0, &containers[0]);

	return r ? r : read_subids(t, 1, &containers[1]);
}

static int add_map(struct taken *t, int kind, const struct id_map *map)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < map->count; i++)
		if (map->range[i].inside != map->range[i].outside)
			r = add(t, kind, map->range[i].outside, map->range[i].count);
	return r;
}

static int read_map(struct taken *t, int kind, int proc, const char *pid,
		    char text[KERNEL_MAP_SIZE])
{
	char path[64] = "";
	struct id_map map;
	size_t len = 0;

	if (text_append(path, sizeof(path), &len, pid) < 0 ||
	    text_append(path, sizeof(path), &len, "/") < 0 ||
	    text_append(path, sizeof(path), &len, map_files[kind]) < 0)
		return 0;
	/* It may have ended. */
	if (kernel_read_file(proc, path, text, KERNEL_MAP_SIZE) <= 0 || id_map_parse(text, &map))
		return 0;
	return add_map(t, kind, &map);
}

/* Nearly all have the user ids of one before them, who has their group ids then. */
struct texts {
	char last[KERNEL_MAP_SIZE], text[KERNEL_MAP_SIZE];
};

static int read_maps(struct taken *t, int proc, const char *pid, struct texts *texts)
{
	char path[64] = "";
	size_t len = 0;
	int r;

	if (text_append(path, sizeof(path), &len, pid) < 0 ||
	    text_append(path, sizeof(path), &len, "/uid_map") < 0 ||
	    kernel_read_file(proc, path, texts->text, sizeof(texts->text)) <= 0 ||
	    strcmp(texts->text, texts->last) == 0)
		return 0;
	memcpy(texts->last, texts->text, strlen(texts->text) + 1);
	r = read_map(t, 0, proc, pid, texts->text);
	return r ? r : read_map(t, 1, proc, pid, texts->text);
}

int taken_read_running(struct taken *t)
{
	autofree struct texts *texts = calloc(1, sizeof(*texts));
	autodir DIR *proc = NULL;
	const char *name;
	int r = texts ? dir_open(AT_FDCWD, "/proc", &proc) : -ENOMEM;

	while (r == 0 && (name = dir_next_subdir(proc, &r)))
		if (name[0] >= '1' && name[0] <= '9')
			r = read_maps(t, dirfd(proc), name, texts);
	return r;
}

bool taken_has(const struct taken *t, int kind, uint32_t first, uint64_t count)
{
	for (size_t i = 0; i < t->count[kind]; i++) {
		const struct taken_range *r = &t->range[kind][i];

		if (first < r->first ? r->first - first < count : first - r->first < r->count)
			return true;
	}
	return false;
}

void taken_close(struct taken *t)
{
	for (int kind = 0; kind < 2; kind++)
		free(t->range[kind]);
}
