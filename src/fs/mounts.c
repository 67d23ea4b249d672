/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where callers see our mount: paths that lead into it are resolved by name, since walking them
 * would ask ourselves, who may be busy answering.
 */
#include "mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cleanup.h"

static char own_device[32]; /* "MAJOR:MINOR", as mountinfo has it */

/* The escapes of mountinfo: a backslash and three octal digits. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /root /point options ...": three fields of it, each ended with a NUL. */
static bool split(char *line, char **device, char **root, char **point)
{
	char *save = NULL, *field[5];

	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return false;
	}
	*device = field[2];
	*root = field[3];
	*point = field[4];
	unescape(*root);
	unescape(*point);
	return true;
}

int mounts_setup(const char *mount_point)
{
	autofile FILE *f = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	/* The last one is the one on top. */
	while (getline(&line, &size, f) > 0) {
		char *device, *root, *point;

		if (split(line, &device, &root, &point) && strcmp(point, mount_point) == 0)
			snprintf(own_device, sizeof(own_device), "%s", device);
	}
	return own_device[0] ? 0 : -ENOENT;
}

bool mounts_is_ours(const char *mount_point)
{
	autofile FILE *f = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	bool is_ours = false;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		bool kind = strstr(line, " - fuse.containerfs ");
		char *device, *root, *point;

		if (split(line, &device, &root, &point) && strcmp(point, mount_point) == 0)
			is_ours = kind;
	}
	return is_ours;
}

static bool leads_into(const char *path, const char *point)
{
	size_t len = strlen(point);

	if (len == 1)
		return true;
	return strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int mounts_find(pid_t tid, const char *path, struct mounts_place *ret_place)
{
	autofile FILE *f = NULL;
	autofree char *line = NULL;
	size_t size = 0, best = 0;
	char info[40];
	bool is_ours = false;

	snprintf(info, sizeof(info), "/proc/%d/mountinfo", tid);
	f = fopen(info, "re");
	while (f && getline(&line, &size, f) > 0) {
		char *device, *root, *point;

		if (!split(line, &device, &root, &point) || !leads_into(path, point) ||
		    strlen(point) < best)
			continue;
		best = strlen(point);
		is_ours = strcmp(device, own_device) == 0;
		snprintf(ret_place->root, sizeof(ret_place->root), "%s", root);
		ret_place->rest = path + (best > 1 ? best : 0);
	}
	return is_ours ? 0 : -ENOENT;
}

int mounts_point(pid_t tid, char *buf, size_t size)
{
	autofile FILE *f = NULL;
	autofree char *line = NULL;
	size_t line_size = 0;
	char info[40];

	snprintf(info, sizeof(info), "/proc/%d/mountinfo", tid);
	f = fopen(info, "re");
	while (f && getline(&line, &line_size, f) > 0) {
		char *device, *root, *point;

		if (!split(line, &device, &root, &point) || strcmp(device, own_device) != 0 ||
		    strcmp(root, "/") != 0)
			continue;
		if (strlen(point) >= size)
			return -ENAMETOOLONG;
		memcpy(buf, point, strlen(point) + 1);
		return 0;
	}
	return -ENOENT;
}
