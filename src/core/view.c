/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "name.h"
#include "text.h"

/* clang-format off */
static const char *const types[] = {
	"ext2", "ext3", "ext4",	 "xfs",	 "btrfs", "f2fs", "bcachefs", "zfs", "jfs", "reiserfs",
	"vfat", "exfat", "ntfs3", "erofs", "9p",  "virtiofs", "nfs",   "nfs4", "cifs", "ceph",
};
/* clang-format on */

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
#define LIST_SIZE ((size_t)ROOT_VIEW_MOUNTS * (sizeof(struct view_mount) + POINT_SIZE))

/* A list in one block: the array, then the texts. */
struct list {
	struct view_mount *mounts;
	char *text;
	size_t count;
};

static void list_add(struct list *l, const char *point, size_t len)
{
	if (l->count == ROOT_VIEW_MOUNTS || len >= POINT_SIZE)
		return;
	memcpy(l->text, point, len);
	l->text[len] = '\0';
	l->mounts[l->count++].path = l->text;
	l->text += len + 1;
}

static int list_from_mountinfo(struct list *l)
{
	autofile FILE *f = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	size_t room = 0;

	if (!f)
		return -errno;
	while (getline(&line, &room, f) > 0) {
		const char *point = covered_line(line);

		if (point)
			list_add(l, point, strlen(point));
	}
	return 0;
}

/*
 * Reading mountinfo takes as long as a tenth of a container's life on a small table, and longer than
 * all of it on a large one. Since Linux 6.8 the ids of all mounts are to be had in a moment, and an
 * id is never used twice: the list is kept with a hash of the ids it was made from, in the link
 * STATE/mounts, and made again when they have changed.
 */
#define IDS_AT_ONCE 4096
#define HASH_START 0xcbf29ce484222325u /* FNV-1a */
#define HASH_FACTOR 0x100000001b3u
#ifndef SYS_listmount
#define SYS_listmount 458
#endif

struct mount_ids_request {
	uint32_t size, spare;
	uint64_t mount, after;
};

static int hash_mounts(uint64_t *ret_hash)
{
	struct mount_ids_request request = {.size = sizeof(request), .mount = UINT64_MAX};
	autofree uint64_t *ids = malloc(IDS_AT_ONCE * sizeof(*ids));
	uint64_t hash = HASH_START;
	long n;

	if (!ids)
		return -ENOMEM;
	do {
		n = syscall(SYS_listmount, &request, ids, IDS_AT_ONCE, 0);
		if (n < 0)
			return -errno;
		for (long i = 0; i < n; i++)
			hash = (hash ^ ids[i]) * HASH_FACTOR;
		request.after = n ? ids[n - 1] : 0;
	} while (n == IDS_AT_ONCE);
	*ret_hash = hash;
	return 0;
}

/* "HASH" and ":POINT" for each. */
static bool list_from_cache(struct list *l, int state_dir, uint64_t hash)
{
	char text[PATH_SIZE];
	uint64_t cached;

	if (kernel_readlink(state_dir, "mounts", text, sizeof(text)) < 0 ||
	    text_parse_id(text, &cached) < 0 || cached != hash)
		return false;
	for (const char *s = text + ID_TEXT_SIZE - 1; *s == ':';) {
		size_t len = strcspn(s + 1, ":");

		list_add(l, s + 1, len);
		s += 1 + len;
	}
	return true;
}

static void list_to_cache(const struct list *l, int state_dir, uint64_t hash)
{
	char text[PATH_SIZE];
	size_t len = ID_TEXT_SIZE - 1;

	text_format_id(hash, text);
	for (size_t i = 0; i < l->count; i++)
		if (strchr(l->mounts[i].path, ':') ||
		    text_append(text, sizeof(text), &len, ":") < 0 ||
		    text_append(text, sizeof(text), &len, l->mounts[i].path) < 0)
			return;
	/* Without it the next one takes longer, and nothing else. */
	kernel_replace_link(state_dir, "mounts", text);
}

int view_list_mounts(int state_dir, char **ret_memory, struct root_plan *plan)
{
	autofree char *memory = malloc(LIST_SIZE);
	struct list l = {.mounts = (struct view_mount *)memory,
			 .text = memory + ROOT_VIEW_MOUNTS * sizeof(struct view_mount)};
	uint64_t hash = 0;
	bool hashed;
	int r = 0;

	if (!memory)
		return -ENOMEM;
	hashed = hash_mounts(&hash) == 0;
	if (!hashed || !list_from_cache(&l, state_dir, hash)) {
		r = list_from_mountinfo(&l);
		if (r == 0 && hashed)
			list_to_cache(&l, state_dir, hash);
	}
	if (r < 0)
		return r;
	plan->mounts = l.mounts;
	plan->mount_count = l.count;
	*ret_memory = memory;
	memory = NULL;
	return 0;
}
