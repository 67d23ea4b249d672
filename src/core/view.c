/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static const char *const types[] = {
	"ext2", "ext3", "ext4",	 "xfs",	 "btrfs", "f2fs", "bcachefs", "zfs", "jfs", "reiserfs",
	"vfat", "exfat", "ntfs3", "erofs", "9p",  "virtiofs", "nfs",   "nfs4", "cifs", "ceph",
};

static const char *const left_out[] = {"dev", "proc", "run", "sys", "tmp"};

static bool covered_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

static bool covered_path(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
		size_t len = strlen(left_out[i]);

		if (strncmp(path, left_out[i], len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return false;
	}
	/* An escaped character: such a mount point is left out, with its odd name. */
	return path[0] != '\0' && !strchr(path, '\\');
}

/* "36 35 98:0 /root /point options - type source ...": the point without its '/', or NULL. */
static char *covered_line(char *line)
{
	char *point = line, *end, *type;

	for (int field = 0; point && field < 4; field++) {
		point = strchr(point, ' ');
		point = point ? point + 1 : NULL;
	}
	end = point ? strchr(point, ' ') : NULL;
	type = end ? strstr(end, " - ") : NULL;
	if (!type)
		return NULL;
	*end = '\0';
	type += 3;
	type[strcspn(type, " ")] = '\0';
	return covered_type(type) && covered_path(point + 1) ? point + 1 : NULL;
}

#define POINT_SIZE 256 /* longer ones are left out */

int view_list_mounts(char **ret_memory, struct root_plan *plan)
{
	const size_t list_size = ROOT_VIEW_MOUNTS * sizeof(struct view_mount);
	autofree char *memory = malloc(list_size + ROOT_VIEW_MOUNTS * POINT_SIZE);
	struct view_mount *mounts = (struct view_mount *)memory;
	char *text = memory + list_size;
	autofree char *line = NULL;
	size_t room = 0, count = 0;
	FILE *f;

	if (!memory)
		return -ENOMEM;
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return -errno;
	while (count < ROOT_VIEW_MOUNTS && getline(&line, &room, f) > 0) {
		const char *point = covered_line(line);

		if (!point || strlen(point) >= POINT_SIZE)
			continue;
		mounts[count++].path = text;
		text = stpcpy(text, point) + 1;
	}
	fclose(f);
	plan->mounts = mounts;
	plan->mount_count = count;
	*ret_memory = memory;
	memory = NULL;
	return 0;
}
