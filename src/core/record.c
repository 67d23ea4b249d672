/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <errno.h>
#include <string.h>

#include "access.h"
#include "ended.h"
#include "error.h"
#include "init.h"
#include "kernel.h"
#include "keys.h"
#include "limit.h"
#include "maps.h"
#include "object.h"
#include "range.h"
#include "stop.h"

static int check_spec(const char *text)
{
	struct spec spec;

	return spec_parse(text, &spec) < 0 ? -EUCLEAN : 0;
}

/* Any path, as it was given, or "view". */
static int check_root(const char *text)
{
	return text[0] == '/' || strcmp(text, "view") == 0 ? 0 : -EUCLEAN;
}

#define MAP(name)                                                                                  \
	{                                                                                          \
		name, "maps", maps_check, RECORD_BY_HAND, "which ids it has"                       \
	}

const struct record_kind record_kinds[] = {
	{OBJECT_SPEC, "object", check_spec, RECORD_REMOVES, "what it is"},
	{OBJECT_INIT, "init", init_check, RECORD_FORGOTTEN, "who was init"},
	{OBJECT_KEYS, "keys", keys_check, RECORD_FORGOTTEN, "its keys"},
	{OBJECT_ROOT, "change", check_root, RECORD_FORGOTTEN, "the path of its root"},
	{OBJECT_OWNER, "access", access_check, RECORD_CLOSED, "whose it is"},
	{OBJECT_STOP, "stop", stop_check, RECORD_FORGOTTEN, "its stop signal and grace period"},
	{OBJECT_LIMITS, "limit", limit_check, RECORD_BY_HAND, "its limits"},
	{OBJECT_ENDED, "ended", ended_check, RECORD_FORGOTTEN, "how init has ended"},
	{OBJECT_ENDING, "ended", init_check, RECORD_FORGOTTEN, "that it is being stopped"},
	MAP("@uid_map"),
	MAP("@gid_map"),
	MAP("@uid_map.2"),
	MAP("@gid_map.2"),
	{"@ids", "range", range_check, RECORD_BY_HAND, "which ids it has"},
	{"@ids.2", "range", range_check, RECORD_BY_HAND, "which ids it has"},
	{NULL, NULL, NULL, RECORD_REMOVES, NULL},
};

const struct record_kind *record_kind_of(const char *name)
{
	for (const struct record_kind *k = record_kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

int record_damaged(int dir, const char *name)
{
	char path[PATH_SIZE + NAME_SIZE + 1] = "";
	size_t len;

	if (kernel_fd_path(dir, path, PATH_SIZE) < 0)
		path[0] = '\0';
	len = strlen(path);
	text_append(path, sizeof(path), &len, "/");
	text_append(path, sizeof(path), &len, name);
	/* Of a long path the end is what tells. */
	return error_set(-EUCLEAN, "its record is damaged; container check tells what can be done",
			 len < ERROR_OBJECT_SIZE ? path : path + len - ERROR_OBJECT_SIZE + 1);
}

ssize_t record_read(int dir, const char *name, char *buf, size_t size)
{
	ssize_t n = kernel_readlink(dir, name, buf, size);

	return n == -EINVAL || n == -ENAMETOOLONG ? record_damaged(dir, name) : n;
}

int record_write(int dir, const char *name, const char *text)
{
	int r = kernel_replace_link(dir, name, text);

	return r == -EISDIR || r == -EEXIST ? record_damaged(dir, name) : r;
}
