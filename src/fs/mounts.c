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

/* A thread's mountinfo, line by line: what is said of one mount. */
struct mountinfo {
	FILE *file;
	char *line;
	size_t size;
	const char *device, *root, *point;
	bool is_containerfs;
};

/* Of this process, if tid is 0. Without a file there is no line. */
static int mountinfo_open(struct mountinfo *m, pid_t tid)
{
	char path[40] = "/proc/self/mountinfo";

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", tid);
	*m = (struct mountinfo){.file = fopen(path, "re")};
	return m->file ? 0 : -errno;
}

static void mountinfo_close(struct mountinfo *m)
{
	cleanup_file(&m->file);
	free(m->line);
}
#define automountinfo __attribute__((cleanup(mountinfo_close)))

/* "36 35 98:0 /root /point options ... - type ...": three fields of it, each ended with a NUL. */
static bool split(struct mountinfo *m)
{
	char *save = NULL, *field[5];

	m->is_containerfs = strstr(m->line, " - fuse.containerfs ");
	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : m->line, " ", &save);
		if (!field[i])
			return false;
	}
	unescape(field[3]);
	unescape(field[4]);
	m->device = field[2];
	m->root = field[3];
	m->point = field[4];
	return true;
}

/* The last line of a mount point is of the mount on top. */
static bool mountinfo_next(struct mountinfo *m)
{
	while (m->file && getline(&m->line, &m->size, m->file) > 0)
		if (split(m))
			return true;
	return false;
}

int mounts_setup(const char *mount_point)
{
	automountinfo struct mountinfo m;
	int r = mountinfo_open(&m, 0);

	if (r < 0)
		return r;
	while (mountinfo_next(&m))
		if (strcmp(m.point, mount_point) == 0)
			snprintf(own_device, sizeof(own_device), "%s", m.device);
	return own_device[0] ? 0 : -ENOENT;
}

bool mounts_is_ours(const char *mount_point)
{
	automountinfo struct mountinfo m;
	bool is_ours = false;

	mountinfo_open(&m, 0);
	while (mountinfo_next(&m))
		if (strcmp(m.point, mount_point) == 0)
			is_ours = m.is_containerfs;
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
	automountinfo struct mountinfo m;
	bool is_ours = false;
	size_t best = 0;

	mountinfo_open(&m, tid);
	while (mountinfo_next(&m)) {
		if (!leads_into(path, m.point) || strlen(m.point) < best)
			continue;
		best = strlen(m.point);
		is_ours = strcmp(m.device, own_device) == 0;
		snprintf(ret_place->root, sizeof(ret_place->root), "%s", m.root);
		ret_place->rest = path + (best > 1 ? best : 0);
	}
	return is_ours ? 0 : -ENOENT;
}

int mounts_point(pid_t tid, char *buf, size_t size)
{
	automountinfo struct mountinfo m;

	mountinfo_open(&m, tid);
	while (mountinfo_next(&m)) {
		if (strcmp(m.device, own_device) != 0 || strcmp(m.root, "/") != 0)
			continue;
		if (strlen(m.point) >= size)
			return -ENAMETOOLONG;
		memcpy(buf, m.point, strlen(m.point) + 1);
		return 0;
	}
	return -ENOENT;
}
