/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HOSTNAME_MAX 64

/* The entries of a container's directory in the tree of files: a nested one must not hide them. */
/* clang-format off */
static const char *const reserved[] = {
	"init_container", "self",    "by-pid",	 "tasks", "init", "network",  "uts",
	"ipc",		  "mount",   "pid",	 "user",  "cgroup", "time",   "root",
	"hostname",	  "uid_map", "gid_map", "state", "freeze", "kill",   "id",
	"status",	  "cgroup.d",
};
/* clang-format on */

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '+' || c == '-';
}

const char *name_error(const char *name, size_t len)
{
	if (len == 0)
		return "a name has at least one character";
	if (len >= NAME_SIZE)
		return "a name has at most 255 bytes";
	for (size_t i = 0; i < len; i++)
		if (!name_char(name[i]))
			return "a name is made of letters, digits and _ . + - only";
	if ((len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
		return "\".\" and \"..\" are not names of containers";
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == len && memcmp(reserved[i], name, len) == 0)
			return "this name is reserved for an entry of the container tree";
	return NULL;
}

int name_next(const char **path, char name[NAME_SIZE])
{
	const char *p = *path + strspn(*path, "/");
	size_t len = strcspn(p, "/");
	size_t kept = len < NAME_SIZE ? len : NAME_SIZE - 1;

	memcpy(name, p, kept);
	name[kept] = '\0';
	if (len == 0)
		return 0;
	if (name_error(p, len))
		return -EINVAL;
	*path = p + len + strspn(p + len, "/");
	return (int)len;
}

size_t name_parent_len(const char *path)
{
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] != '/')
		len--;
	return len;
}

bool name_is_hostname(const char *text)
{
	size_t len = 0;

	while (len <= HOSTNAME_MAX && text[len] >= ' ' && text[len] <= '~')
		len++;
	return len > 0 && len <= HOSTNAME_MAX && text[len] == '\0';
}
