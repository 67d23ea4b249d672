/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "become.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <containerfs/container.h>

#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "text.h"

#define STATUS_SIZE 2048 /* groups, which may be many, come after */

int become_prepare(int user_ns, struct become *ret_become)
{
	autofree struct userns_maps *maps = malloc(sizeof(*maps));
	int r = maps ? userns_read_maps(user_ns, maps) : -ENOMEM;

	for (int which = 0; r == 0 && which < 2; which++) {
		uint32_t root;

		if (id_map_parse(maps->text[which], &ret_become->map[which]) ||
		    !id_map_to_outside(&ret_become->map[which], 0, &root))
			r = error_set(-EINVAL, "become root: its id maps have no 0", NULL);
	}
	ret_become->asked = r == 0;
	return r;
}

/* "Uid:" and four numbers, real, effective, saved and that of the file system. */
static int line_is_nobodys(const struct id_map *map, const char *status, const char *key)
{
	const char *s = strstr(status, key);

	s = s ? s + strlen(key) : NULL;
	for (int i = 0; s && i < 4; i++) {
		uint64_t id;
		int used = *s == '\t' ? text_parse_u64(s + 1, UINT32_MAX, &id) : -EINVAL;

		if (used < 0)
			return used;
		if (!id_map_has_outside(map, (uint32_t)id))
			return 1;
		s += 1 + used;
	}
	return s ? 0 : -ESRCH;
}

int become_is_nobody(const struct become *become, int tasks, pid_t tid)
{
	char path[32], status[STATUS_SIZE];
	size_t len = (size_t)text_format_u64((uint64_t)tid, path);
	autoclose int fd = -EBADF;
	ssize_t n;
	int r;

	if (!become->asked)
		return 0;
	text_append(path, sizeof(path), &len, "/status");
	/* Its first line is a name of its own making, in which a newline is shown as "\n". */
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	status[n] = '\0';
	r = line_is_nobodys(&become->map[CONTAINER_UID_MAP], status, "\nUid:");
	return r ? r : line_is_nobodys(&become->map[CONTAINER_GID_MAP], status, "\nGid:");
}

int become_root(struct tracee *thread, struct tracee_calls *calls)
{
	static const long numbers[3] = {SYS_setgroups, SYS_setresgid, SYS_setresuid};
	long result;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int r = tracee_call(thread, calls, numbers[i], (const long[3]){0, 0, 0}, &result);

		if (r < 0 || result < 0)
			return r < 0 ? r : (int)result;
	}
	return 0;
}
