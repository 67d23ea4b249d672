/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "kernel.h"
#include "object.h"
#include "record.h"

#define ACCESS_TEXT_SIZE 64
#define MODE_MAX 07777

static const struct container_access common = {.size = sizeof(common), .mode = 0755};

/* Three numbers with a space after each but the last. */
static int parse(const char *text, struct container_access *ret_access)
{
	const uint64_t max[3] = {UINT32_MAX - 1, UINT32_MAX - 1, MODE_MAX};
	uint64_t value[3];

	for (int i = 0; i < 3; i++) {
		int used = text_parse_u64(text, max[i], &value[i]);

		if (used < 0 || text[used] != (i < 2 ? ' ' : '\0'))
			return -EUCLEAN;
		text += used + 1;
	}
	*ret_access = common;
	ret_access->uid = (uid_t)value[0];
	ret_access->gid = (gid_t)value[1];
	ret_access->mode = (mode_t)value[2];
	return 0;
}

/* "./@owner" is "@owner". */
static int damaged(int dir, const char *path)
{
	return record_damaged(dir, strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

int access_check(const char *text)
{
	struct container_access access;

	return parse(text, &access);
}

int access_load_at(int dir, const char *name, struct container_access *ret_access)
{
	char path[NAME_SIZE + sizeof("/" OBJECT_OWNER)] = "", text[ACCESS_TEXT_SIZE];
	size_t len = 0;
	ssize_t n;

	if (text_append(path, sizeof(path), &len, name) < 0 ||
	    text_append(path, sizeof(path), &len, "/" OBJECT_OWNER) < 0)
		return -ENAMETOOLONG;
	n = kernel_readlink(dir, path, text, sizeof(text));
	if (n == -ENOENT) {
		*ret_access = common;
		return 0;
	}
	if (n < 0 && !object_lacks_record(n))
		return (int)n;
	return n < 0 || parse(text, ret_access) < 0 ? damaged(dir, path) : 0;
}

int access_load(int dir, struct container_access *ret_access)
{
	return access_load_at(dir, ".", ret_access);
}

int access_store(int dir, const struct container_access *access)
{
	char text[ACCESS_TEXT_SIZE];
	struct container_access new;
	int r = access_load(dir, &new);

	if (r < 0 && r != -EUCLEAN)
		return r;
	if (r < 0)
		new = common;
	if (access->uid != (uid_t)-1)
		new.uid = access->uid;
	if (access->gid != (gid_t)-1)
		new.gid = access->gid;
	if (access->mode != (mode_t)-1)
		new.mode = access->mode;
	if (new.mode > MODE_MAX)
		return error_set(-EINVAL, "not a mode", NULL);
	snprintf(text, sizeof(text), "%u %u %u", new.uid, new.gid, new.mode);
	return record_write(dir, OBJECT_OWNER, text);
}
